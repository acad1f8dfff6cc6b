"""`gan-eval` from its command line to its last byte."""

import errno
import json
import os
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY, compose_plain, train_in
from evaluation.conftest import stand_in
from PIL import Image

from gan_cli import export, features, scoring
from gan_cli.cli.evaluate import main
from gan_cli.cli.job import _write_config
from gan_cli.data import Digits
from gan_cli.errors import ConfigError
from gan_cli.evaluation import Options
from gan_cli.evaluation.compare import refuse_incomparable
from gan_cli.evaluation.files import of_files
from gan_cli.room import refused
from gan_cli.scoring import of_run

RING = (*TINY, "dataset=ring", "train.checkpoint_every=2")
IMAGES = ("model=mlp", "model.width=8", "dataset=digits", "dataset.size=8", "prior.dim=2", "train.batch_size=16")
IMAGES += ("train.steps=6", "train.samples=4")
QUICK = ("--metrics", "modes,hq,energy", "-n", "200", "--n-real", "200", "--device", "cpu")


@pytest.fixture(autouse=True)
def quick_classifier(monkeypatch, tmp_path):
    """No test trains a classifier, or leaves anything in the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(features, "classifier", stand_in)
    monkeypatch.chdir(tmp_path)


def made(name: str, *overrides: str) -> Path:
    """A finished run, as gan-train leaves it."""
    directory = Path(name)
    with redirect_stdout(StringIO()):
        run = train_in(directory, *overrides, "device=cpu")
    config = compose_plain(*overrides, "device=cpu")[0]
    _write_config(directory, config)
    labels = None if run.classes is None else {str(i): i for i in range(run.classes)}
    export.begin(directory, export.describe(config, run.reals.shape, run.prior.dim, run.classes, labels))
    export.write(directory, run.G, run.ema.G if run.ema else None, run.step)
    return directory


def test_a_run_is_measured_and_what_was_found_lies_in_it(capsys):
    made("run", *RING)
    main(["run", *QUICK])
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "run: step 6, averaged weights"
    assert [line.split()[:1] for line in out.splitlines()[1:5]] == [["metric"], ["modes"], ["hq"], ["energy"]]
    (record,) = Path("run/evaluation").iterdir()
    assert str(record) in out and err == ""
    found = json.loads(record.read_text())
    assert {key: found[key] for key in ("step", "weights", "checkpoint", "version")} == {
        "step": 6, "weights": "ema", "checkpoint": "newest", "version": found["version"],
    }  # fmt: skip
    energy = found["figures"][2]
    assert energy["n_fake"] == energy["n_real"] == energy["n_floor"] == 200
    assert energy["split"] == energy["floor_of"] == "fresh draws"
    assert "Ring of 8 Gaussians" in found["real"] and energy["seeds"] == [0]


def test_the_same_run_evaluated_twice_gives_the_same_bytes_and_changes_nothing_else(capsys):
    run = made("run", *IMAGES)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    state = torch.get_rng_state()
    asked = ["run", "--metrics", "cfd,classes,memorised", "--n-real", "100", "--seeds", "2", "--device", "cpu"]
    main(asked)
    first, files = capsys.readouterr().out, {p: p.read_bytes() for p in Path("run/evaluation").iterdir()}
    main(asked)
    assert capsys.readouterr().out == first
    assert {p: p.read_bytes() for p in Path("run/evaluation").iterdir()} == files
    assert sorted(path.suffix for path in files) == [".json", ".png"]
    assert {path: path.read_bytes() for path in before} == before
    assert torch.equal(torch.get_rng_state(), state)
    main([*asked[:-2], "--device", "cpu", "--no-ema"])
    assert len([*Path("run/evaluation").glob("*.json")]) == 2, "another way to measure, another file"


def test_the_best_checkpoint_is_measured_with_another_seed_than_chose_it(capsys):
    kept = ("train.eval_every=1", "train.eval_samples=64", "train.keep_best=energy", "train.keep=1")
    made("run", *RING, *kept)
    asked = ["run", "--checkpoint", "best", "--metrics", "energy", "-n", "64", "--n-real", "64", "--device", "cpu"]
    for more in ([], ["--first-seed", "7"], ["--first-seed", "7", "--seeds", "3"]):
        main([*asked, *more])
    out = capsys.readouterr().out
    assert "  evaluation seed 7\n" in out and "mean +- std over 3 evaluation seeds, 7 to 9" in out
    records = [json.loads(path.read_text()) for path in Path("run/evaluation").glob("*.json")]
    found = {tuple(record["figures"][0]["seeds"]): record["figures"][0]["value"] for record in records}
    assert {*found} == {(0,), (7,), (7, 8, 9)}, "a file for each"
    assert found[(0,)] != found[(7,)]
    for wrong in ("-1", "x"):
        with pytest.raises(SystemExit) as ended:
            main([*asked, "--first-seed", wrong])
        assert ended.value.code == 2
    assert "argument --first-seed: must be a whole number" in capsys.readouterr().err


def test_training_and_the_command_find_the_same(capsys):
    run = made("run", *IMAGES, "train.eval_every=3", "train.eval_samples=50", "train.eval_metrics=[cfd,class_kl]")
    told = json.loads((run / "evaluations.jsonl").read_text().splitlines()[-1])
    main(["run", "--metrics", "cfd,class_kl", "-n", "50", "--n-real", "50", "--device", "cpu", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [found[key] for key in ("figures", "real", "trained_on")] == [
        told[key] for key in ("figures", "real", "trained_on")
    ]


def test_the_best_checkpoint_is_measured_on_its_own(capsys):
    kept = ("train.eval_every=1", "train.eval_samples=64", "train.keep_best=energy", "train.keep=1")
    run = made("run", *RING, *kept)
    told = {row["step"]: row for row in map(json.loads, (run / "evaluations.jsonl").read_text().splitlines())}
    best = min(told, key=lambda step: next(f["value"] for f in told[step]["figures"] if f["metric"] == "energy"))
    found = of_run(run, Options(["energy"], n_fake=64, n_real=64), at="best").record
    assert (found.step, found.checkpoint) == (best, "best")
    assert found["energy"].value == next(f["value"] for f in told[best]["figures"] if f["metric"] == "energy")


def test_a_conditional_generator_is_measured_in_the_classes_of_the_data(capsys):
    made("run", *IMAGES, "model.conditional=true", "dataset.classes=[3,7,8]")
    main(["run", "--metrics", "cfd,classes", "-n", "60", "--device", "cpu"])
    assert "classes" in capsys.readouterr().out


def test_runs_on_the_same_data_make_one_table_and_others_are_not_compared(capsys):
    made("a", *RING)
    made("b", *RING, "seed=1")
    made("c", *TINY, "dataset=grid")
    main(["a", "b", *QUICK])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["run", "a", "b", "floor", "better"]
    with pytest.raises(SystemExit) as ended:
        main(["a", "c", *QUICK])
    assert ended.value.code == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "these figures cannot be compared" in err and "judged against: a: draws of Ring" in err
    assert "evaluate them one at a time" in err
    Path("b").rename("b\x1b[31m")
    main(["a", "b\x1b[31m", *QUICK])
    assert "b\\x1b[31m" in capsys.readouterr().out, "no terminal obeys the name of a run"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(["pca_fd"], space="pca"), "of run alone"),
        (Options(["cfd"], n_fake=30), "another number of samples: run: 40; other: 30"),
        (Options(["cfd"], n_fake=40, n_real=30), "another number of real ones: run: 898; other: 30"),
        (Options(["cfd"], n_fake=40, seeds=2), "another evaluation seeds: run: (0,); other: (0, 1)"),
    ],
)
def test_another_space_number_or_seed_is_not_compared(options, says):
    run = made("run", *IMAGES)
    one, other = (of_run(run, how, write=False).record for how in (Options(["cfd"], n_fake=40), options))
    refuse_incomparable({"a": one, "b": one})
    with pytest.raises(ConfigError) as error:
        refuse_incomparable({"run": one, "other": other})
    assert says in str(error.value)


def test_another_floor_is_not_compared():
    one = of_run(made("run", *IMAGES), Options(["cfd"], n_fake=40), write=False).record
    other = replace(one, figures=(replace(one["cfd"], n_floor=20, floor_of="real ones of train"),))
    with pytest.raises(ConfigError) as error:
        refuse_incomparable({"run": one, "other": other})
    assert "another number of real ones in the samples' place: run: 40; other: 20" in str(error.value)
    assert "another floor: run: half of the real ones; other: real ones of train" in str(error.value)


def test_two_classifiers_are_two_spaces(monkeypatch):
    run = made("run", *IMAGES)
    one = of_run(run, Options(["cfd"], n_fake=40), write=False).record
    monkeypatch.setattr(features, "classifier", lambda x, y, *_, name, **__: stand_in(255 - x, y, name=name))
    other = of_run(run, Options(["cfd"], n_fake=40), write=False).record
    with pytest.raises(ConfigError, match="cfd: another digest of the feature space"):
        refuse_incomparable({"run": one, "other": other})


# files


def folder(name: str, images, sizes=None) -> Path:
    Path(name).mkdir()
    for i, image in enumerate(images):
        picture = Image.fromarray(image)
        picture.resize(sizes[i % len(sizes)] if sizes else picture.size).save(f"{name}/{i}.png")
    return Path(name)


def digits(n: int = 120) -> np.ndarray:
    return Digits(8).load().x[:n].numpy()


def test_a_folder_is_measured_against_an_array(capsys):
    x = digits()
    folder("fakes", x[:50, 0])
    np.save("real.npy", x)
    main(["--fake", "fakes", "--real", "real.npy", "--metrics", "pca_fd,precision", "--out", "figures.json"])
    record = json.loads(Path("figures.json").read_text())
    found = record["figures"][0]
    assert (found["metric"], found["n_fake"], found["n_real"], found["n_floor"]) == ("pca_fd", 50, 120, 50)
    assert found["floor_of"] == "half of the real ones, against the other half" and found["split"] == "all"
    assert record["notes"][-1].startswith("samples: 50 examples of 1 x 8 x 8")
    assert {path.name for path in Path().iterdir()} == {"fakes", "real.npy", "figures.json"}
    same = of_files(Path("real.npy"), Path("real.npy"), Options(["pca_fd", "coverage"]))
    assert same["pca_fd"].value == pytest.approx(0, abs=1e-6) and same["coverage"].value == 1


def test_labels_of_an_array_make_a_classifier():
    images = Digits(8).load()
    np.savez("real.npz", x=images.x.numpy(), y=images.y.numpy())
    np.save("fake.npy", images.x[:100].numpy())
    found = of_files(Path("fake.npy"), Path("real.npz"), Options(["cfd", "classes"]), label_key="y")
    assert found["cfd"].space == "classifier-array-8" and found["classes"].value == 10
    with pytest.raises(ConfigError, match="cfd needs a classifier: labels of two classes"):
        of_files(Path("fake.npy"), Path("fake.npy"), Options(["cfd"]))


def test_sizes_must_agree_or_be_said_and_what_was_scaled_is_told():
    x = digits(40)
    folder("a", x[:, 0])
    folder("b", x[:, 0], sizes=[(8, 8), (16, 12)])
    with pytest.raises(ConfigError, match="--real has 20 of 1 x 8 x 8, 20 of 1 x 12 x 16") as error:
        of_files(Path("a"), Path("b"))
    assert "add --size N" in str(error.value)
    found = of_files(Path("a"), Path("b"), Options(["pca_fd"], n_fake=20), size=8)
    assert "real: 20 cut to squares and scaled to 8 x 8 (bicubic, antialiased)" in found.notes
    colour = np.repeat(x, 3, 1).transpose(0, 2, 3, 1)
    folder("c", colour)
    assert "fake: 40 grey ones as RGB" in of_files(Path("a"), Path("c"), Options(["raw_fd"], n_fake=20)).notes


def test_points_are_measured_against_points():
    g = np.random.default_rng(0)
    np.save("a.npy", g.normal(size=(90, 2)).astype(np.float32))
    np.save("b.npy", g.normal(size=(100, 2)).astype(np.float32))
    found = of_files(Path("a.npy"), Path("b.npy"))
    assert [figure.metric for figure in found.figures] == ["w1", "energy"]
    assert (found["w1"].n_fake, found["w1"].n_real, found["energy"].n_real) == (90, 90, 100)
    np.save("c.npy", digits(9))
    with pytest.raises(ConfigError, match="images and points cannot be compared"):
        of_files(Path("a.npy"), Path("c.npy"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "give a run directory, such as outputs/latest"),
        (["run", "--fake", "a", "--real", "b"], 2, "--fake and --real go together, and without RUN"),
        (["--fake", "a"], 2, "--fake and --real go together"),
        (["run", "--size", "8"], 2, "--size goes with --fake and --real"),
        (["--fake", "a", "--real", "b", "--checkpoint", "best"], 2, "--checkpoint goes with RUN"),
        (["nosuch"], 5, "there is no directory 'nosuch'; gan-runs lists the runs"),
        (["."], 5, "holds no run (no config.yaml)"),
        (["run", "--metrics", "cdf"], 2, "there is no metric 'cdf'"),
        (["run", "--metrics", "cfd"], 2, "cfd is for images"),
        (["run", "--checkpoint", "4"], 5, "none was kept of step 4"),
        (["run", "--checkpoint", "best"], 5, "none was kept as the best"),
        (["run", "--device", "tpu"], 2, "expected one of auto, cpu, cuda"),
        (["--fake", "nosuch", "--real", "run"], 4, "--fake: 'nosuch' is not there; give a folder of images"),
        (["--fake", "run/checkpoints", "--real", "run"], 4, "no image in"),
        (["--fake", "a.npy", "--real", "a.npy", "--out", "no/where"], 5, "--out: there is no directory 'no'"),
        (["--fake", "a.npy", "--real", "a.npy", "-n", "30"], 2, "30 samples are asked for, and --fake has 9"),
        (["--fake", "bad.npy", "--real", "a.npy"], 4, "--fake: "),
    ],
)
def test_mistakes_are_told_in_a_line_or_two(words, code, says, capsys):
    made("run", *TINY, "train.checkpoint_every=6", "train.keep=1")
    np.save("a.npy", digits(9))
    Path("bad.npy").write_bytes(b"nothing")
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    assert says in " ".join(err.split()) and "Traceback" not in out + err
    assert len(err.splitlines()) <= 24


def test_a_link_where_the_record_would_go_is_not_followed(capsys):
    made("run", *RING)
    Path("elsewhere").mkdir()
    os.symlink(Path("elsewhere").absolute(), "run/evaluation")
    with pytest.raises(SystemExit) as ended:
        main(["run", *QUICK])
    assert ended.value.code == 5 and "is a link" in capsys.readouterr().err
    assert not [*Path("elsewhere").iterdir()]


def test_figures_are_shown_where_they_cannot_be_written(capsys, monkeypatch):
    made("run", *RING)

    def full(directory, *_):
        raise refused(directory / "evaluation", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    monkeypatch.setattr(scoring, "store", full)
    with pytest.raises(SystemExit) as ended:
        main(["run", *QUICK])
    out, err = capsys.readouterr()
    assert ended.value.code == 5 and "No space left" in err
    assert out.startswith("run: step 6, averaged weights\n  metric") and "record" not in out


def test_a_strangers_run_names_no_code(capsys):
    run = made("run", *RING)
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("gan_cli.data.Ring", "subprocess.Popen"))
    with pytest.raises(SystemExit) as ended:
        main(["run", *QUICK])
    assert ended.value.code == 2 and "add --trust" in capsys.readouterr().err


def test_a_generator_that_returns_training_images_is_told_in_words(monkeypatch, capsys):
    made("run", *IMAGES)
    learned = Digits(8).load().x
    monkeypatch.setattr("gan_cli.scoring.drawing", lambda *_: lambda seed, n: learned[torch.arange(n) % len(learned)])
    main(["run", "--metrics", "cfd,memorised", "--n-real", "400", "--device", "cpu"])
    out = capsys.readouterr().out
    assert "COPIES: " in out
    assert Path(next(line.split()[1] for line in out.splitlines() if line.startswith("  nearest"))).is_file()
