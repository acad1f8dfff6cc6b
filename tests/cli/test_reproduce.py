"""gan-reproduce: what it shows, what it starts, what it makes of the runs, and what it refuses."""

import json
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from gan_cli.builder import examine, plain
from gan_cli.cli import launch, reproduce, reproducing
from gan_cli.cli.overrides import groups_below, key_of, prepare
from gan_cli.cli.sweep.record import NAME as SWEEP
from gan_cli.cli.sweep.record import Job, Record
from gan_cli.errors import BusyError, DataError
from gan_cli.paths import CONF_DIR
from gan_cli.suite import kept, outcome, reached, recipe, tables
from gan_cli.suite.bands import Band
from gan_cli.suite.catalogue import ROWS
from gan_cli.suite.rows import Protocol, Published, Row, Variant

SHORT = ("train.steps=2", "train.sample_every=2", "train.log_every=1", "train.batch_size=16", "model.width=8")
TOY = Row(
    name="toy",
    about="A ring in two steps",
    cost="a minute a seed",
    experiment="ring",
    overrides=SHORT,
    seeds=2,
    minutes=1,
    bands=(Band("modes", "every", 0, 8), Band("reverse_kl", "worst", high=0.1)),
    published=(Published("VEEGAN", {"modes": (8, None)}),),
    protocol=Protocol(n_fake=200),
)
PAIR = Row("pair", "Two", "minutes", experiment="ring", overrides=SHORT, seeds=1, minutes=1, shown=("modes",),
           variants=(Variant("one"), Variant("two", ("loss=hinge",))), protocol=Protocol(n_fake=200))  # fmt: skip
COUNT = Row("count", "A function", "seconds", seeds=3,
            variants=(Variant(compute=lambda seed: {"js": (float(seed), 0.0)}),),
            bands=(Band("js", "mean", 1, 1),))  # fmt: skip

RETRY = " the same line with --retry runs failed jobs again"
OFF = replace(COUNT, name="off", bands=(Band("js", "mean", 5),))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproduce, "ROWS", {row.name: row for row in (TOY, PAIR, COUNT, OFF)})
    monkeypatch.setattr(reached, "SHIPPED", tmp_path / "reached.json")


@pytest.fixture
def swept(monkeypatch):
    """Sweeps that end at once: how each job does can be chosen by its seed. Returns the lines that were started."""
    lines: list[list[str]] = []
    fates: dict[int, Job] = {}

    def start(overrides, directory, retry=False):
        lines.append(launch.line(overrides, directory, retry))
        seeds = next(text for text in overrides if key_of(text) == "seed").partition("=")[2].split(",")
        jobs = [Job(i, [f"seed={seed}"], f"{i}_seed={seed}", "finished", 0, 2, 2, 1.5) for i, seed in enumerate(seeds)]
        for job in jobs:
            if fate := fates.get(job.number):
                job.status, job.exit_code, job.error = fate.status, fate.exit_code, fate.error
            (directory / job.directory / "samples").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20 + 10 * job.number, 30)).save(directory / job.directory / "samples/step-0000002.png")
        Record(["gan-train"], jobs).write(directory)
        return int(any(job.status != "finished" for job in jobs)), jobs

    def figures(run, protocol, device):
        seed = float(run.name.partition("seed=")[2])
        return {"modes": (8.0 - seed, 8.0), "reverse_kl": (0.01 * seed, 0.001)}, {"modes": "coordinates"}

    monkeypatch.setattr(launch, "launch", start)
    monkeypatch.setattr(reproducing, "_figures", figures)
    return lines, fates


def run(*words: str) -> int:
    try:
        reproduce.main(words)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def told(capsys) -> tuple[str, str]:
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert len(err.splitlines()) <= 24 and all(len(line) <= 100 for line in err.splitlines())
    return " ".join(out.split()), " ".join(err.split())


def test_the_list_has_a_line_for_each_row_and_those_of_one_cost_stand_together(capsys, swept, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert run("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: " ".join(line.split()) for line in lines if line.startswith("  ")}
    assert rows["toy"] == "toy A ring in two steps 2 2 not run"
    assert rows["pair"] == "pair Two 1 2 not run", "two variants of a minute"
    assert [line for line in lines[1:-1] if not line.startswith("  ")] == ["a minute a seed", "minutes", "seconds"]
    assert lines[-1].startswith("4 rows; ")
    assert run("toy", "pair", "--", "optimizer.lr=0.5") == 0
    assert run("off") == 1
    capsys.readouterr()
    run("--list")
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: " ".join(line.split()) for line in lines if line.startswith("  ")}
    assert rows["toy"].endswith("yours: with optimizer.lr=0.5: yes: modes 7.5, rever..."), "they make other figures"
    assert max(map(len, lines)) == 100
    assert rows["off"].endswith("yours: no: js 1")
    assert run("toy") == run("pair") == 0
    capsys.readouterr()
    run("--list")
    out, _ = told(capsys)
    assert "2 2 yours: yes: modes 7.5, reverse_kl 0.005 " in out and "yours: one modes 8, two modes 8 " in out


def test_the_list_of_a_row_says_all_about_it(capsys, swept):
    assert run("--list", "toy") == 0
    out, _ = told(capsys)
    assert "toy (a minute a seed, 2 seeds) A ring in two steps experiment ring train.steps=2" in out
    assert "paper VEEGAN: modes 8 band modes every 0 to 8, reverse_kl worst <= 0.1 here not run" in out
    assert "yours" not in out
    assert run("toy", "--", "optimizer.lr=0.5") == 0
    capsys.readouterr()
    run("--list", "toy")
    out, _ = told(capsys)
    assert "here not run yours in its bands: modes 7.5, reverse_kl 0.005 (2 seeds, 0:03" in out and "1 row;" in out
    assert ", with optimizer.lr=0.5)" in out


def test_the_list_needs_no_torch(tmp_path):
    code = "import sys; from gan_cli.cli.reproduce import main; main(['--list']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(f"\n  {name} " in done.stdout for name in ROWS)
    assert len(done.stdout.splitlines()) < len(ROWS) + 10, "a line a row"


def test_a_row_is_swept_measured_and_written_down(capsys, swept):
    lines, _ = swept
    assert run("toy", "--out", "res") == 0
    out, err = told(capsys)
    (line,) = lines
    assert line[:-2] == ["experiment=ring", *SHORT, "seed=0,1"]
    assert line[-1] == "-m"
    assert "toy modes 8 VEEGAN 8 7.5 ± 0.5 every 0 to 8 yes" in out
    assert f"gan-train {' '.join(line)}" in out.replace("'", "")
    assert err == ""
    found = outcome.read(Path("res/toy/result.json"))
    assert found.command == "gan-reproduce toy --seeds 2"
    assert [sample.figures["modes"] for sample in found.samples] == [(8.0, 8.0), (7.0, 8.0)]
    page = Path("res/results.md").read_text()
    assert "| toy | reverse_kl |  | 0.001 | 0.005 ± 0.005 | worst <= 0.1 | yes |" in page
    assert "![toy/samples.png](toy/samples.png)" in page
    assert tables.from_csv(Path("res/figures.csv").read_text())["toy"]["", 1]["modes"] == (7.0, 8.0)
    with Image.open("res/toy/samples.png") as picture:
        assert picture.height == 480


def test_what_was_measured_is_not_measured_again_unless_something_changed(capsys, swept, monkeypatch):
    assert run("toy") == 0
    before = outcome.read(Path("outputs/reproduce/toy/result.json"))
    monkeypatch.setattr(reproducing, "_figures", lambda *_: ({"modes": (1.0, None), "reverse_kl": (0.0, None)}, {}))

    def modes(*words: str) -> list[float]:
        assert run("toy", *words) == 0
        return outcome.read(Path("outputs/reproduce/toy/result.json")).values("", "modes")

    assert modes() == before.values("", "modes") == [8.0, 7.0]
    assert modes("--measure-again") == [1.0, 1.0]
    monkeypatch.setattr(reproducing, "_figures", lambda *_: ({"modes": (2.0, None), "reverse_kl": (0.0, None)}, {}))
    (longer,) = Path("outputs").rglob("1_seed=1")
    (longer / "status.json").write_text('{"updated": "later"}')
    assert modes() == [1.0, 2.0]
    (longer.parent / "figures.json").write_text("[]")
    assert modes() == [2.0, 2.0]
    monkeypatch.setattr(kept, "__version__", "next")
    monkeypatch.setattr(reproducing, "_figures", lambda *_: ({"modes": (3.0, None), "reverse_kl": (0.0, None)}, {}))
    assert modes() == [3.0, 3.0]
    capsys.readouterr()


def test_seeds_that_were_measured_in_different_spaces_are_not_averaged_until_they_are_measured_again(
    capsys, swept, monkeypatch
):
    """One of two was measured by another program, or beside another classifier: its figures lie there."""
    assert run("toy") == 0
    (path,) = Path("outputs/reproduce/toy").rglob("figures.json")
    known = json.loads(path.read_text())
    assert known["1_seed=1"]["sample"]["conditions"] == {"modes": "coordinates"}
    known["1_seed=1"]["sample"]["conditions"] = {"modes": "pixels"}
    path.write_text(json.dumps(known))
    capsys.readouterr()
    assert run("toy") == 1
    out, err = told(capsys)
    assert err == "toy: measured in different spaces; --measure-again: toy modes"
    assert "toy modes 8 VEEGAN not averaged every 0 to 8 no: measured in different spaces; --measure-again" in out
    assert "toy reverse_kl 0.001 0.005" in out, "which nothing is known against"
    assert run("toy", "--measure-again") == 0
    known = json.loads(path.read_text())
    del known["1_seed=1"]["sample"]["conditions"]  # of an older version
    path.write_text(json.dumps(known))
    monkeypatch.setattr(reproducing, "_figures", lambda *_: 1 / 0)
    assert run("toy") == 0
    capsys.readouterr()


def test_a_missed_band_is_1_and_says_which(capsys, swept):
    assert run("toy", "--seeds", "12") == 1
    out, err = told(capsys)
    missed = "toy modes every -3 (every 0 to 8); toy reverse_kl worst 0.11 (worst <= 0.1)"
    assert err == f"toy: outside of its band: {missed}"
    assert "no: worst 0.11" in out


def test_a_job_that_failed_is_a_failure_of_the_row(capsys, swept):
    swept[1][1] = Job(1, [], status="failed", exit_code=3, error="NaN in step 7")
    assert run("toy", "count") == 1
    out, err = told(capsys)
    assert err == "toy: 1 of 2 jobs failed: NaN in step 7" + RETRY
    assert "count js 0 1 ± 0.58 mean 1 yes" in out, "the other rows are run"
    assert "toy, seed 1: failed: NaN in step 7" in Path("outputs/reproduce/results.md").read_text().replace("- ", "")


def test_data_that_cannot_be_had_are_4_and_the_other_rows_run(capsys, swept):
    for seed in (0, 1):
        swept[1][seed] = Job(seed, [], status="failed", exit_code=DataError.exit_code, error="mnist: cannot be fetched")
    assert run("toy", "count") == 4
    out, err = told(capsys)
    assert err == "toy: 2 of 2 jobs failed: mnist: cannot be fetched" + RETRY
    assert "count js" in out
    assert run("toy", "off") == 1, "another row is out of its band"
    swept[1][1] = Job(1, [], status="failed", exit_code=1, error="killed")
    assert run("toy") == 1, "not for want of data alone"


def test_an_evaluation_that_fails_is_a_failure_of_its_seed(capsys, swept, monkeypatch):
    def fails(directory, protocol, device):
        raise DataError("no Inception here\nput it there")

    monkeypatch.setattr(reproducing, "_figures", fails)
    assert run("toy") == 4
    assert told(capsys)[1] == "toy: 2 of 2 jobs failed: no Inception here" + RETRY


def test_a_sweep_that_is_refused_is_a_failure_of_all_its_seeds(capsys, swept, monkeypatch):
    for code, ours in ((2, 1), (DataError.exit_code, 4)):
        monkeypatch.setattr(launch, "launch", lambda *_, code=code: (code, []))
        assert run("pair") == ours
        assert told(capsys)[1] == f"pair: 2 of 2 jobs failed: gan-train ended with {code}; it says above why" + RETRY


def test_a_run_of_another_length_than_the_recipe_has_now_is_not_its_figure(capsys, swept):
    assert run("toy") == 0
    (place,) = Path("outputs/reproduce/toy").glob("2-seeds-*/0_seed=0")
    config = place / "config.yaml"
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config.write_text(OmegaConf.to_yaml(compose("train", overrides=["seed=0"])))
    assert run("toy") == 0, "as long as the line says"
    config.write_text(OmegaConf.to_yaml(compose_with(config, "train.epochs", 7)))
    capsys.readouterr()
    assert run("toy") == 1
    err = told(capsys)[1]
    assert "toy: 1 of 2 jobs failed: trained for another length: train.epochs was 7 and is " in err and "move" in err


def test_an_outcome_says_what_its_runs_were_made_with(capsys, swept):
    """Of what was swept and measured before, too: nothing is run or measured again for it."""

    def recipes() -> list[str]:
        assert run("toy") == 0
        return [*outcome.read(Path("outputs/reproduce/toy/result.json")).recipes.items()]

    assert recipes() == [], "no config is there"
    sweep = next(Path("outputs/reproduce/toy").glob("2-seeds-*"))
    for job in sweep.glob("*_seed=*"):
        seed = job.name.partition("seed=")[2]
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            composed = compose("train", overrides=[f"seed={seed}"])
        (job / "config.yaml").write_text(OmegaConf.to_yaml(composed, resolve=True))
    assert recipes() == [("", recipe.digest(plain(composed)[0]))]
    (job / "config.yaml").write_text(OmegaConf.to_yaml(compose_with(job / "config.yaml", "optimizer.lr", 0.5)))
    ((_, both),) = recipes()
    assert len({*both.split(", ")}) == 2, "of seeds that differ"
    capsys.readouterr()


def compose_with(config: Path, key: str, value: int):
    """A stored config with another value."""
    found = OmegaConf.load(config)
    OmegaConf.update(found, key, value)
    return found


def test_each_variant_is_a_sweep_of_its_own(capsys, swept):
    lines, _ = swept
    assert run("pair", "--set", "optimizer.lr=0.5", "--retry", "--", "train.steps=3", "dataset.std=0.02") == 0
    capsys.readouterr()
    rest = SHORT[1:]
    assert [line[: len(SHORT) + 3] for line in lines] == [
        ["experiment=ring", "train.steps=3", *rest, "optimizer.lr=0.5", "dataset.std=0.02"],
        ["experiment=ring", "train.steps=3", *rest, "loss=hinge", "optimizer.lr=0.5"],
    ]
    assert all("retry=true" in line for line in lines)
    assert len({line[-3] for line in lines}) == 2, "in directories of their own"
    assert "-- optimizer.lr=0.5 train.steps=3" in outcome.read(Path("outputs/reproduce/pair/result.json")).command


def test_where_the_data_lie_is_no_part_of_the_command_that_is_kept(capsys, swept):
    assert run("toy", "--", "dataset.root=/home/somebody", "optimizer.lr=0.5") == 0
    capsys.readouterr()
    assert "dataset.root=/home/somebody" in swept[0][0]
    found = outcome.read(Path("outputs/reproduce/toy/result.json"))
    assert found.command == "gan-reproduce toy --seeds 2 -- optimizer.lr=0.5"


def test_what_is_recorded_is_shown_as_reached_here(capsys, swept):
    assert run("toy", "count", "--record") == 0
    capsys.readouterr()
    run("--list", "toy", "count", "--out", "elsewhere")
    out, _ = told(capsys)
    assert "here in its bands: modes 7.5, reverse_kl 0.005 (2 seeds" in out
    assert "here in its bands: js 1 (3 seeds, 0:00" in out


def test_a_dry_run_prints_the_lines_and_the_time_and_makes_nothing(capsys, tmp_path):
    assert run("toy", "pair", "count", "--dry-run", "--seeds", "3", "--out", "a b") == 0
    out = capsys.readouterr().out.splitlines()
    commands = [shlex.split(line) for line in out if line.startswith("gan-train ")]
    assert [[word for word in line if word.startswith(("loss", "seed"))] for line in commands] == [
        ["seed=0,1,2"],
        ["seed=0,1,2"],
        ["loss=hinge", "seed=0,1,2"],
    ]
    assert commands[0][-2].startswith("hydra.sweep.dir='a b/toy/3-seeds-")
    assert "# toy: about 3:00 (a minute a seed)" in out
    assert out[-1] == "# in all about 9:00"
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tyo"], "there is no row 'tyo'; did you mean 'toy'? gan-reproduce --list shows them all"),
        (["toy", "--seeds", "0"], "argument --seeds: must be a whole number of at least 1, got '0'"),
        (["toy", "--seeds", "-1"], "argument --seeds"),
        ([], "which rows? gan-reproduce --list shows them"),
        (["toy", "--set", "seed=3"], "seed=3: seed is the suite's own; --seeds N takes the seeds 0 to N - 1"),
        (["toy", "--", "hydra.sweep.dir=x"], "hydra.sweep.dir=x: hydra.sweep.dir is the suite's own"),
        (["toy", "--", "loss=hinge,minimax"], "loss=hinge,minimax: gives several values, and a row has one"),
        (["toy", "--", "loss"], "loss: expected key=value, as gan-train takes it"),
        (["toy", "--", "--help"], "--help: expected key=value"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_run(words, message, capsys, tmp_path):
    assert run(*words) == 2
    assert message in told(capsys)[1]
    assert [*tmp_path.iterdir()] == []


def test_an_output_directory_that_cannot_be_made_is_5(capsys):
    Path("file").touch()
    assert run("count", "--out", "file/below") == 5
    assert "--out file/below: cannot be made: Not a directory; choose another place" in told(capsys)[1]


def test_a_result_that_somebody_damaged_is_not_shown_as_yours(capsys, swept):
    assert run("count") == 0
    Path("outputs/reproduce/count/result.json").write_text("{")
    capsys.readouterr()
    run("--list", "count")
    assert "yours" not in told(capsys)[0]


def test_the_place_of_a_sweep_is_another_one_where_anything_is_another():
    one = launch.place(Path("o"), "ring", "a", ["loss=hinge"], 3)
    assert one == launch.place(Path("o"), "ring", "a", ["loss=hinge"], 3)
    assert one.parent == Path("o/ring") and one.name.startswith("a-3-seeds-")
    assert len({one, launch.place(Path("o"), "ring", "a", ["loss=minimax"], 3)}) == 2


# With real sweeps


@pytest.mark.skipif(sys.platform != "linux", reason="signals and locks")
def test_a_sweep_that_another_command_runs_is_waited_for_and_then_refused(tmp_path, monkeypatch):
    import fcntl

    monkeypatch.setattr(launch, "PATIENCE", 0.0)
    Record(["gan-train"], []).write(tmp_path)
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="this sweep is running"):
            launch.launch(["seed=0"], tmp_path)


def reproduced(*words: str, **more) -> "subprocess.Popen[str]":
    """The command in a process of its own, on the tiny row, measuring nothing."""
    code = (
        "import sys; from gan_cli.cli import reproduce, reproducing; from gan_cli.suite.bands import Band\n"
        "from gan_cli.suite.rows import Row\n"
        f"reproduce.ROWS = {{'toy': Row('toy', 'A', 'minutes', experiment='ring', overrides={SHORT}, seeds=2,"
        " minutes=1, bands=(Band('modes', 'every', 1, 1),))}\n"
        "reproducing._figures = lambda run, protocol, device: ({'modes': (1.0, 1.0)}, {})\n"
        "reproduce.main(sys.argv[1:])"
    )
    return subprocess.Popen([sys.executable, "-c", code, *words], text=True, stdout=subprocess.PIPE, **more)


@pytest.mark.slow
def test_the_same_line_goes_on_after_a_kill_and_after_a_signal():
    """The first start is killed, the second asked to stop, the third comes to the end, the fourth finds all done."""
    rare = ("train.sample_every=2000", "train.log_every=500", "train.checkpoint_every=100")
    words = ["toy", "--seeds", "2", "--", "device=cpu", "train.steps=2000", *rare]
    for number, code in ((signal.SIGKILL, -9), (signal.SIGINT, 130)):
        with reproduced(*words) as process:
            _wait_for_a_step()
            process.send_signal(number)
            process.communicate(timeout=120)
        assert process.returncode == code
    found = []
    for _ in range(2):
        with reproduced(*words) as process:
            found.append(process.communicate(timeout=300)[0])
        assert process.returncode == 0
    assert "0 of 2 jobs are finished, 2 to run" in found[0]
    assert "2 of 2 jobs are finished, 0 to run" in found[1]
    (sweep,) = Path("outputs").rglob(SWEEP)
    resumed = json.loads((sweep.parent / "0_seed-0/run.json").read_text())["resumed"]
    assert [again["step"] > 0 for again in resumed] == [True, True]


def _wait_for_a_step() -> None:
    """Until a job of the toy has taken a step that it had not taken before, and is in the middle of others."""
    until, before = time.monotonic() + 60, {*Path("outputs").rglob("checkpoints/step-*[1-9]*")}
    while not {*Path("outputs").rglob("checkpoints/step-*[1-9]*")} - before:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_a_row_goes_all_the_way_from_its_sweep_to_its_table(capfd):
    assert run("toy", "pair", "--", "device=cpu") in (0, 1)  # two steps: whether its bands hold is all one
    out, _ = told(capfd)
    found = outcome.read(Path("outputs/reproduce/toy/result.json"))
    assert found.failed == []
    assert [sample.seed for sample in found.samples] == [0, 1]
    assert all({"modes", "hq", "reverse_kl", "std_ratio"} <= {*sample.figures} for sample in found.samples)
    of_200 = "coordinates: 200 against 0, floor of 200; fresh draws"
    assert [sample.conditions["modes"] for sample in found.samples] == [of_200, of_200]
    assert all(sample.figures["modes"][1] == 8 for sample in found.samples), "the floor of the ring"
    assert "2 of 2 finished" in out
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        line = prepare(TOY.command(Variant(), [0]), groups_below(CONF_DIR))
        assert found.recipes == {"": recipe.digest(plain(compose("train", overrides=line))[0])}
    for row in ("toy", "pair"):
        with Image.open(f"outputs/reproduce/{row}/samples.png") as picture:
            assert picture.height == 480


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.trains], ids=lambda row: row.name)
def test_the_lines_of_a_row_compose_and_can_be_built(row):
    """All but reading the data: of those, some would have to be downloaded."""
    for variant in row.variants:
        overrides = row.command(variant, range(1), ["device=cpu"])
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            prepared = prepare(overrides, groups_below(CONF_DIR))
            config, written = plain(compose("train", overrides=prepared))
        examine(config, written, [key_of(text) for text in overrides])
