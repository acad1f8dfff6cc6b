"""gan-sample: the pictures and arrays it writes are those samples, and nothing else is touched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_cli import checkpoint, export
from gan_cli.cli.sample import main
from gan_cli.grid import tile, to_uint8
from gan_cli.models import dcgan, mlp

PRIOR = {"_target_": "gan_cli.priors.Normal", "dim": 4}


LABELS = {"cat": 0, "dog": 2, "7": 3}  # of four classes that a generator has, those that were in its data


def finished(directory: Path, shape=(1, 8, 8), family=dcgan, average=True, **arguments) -> Path:
    """A finished run's directory, as far as gan-sample looks."""
    directory.mkdir()
    node = {"_target_": f"{family.__name__}.Generator"} | arguments
    classes = node.pop("classes", None)
    config = {"model": {"generator": node}, "prior": PRIOR}
    export.begin(directory, export.describe(config, shape, 4, classes, LABELS if classes else None))
    torch.manual_seed(0)
    G, other = family.Generator(shape, 4, **arguments), family.Generator(shape, 4, **arguments)
    export.write(directory, G, other if average else None, step=300)
    return directory


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(finished(tmp_path / "run", base_channels=2))


@pytest.fixture
def points(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(finished(tmp_path / "run", (2,), mlp, width=4))


@pytest.fixture
def classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(finished(tmp_path / "run", base_channels=2, classes=4))


def fails(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def drawn(run: str, n: int, seed=0, averaged=None, label=None) -> torch.Tensor:
    sampler = export.load(Path(run), averaged)
    return sampler(sampler.noise(seed, 0, n), label)


def said(capsys) -> str:
    """What was written to the error stream, wherever its lines were broken."""
    return " ".join(capsys.readouterr().err.split())


def names(directory="samples-0") -> list[str]:
    return sorted(os.listdir(directory))


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_grid_of_64_is_what_one_gets_without_asking(images, capsys):
    main([images])
    assert names() == ["grid.png"]
    assert np.array_equal(pixels("samples-0/grid.png"), tile(drawn(images, 64)))
    assert capsys.readouterr().out == (
        "drew 64 samples of step 300 with seed 0 (averaged weights)\n  grid   samples-0/grid.png\n"
    )


def test_the_seed_names_the_directory_and_chooses_the_samples(images):
    main([images, "--seed", "3", "-n", "4", "--npy"])
    assert np.array_equal(np.load("samples-3/samples.npy"), to_uint8(drawn(images, 4, seed=3)).numpy())


def test_images_are_an_array_of_bytes(images):
    main([images, "-n", "70", "--npy"])
    array = np.load("samples-0/samples.npy")
    assert (array.dtype, array.shape) == (np.uint8, (70, 1, 8, 8))
    assert np.array_equal(array, to_uint8(drawn(images, 70)).numpy())


def test_points_are_an_array_of_floats(points):
    main([points, "-n", "70", "--npy"])
    array = np.load("samples-0/samples.npy")
    assert (array.dtype, array.shape) == (np.float32, (70, 2))
    assert np.array_equal(array, drawn(points, 70).numpy())


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_single_pictures_have_the_size_and_the_channels_of_the_data(tmp_path, channels, mode):
    run, out = str(finished(tmp_path / "run", (channels, 8, 8), base_channels=2)), tmp_path / "out"
    main([run, "-n", "34", "--png", "--out", str(out)])
    assert names(out) == [f"sample-{i:06}.png" for i in range(34)]
    expected = to_uint8(drawn(run, 34)).permute(0, 2, 3, 1).numpy()
    for i in (0, 31, 32, 33):
        with Image.open(out / f"sample-{i:06}.png") as picture:
            assert (picture.mode, picture.size) == (mode, (8, 8))
            assert np.array_equal(np.asarray(picture).reshape(8, 8, channels), expected[i])


def test_the_first_five_of_seventy_are_the_five_that_another_process_draws(images):
    main([images, "-n", "70", "--npy", "--png", "--out", "many"])
    code = f"from gan_cli.cli.sample import main; main([{images!r}, '-n', '5', '--npy', '--png', '--out', 'few'])"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert np.array_equal(np.load("few/samples.npy"), np.load("many/samples.npy")[:5])
    for i in range(5):
        name = f"sample-{i:06}.png"
        assert Path("few", name).read_bytes() == Path("many", name).read_bytes()


def test_points_do_not_depend_on_how_many_are_drawn_to_the_last_bit(points):
    main([points, "-n", "70", "--npy", "--out", "many"])
    main([points, "-n", "5", "--npy", "--out", "few"])
    assert np.load("few/samples.npy").tobytes() == np.load("many/samples.npy")[:5].tobytes()


@pytest.mark.parametrize(("option", "averaged"), [("--ema", True), ("--no-ema", False)])
def test_the_weights_are_chosen_and_named(images, capsys, option, averaged):
    main([images, option, "-n", "3", "--npy"])
    assert np.array_equal(np.load("samples-0/samples.npy"), to_uint8(drawn(images, 3, averaged=averaged)).numpy())
    assert ("(averaged weights)" if averaged else "(weights of the last step)") in capsys.readouterr().out


def test_a_generator_folder_on_its_own_is_enough(images):
    main([f"{images}/generator", "-n", "3", "--npy"])
    assert np.array_equal(np.load("samples-0/samples.npy"), to_uint8(drawn(images, 3)).numpy())


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_the_way_goes_through_all_samples_and_back(images, way):
    main([images, "-n", "3", "--steps", "2", "--interpolate", way])
    assert names() == ["interpolation.gif", "interpolation.png"]
    picture = pixels("samples-0/interpolation.png")
    scale = 1200 // (3 * 8)
    cells = picture[2:, 2:].reshape(3, 8 * scale + 2, 3, 8 * scale + 2, 3)[:, :-2, :, :-2][:, ::scale, :, ::scale, 0]
    cells = cells.transpose(0, 2, 1, 3)  # [rows, columns, H, W]
    ends = to_uint8(drawn(images, 3)).numpy()[:, 0]
    assert np.array_equal(cells[:, 0], ends)
    assert np.array_equal(cells[:, 2], ends[[1, 2, 0]])
    with Image.open("samples-0/interpolation.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (6, (256, 256), 0)


def test_the_two_ways_are_two(images):
    for way in ("linear", "spherical"):
        main([images, "--interpolate", way, "--out", way])
    assert Path("linear/interpolation.png").read_bytes() != Path("spherical/interpolation.png").read_bytes()


def test_points_of_the_plane_are_a_scatter_plot_and_numbers_a_histogram(tmp_path):
    for dim in (1, 2):
        run, out = finished(tmp_path / f"run{dim}", (dim,), mlp, width=4), tmp_path / f"out{dim}"
        main([str(run), "--out", str(out)])
        picture = pixels(out / "grid.png")
        assert picture.shape == (560, 640, 3)
        assert (picture == (0xD5, 0x5E, 0x00)).all(2).sum() > 100  # the colour of generated points


def test_a_generator_that_diverged_says_so_and_is_still_drawn(images, capsys):
    state = {"step": 400, "G": export.load(Path(images)).G.state_dict(), "ema": None}
    state["G"] = {
        key: value * float("nan") if value.is_floating_point() else value for key, value in state["G"].items()
    }
    checkpoint.save(Path(images) / "checkpoints", 400, state, keep=None)
    main([images, "-n", "3"])
    assert "3 of 3 samples are not finite" in capsys.readouterr().err


# -- classes -------------------------------------------------------------------------------------------------------


def test_every_class_is_a_row_and_every_z_a_column(classes, capsys):
    main([classes])
    rows = torch.cat([drawn(classes, 21, label=y) for y in (0, 2, 3)])
    assert np.array_equal(pixels("samples-0/grid.png"), tile(rows, columns=21))
    assert (rows[:21] - rows[21:42]).abs().max() > 1e-3, "two classes of one z differ"
    assert capsys.readouterr().out.startswith("drew 63 samples, 21 of each of 3 classes, of step 300 with seed 0")


@pytest.mark.parametrize(("asked", "label"), [("dog", 2), ("2", 2), ("7", 3), ("3", 3), ("cat", 0)])
def test_a_class_goes_by_its_name_or_its_number(classes, capsys, asked, label):
    main([classes, "--class", asked, "-n", "40", "--npy"])
    expected = to_uint8(drawn(classes, 40, label=label)).numpy()
    assert np.array_equal(np.load("samples-0/samples.npy"), expected)
    assert np.load("samples-0/labels.npy").tolist() == [label] * 40
    assert capsys.readouterr().out.startswith(f"drew 40 samples of class {asked}, of step 300")


def test_several_classes_come_one_after_the_other_as_asked(classes):
    main([classes, "--class", "dog,cat,dog", "-n", "3", "--npy", "--png"])
    expected = to_uint8(torch.cat([drawn(classes, 3, label=2), drawn(classes, 3, label=0)])).numpy()
    assert np.array_equal(np.load("samples-0/samples.npy"), expected)
    assert np.load("samples-0/labels.npy").tolist() == [2, 2, 2, 0, 0, 0]
    files = [f"class-{y}-{i:06}.png" for y in (0, 2) for i in range(3)]
    assert names() == [*files, "labels.npy", "samples.npy"]
    assert np.array_equal(pixels("samples-0/class-2-000001.png"), expected[1, 0])


def test_older_pictures_of_a_class_stay_with_a_word(classes, capsys):
    main([classes, "--png", "-n", "4", "--class", "cat,dog", "--out", "out"])
    main([classes, "--png", "-n", "3", "--class", "dog", "--out", "out"])
    assert capsys.readouterr().err == "out also holds 1 class-*.png of an earlier call, from number 3 on\n"


def test_one_class_is_a_square_and_has_a_way_through_it(classes):
    main([classes, "--class", "dog", "-n", "9", "--grid", "--interpolate", "linear", "--steps", "1"])
    assert np.array_equal(pixels("samples-0/grid.png"), tile(drawn(classes, 9, label=2)))
    scale = 1200 // (2 * 8)
    cells = pixels("samples-0/interpolation.png")[2:, 2 : 2 + 8 * scale : scale, 0]
    first = [cells[row * (8 * scale + 2) : row * (8 * scale + 2) + 8 * scale : scale] for row in range(9)]
    assert np.array_equal(np.stack(first), to_uint8(drawn(classes, 9, label=2)).numpy()[:, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "cow"], "--class: there is no class 'cow'; there are: cat, dog, 7"),
        (["--class", "1"], "--class: there is no class '1'"),  # the generator has it, and never learned it
        (["--class", "dog,", "-n", "1"], "--class: there is no class ''"),
        (["--interpolate", "linear"], "--interpolate stays in one class; add --class with one of cat, dog, 7"),
        (["--interpolate", "linear", "--class", "cat,dog"], "--interpolate stays in one class"),
        (["-n", "3334"], "--grid: 10,002 images in one picture are too many"),
    ],
)
def test_a_wrong_class_is_named_and_nothing_is_written(classes, capsys, arguments, message):
    assert fails(classes, *arguments) == 2
    assert message in said(capsys)
    assert os.listdir() == ["run"]


def test_a_generator_without_classes_has_none(images, capsys):
    assert fails(images, "--class", "3") == 2
    err = said(capsys)
    assert "--class needs a conditional generator" in err and "gan-train model.conditional=true" in err


def test_points_have_classes_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = str(finished(tmp_path / "run", (2,), mlp, width=4, classes=4))
    main([run, "--npy", "--grid"])
    assert np.load("samples-0/samples.npy").shape == (3 * 666, 2)
    assert pixels("samples-0/grid.png").shape == (560, 640, 3)


# -- what it leaves alone -----------------------------------------------------------------------------------------


def test_other_files_in_the_directory_stay_and_its_own_are_replaced(images):
    os.mkdir("out")
    for name in ("mine.txt", "grid.png", "grid.jpg"):
        Path("out", name).write_text("mine")
    main([images, "--out", "out"])
    assert names("out") == ["grid.jpg", "grid.png", "mine.txt"]
    assert Path("out/mine.txt").read_text() == Path("out/grid.jpg").read_text() == "mine"
    assert np.array_equal(pixels("out/grid.png"), tile(drawn(images, 64)))


def test_older_pictures_stay_with_a_word(images, capsys):
    main([images, "--png", "-n", "7", "--out", "out"])
    assert capsys.readouterr().err == ""
    main([images, "--png", "-n", "5", "--out", "out"])
    assert len(names("out")) == 7
    assert capsys.readouterr().err == "out also holds 2 sample-*.png of an earlier call, from number 5 on\n"


def test_a_link_in_the_directory_is_replaced_and_not_followed(images, tmp_path):
    os.mkdir("out")
    for name in ("grid.png", "samples.npy", "sample-000000.png", "interpolation.gif", "interpolation.png"):
        (tmp_path / name).write_text("precious")
        Path("out", name).symlink_to(tmp_path / name)
    main([images, "-n", "2", "--grid", "--npy", "--png", "--interpolate", "linear", "--out", "out"])
    for path in (tmp_path / name for name in names("out") if name != "sample-000001.png"):
        assert path.read_text() == "precious"
    assert not any(Path("out", name).is_symlink() for name in names("out"))


def test_nothing_is_written_anywhere_else(images, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    main([images, "-n", "2", "--grid", "--npy", "--png", "--interpolate", "linear", "--out", "new/deep"])
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if "new" not in path.parts}
    assert after == before


# -- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0"], "-n/--number: must be a whole number of at least 1, got '0'"),
        (["-n", "many"], "-n/--number: must be a whole number of at least 1, got 'many'"),
        (["--seed", "-1"], "--seed: must be a whole number of at least 0, got '-1'"),
        (["--steps", "0", "--interpolate", "linear"], "--steps: must be a whole number of at least 1, got '0'"),
        (["--steps", "4"], "--steps belongs to --interpolate"),
        (["--interpolate", "linear", "-n", "1"], "needs -n 2 or more"),
        (["--interpolate", "cubic"], "invalid choice: 'cubic'"),
        (["--gird"], "unrecognized arguments: --gird"),
        (["--grid", "-n", "10001"], "--grid: 10,001 images in one picture are too many"),
        (["--interpolate", "linear", "--steps", "9999", "-n", "2"], "--interpolate: 20,000 images in one picture"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(images, capsys, arguments, message):
    assert fails(images, *arguments) == 2
    assert message in said(capsys)
    assert os.listdir() == ["run"]


def test_which_run_must_be_said(capsys):
    assert fails() == 2
    assert "RUN" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--png", "--interpolate=linear"])
def test_points_have_no_pictures_of_their_own(points, capsys, option):
    assert fails(points, option) == 2
    assert (
        "is for images, and this generator makes samples of shape [2]; use --grid or --npy" in capsys.readouterr().err
    )


def test_points_of_many_dimensions_have_no_picture_at_all(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = str(finished(tmp_path / "run", (5,), mlp, width=4))
    assert fails(run) == 2
    assert capsys.readouterr().err == "samples of shape [5] have no picture; use --npy\n"
    main([run, "--npy", "-n", "2"])
    assert np.load("samples-0/samples.npy").shape == (2, 5)


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_run_that_is_none_is_code_5(images, capsys, path):
    assert fails(path) == 5
    assert "gan-runs lists the runs" in capsys.readouterr().err


def test_no_average_is_code_5(tmp_path, capsys):
    assert fails(str(finished(tmp_path / "run", base_channels=2, average=False)), "--ema") == 5
    assert "there is no average of G; use --no-ema" in said(capsys)


@pytest.mark.parametrize("kind", ["--grid", "--png", "--npy", "--interpolate=linear"])
def test_what_cannot_be_written_is_code_5(images, capsys, kind):
    name = {"--grid": "grid.png", "--png": "sample-000000.png", "--npy": "samples.npy"}.get(kind, "interpolation.gif")
    os.makedirs(f"out/{name}")
    assert fails(images, kind, "-n", "2", "--out", "out") == 5
    assert capsys.readouterr().err.startswith("out: cannot be written: ")
    assert [name for name in names("out") if name.startswith(".")] == []


def test_a_file_is_no_directory(images, capsys):
    Path("out").write_text("mine")
    assert fails(images, "--out", "out") == 5
    assert capsys.readouterr().err == "out: cannot be written: File exists\n"
    assert Path("out").read_text() == "mine"


def test_foreign_code_is_code_2_and_runs_on_trust_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("aviary.py").write_text("open('sang', 'w').close()\nfrom gan_cli.models.mlp import Generator\n")
    run = str(finished(tmp_path / "run", (2,), mlp, width=4))
    path = Path(run, "generator", "generator.json")
    about = json.loads(path.read_text())
    about["generator"]["_target_"] = "aviary.Generator"
    path.write_text(json.dumps(about))
    assert fails(run) == 2
    assert "names code outside gan_cli and torch.optim: 'aviary.Generator'" in said(capsys)
    assert sorted(os.listdir()) == ["aviary.py", "run"]
    main([run, "--trust", "--npy", "-n", "2"])
    assert Path("sang").exists()
    assert np.load("samples-0/samples.npy").shape == (2, 2)


def test_what_a_terminal_would_obey_is_not_obeyed(images, capsys):
    path = Path(images, "generator", "generator.json")
    about = json.loads(path.read_text())
    about["generator"]["arguments"]["\x1b[2J"] = 1
    path.write_text(json.dumps(about))
    assert fails(images) == 5
    err = capsys.readouterr().err
    assert r"\x1b[2J" in err and "\x1b" not in err


def test_ctrl_c_is_code_130(images, capsys, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "load", interrupted)
    assert fails(images) == 130
    assert capsys.readouterr().err == "\nstopped\n"


def test_help_and_version_need_no_torch():
    code = """
import sys
from gan_cli.cli.sample import main
for argument in ("--help", "--version"):
    try:
        main([argument])
    except SystemExit as end:
        assert end.code == 0
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("usage: gan-sample")
    assert lines[-2].startswith("gan-cli ")
    assert lines[-1] == "False"


@pytest.fixture
def kept(images):
    """The run with checkpoints of three steps, G scaled by each; the one of step 100 was the best."""
    G = export.load(Path(images)).G.state_dict()
    for step in (100, 200, 300):
        scaled = {key: value * step if value.is_floating_point() else value for key, value in G.items()}
        state = {"step": step, "G": scaled, "ema": None, "best": ("theory/js", "smallest", 0.5, 100)}
        checkpoint.save(Path(images) / "checkpoints", step, state, keep=2, best=100)
    return images


@pytest.mark.parametrize(("asked", "step"), [("best", 100), ("100", 100), ("200", 200), (None, 300)])
def test_samples_are_of_the_checkpoint_that_was_asked_for(kept, asked, step, capsys):
    steps = [checkpoint.step_of(path) for path in checkpoint.available(Path(kept) / "checkpoints")]
    assert steps == [300, 200, 100]
    main([kept, "--npy", "-n", "2", *(["--checkpoint", asked] if asked else [])])
    assert f"of step {step} with seed 0" in capsys.readouterr().out
    here = export.load(Path(kept), at=step).G.state_dict()
    first = export.load(Path(kept), at=100).G.state_dict()
    weight = next(iter(here))
    assert torch.allclose(here[weight] * 100, first[weight] * step)


def test_a_checkpoint_that_was_not_kept_is_missed_by_its_step(kept, images, capsys):
    assert fails(kept, "--checkpoint", "150") == 5
    assert "none was kept of step 150; checkpoints there are of steps 100, 200, 300" in said(capsys)
    assert fails(kept, "--checkpoint", "last") == 2
    for path in checkpoint.available(Path(kept) / "checkpoints"):
        path.unlink()
    state = {"step": 300, "G": {}, "ema": None, "best": None}
    checkpoint.save(Path(images) / "checkpoints", 300, state, keep=None)
    assert fails(images, "--checkpoint", "best") == 5
    assert "none was kept as the best (train.keep_best=theory/js keeps one)" in said(capsys)
    assert not Path("samples-0").exists()
