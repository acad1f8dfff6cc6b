"""What arrives at Weights & Biases (offline), at MLflow (a database file) and in a table, of runs that really train."""

import csv
import json
import math
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import TINY, make_run
from trackers import wandb_file
from trackers.remembering import about

from gan_cli import checkpoint
from gan_cli.loop import train
from gan_cli.trackers import CSV, Feed, MLflow, WandB

# MLflow's, of SQLAlchemy, which has newer ways
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

FIGURES = ("train.log_every=1", "train.sample_every=3", "train.checkpoint_every=2", "train.samples=4")


def logged(directory: Path) -> dict[int, dict[str, float]]:
    """metrics.jsonl and timing.jsonl, which are the truth: figures by their step."""
    rows: dict[int, dict[str, float]] = {}
    for name in ("metrics", "timing"):
        for line in (directory / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            row.pop("time", None)
            rows.setdefault(row.pop("step"), {}).update({k: float(v) for k, v in row.items() if v != "n/a"})
    return rows


def trained(directory: Path, *overrides: str, stop: int | None = None, state=None, group=None):
    """A run of the config's trackers; `stop`: as one that is killed behind this step, its last checkpoint before it."""
    directory.mkdir(exist_ok=True)
    run = make_run(*TINY, *FIGURES, *overrides)
    with run.open(directory, state):
        run.follow({"train": {"steps": run.steps}, "seed": 0}, group)
        if stop is None:
            train(run)
            run.log.close(success=True)
        else:
            save, run.save = run.save, lambda: save() if run.step < stop else None  # type: ignore[method-assign]
            run.steps, steps = stop, run.steps
            train(run)
            run.steps = steps
            run.log.close(success=None)
    return run


@pytest.fixture(scope="module")
def resumed(home) -> Path:
    """Steps 1 to 5, the checkpoint of step 4, and again from there to step 6; with all trackers."""
    run, loggers = home / "resumed", "logger=[csv,wandb,mlflow]"
    trained(run, loggers, stop=5)
    state = checkpoint.load_newest(run / "checkpoints", pytest.fail)
    assert state["step"] == 4
    (home / "digest").write_text(trained(run, loggers, state=state).digest())
    assert list(logged(run)) == [1, 2, 3, 4, 5, 6]
    return run


def wandb_files(run: Path) -> list[Path]:
    """Those of a run that has ended; W&B's own process writes their end a moment later."""
    files, until = sorted((run / "wandb").glob("offline-run-*/*.wandb")), time.monotonic() + 30
    while not all(map(wandb_file.exit_codes, files)) and time.monotonic() < until:
        time.sleep(0.05)
    return files


def in_mlflow(home: Path, name: str):
    """MLflow, and the runs of a name in its database."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{home / 'outputs' / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("gan-cli").experiment_id])
    return client, [run for run in runs if run.info.run_name == name]


def test_wandb_gets_every_figure_of_every_step_once_also_of_a_run_that_was_resumed(resumed):
    files = wandb_files(resumed)
    assert len(files) == 2 and len({path.name for path in files}) == 1, "two files of one W&B run"
    rows = [row for path in files for row in wandb_file.rows(path)]
    assert [row["_step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    for row, (step, truth) in zip(rows, logged(resumed).items(), strict=True):
        truth.pop("time/images_per_second")  # of a step that was taken twice: of the first time
        assert {tag: float(row[tag]) for tag in truth} == truth, step
    assert [row["_step"] for row in rows if "samples._type" in row] == [3, 5, 6], "every third, and both last ones"
    assert [wandb_file.exit_codes(path) for path in files] == [[1], [0]], "stopped, then finished"


def test_mlflow_gets_every_figure_of_every_step_once_also_of_a_run_that_was_resumed(resumed, home):
    client, (found,) = in_mlflow(home, "resumed")
    assert found.info.status == "FINISHED"
    assert found.data.params == {"train.steps": "6", "seed": "0"}
    truth = logged(resumed)
    for tag in ("loss/d", "loss/g", "grad_norm/g"):
        history = client.get_metric_history(found.info.run_id, tag)
        assert [(point.step, point.value) for point in history] == [(step, row[tag]) for step, row in truth.items()]
    images = {Path(file.path).name.split("+")[0] for file in client.list_artifacts(found.info.run_id, "images")}
    assert images == {"samples", "optimum"}


def test_the_table_holds_what_the_logs_hold(resumed):
    with (resumed / "metrics.csv").open(newline="") as file:
        rows = {int(row.pop("step")): row for row in csv.DictReader(file)}
    found = {step: {tag: float(value) for tag, value in row.items() if value} for step, row in rows.items()}
    assert found == logged(resumed)


def test_who_looks_on_changes_no_bit(resumed, home):
    assert (home / "digest").read_text() == trained(home / "alone").digest()
    assert (home / "alone" / "metrics.jsonl").read_bytes() == (resumed / "metrics.jsonl").read_bytes()


def test_a_figure_that_comes_late_gets_a_column(tmp_path):
    table = CSV()
    table.begin(about(tmp_path / "run"))
    table.scalars(1, {"a": 1.0})
    table.scalars(2, {"a": math.nan, "b,c": 2.0})
    table.scalars(2, {"d": -0.5})
    table.end(True)
    assert (tmp_path / "run" / "metrics.csv").read_bytes() == b'step,a,"b,c",d\r\n1,1.0,,\r\n2,nan,2.0,-0.5\r\n'


@pytest.mark.parametrize(("success", "status"), [(False, "FAILED"), (None, "KILLED"), (True, "FINISHED")])
def test_a_run_that_failed_is_told_from_one_that_was_stopped(home, success, status):
    feed = Feed("mlflow", MLflow(), pytest.fail)
    feed.begin(about(home / status))
    feed.end(success)
    _, (run,) = in_mlflow(home, status)
    assert run.info.status == status


def test_jobs_of_a_sweep_are_a_group(home):
    trained(home / "0_a", "logger=[wandb,mlflow]", "train.steps=1", group="of today")
    (path,) = wandb_files(home / "0_a")
    (run,) = [record.run for record in wandb_file.records(path) if record.WhichOneof("record_type") == "run"]
    assert (run.run_group, run.display_name, run.project) == ("of today", "0_a", "gan-cli")
    _, (found,) = in_mlflow(home, "0_a")
    assert found.data.tags["sweep"] == "of today"


def test_no_secret_of_the_environment_is_written_down(home, monkeypatch):
    secret = "5ec2e7" * 7  # as long as a key of W&B's
    monkeypatch.setenv("WANDB_API_KEY", secret)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", secret)
    trained(home / "secretive", "logger=[csv,wandb,mlflow]", "train.steps=2")
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(("kind", "extra", "missing"), [
    (WandB, "wandb", {"wandb"}), (MLflow, "mlflow", {"mlflow"}), (MLflow, "mlflow", {"sqlalchemy", "alembic"}),
])  # fmt: skip
def test_what_is_not_installed_is_told_with_the_line_that_installs_it(monkeypatch, kind, extra, missing):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else find(name))
    with pytest.raises(ValueError, match=rf"not installed: pip install 'gan-cli\[{extra}\]'$"):
        kind()


def test_wandb_is_asked_how_far_it_came(home, monkeypatch):
    """Online, where the server knows."""
    asked, tracker = {}, WandB(project="mine", tags=["a"])
    run = SimpleNamespace(id="abc", resumed=True, starting_step=31)
    fake = SimpleNamespace(init=lambda **how: asked.update(how) or run, Settings=lambda **how: how)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    assert tracker.begin(replace(about(home / "online", 40), id="abc", group="sweep")) == "abc"
    assert tracker.arrived == 30
    found = [asked[key] for key in ("project", "id", "resume", "group", "name")]
    assert found == ["mine", "abc", "allow", "sweep", "online"]
    settings = asked["settings"]
    assert (settings["console"], settings["save_code"], settings["finish_timeout_raises"]) == ("off", False, False)
