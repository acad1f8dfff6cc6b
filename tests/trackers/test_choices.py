"""`logger=...`: one tracker, several or one of one's own; what is wrong with a choice, what a resume makes of it."""

import json
from pathlib import Path

import pytest
import yaml
from conftest import TINY, choices, once

from gan_cli import build, compose, train
from gan_cli.cli.job import told
from gan_cli.errors import ConfigError
from gan_cli.suite.recipe import digest
from gan_cli.trackers import METHODS

MINE = """
import json

class Lines:
    def begin(self, about):
        self.file = open(about.directory / "lines.txt", "a")

    def scalars(self, step, values):
        self.file.write(json.dumps([step, sorted(values)]) + chr(10))

    def picture(self, step, tag, png):
        pass

    def end(self, success):
        self.file.write(str(success) + chr(10))
        self.file.close()

class Half:
    def begin(self, about):
        pass
"""


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """A directory of one's own choices, and the module with their classes."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lines_of_mine.py").write_text(MINE)
    folder = tmp_path / "conf" / "logger"
    folder.mkdir(parents=True)
    nodes = {"lines": {"lines": "Lines"}, "half": {"half": "Half"}, "with-dash": {"a-b": "Lines"}}
    for name, node in nodes.items():
        targets = {key: {"_target_": f"lines_of_mine.{kind}"} for key, kind in node.items()}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(targets))
    (folder / "flat.yaml").write_text("_target_: lines_of_mine.Lines\n")
    return tmp_path / "conf"


@pytest.mark.parametrize("choice", choices("logger"))
def test_every_choice_is_built_and_has_the_four_methods(choice):
    trackers = build(compose(*TINY, f"logger={choice}")).trackers
    assert [*trackers] == ([] if choice == "tensorboard" else [choice])
    assert all(callable(getattr(tracker, method)) for tracker in trackers.values() for method in METHODS)


def test_several_stand_side_by_side_each_with_settings_of_its_own():
    config = compose("logger=[wandb,csv]", "logger.wandb.project=mine", "logger.wandb.tags=[a,b]")
    assert [*config["logger"]] == ["wandb", "csv"]
    assert config["logger"]["wandb"] | {"_target_": ""} == {"_target_": "", "project": "mine", "tags": ["a", "b"]}


def test_a_logger_is_no_part_of_what_makes_a_run():
    plain, logged = compose(*TINY), compose(*TINY, "logger=[wandb,csv]", "logger.wandb.project=mine")
    assert digest(plain) == digest(logged)
    assert told(plain) == told(logged) and "logger" not in logged.about["choices"]


@pytest.mark.parametrize(("words", "message"), [
    (("logger=wandbb",), r"^logger: there is no choice 'wandbb'; did you mean 'wandb'\?$"),
    (("logger=[csv,wandbb]",), r"^logger: there is no choice 'wandbb'; did you mean 'wandb'\?$"),
    (("loss=[hinge,minimax]",), r"^loss: expected one choice, got \[hinge,minimax\]"),
    (("logger.wandb.project=x",), r"^logger\.wandb: nothing is logged there; add logger=wandb$"),
    (("logger=wandb", "logger.wandb.projct=x"), r"^logger\.wandb\.projct: .* did you mean 'project'\?$"),
    (("logger=wandb", "logger.wandb.tags=word"), r"^logger\.wandb\.tags: expected a list, each text; got 'word'$"),
    (("logger=5",), r"^logger: there is no choice '5'"),
    (("loger=csv",), r"^loger: no such key; did you mean 'logger'\?$"),
])  # fmt: skip
def test_what_is_wrong_is_told(words, message):
    with pytest.raises(ConfigError, match=message):
        compose(*TINY, *words)


@pytest.mark.parametrize(("choice", "message"), [
    ("flat", r"logger\._target_: a tracker stands under a name of its own"),
    ("half", r"3 problems.*\n.*logger\.half: Half has no method scalars\(\)"),
    ("with-dash", r"logger\.a-b: expected a name of letters"),
])  # fmt: skip
def test_what_is_wrong_with_one_of_ones_own_is_told(own, choice, message):
    with pytest.raises(ConfigError, match=message):
        build(compose(*TINY, f"logger={choice}", config_dir=own))


def test_one_of_ones_own_is_told_all(own, tmp_path):
    train(build(compose(*TINY, "train.log_every=3", "logger=lines", config_dir=own)), tmp_path / "run")
    *rows, end = (tmp_path / "run" / "lines.txt").read_text().splitlines()
    metrics, timing = json.loads(rows[0]), json.loads(rows[1])
    assert metrics[0] == timing[0] == 3 and "loss/d" in metrics[1] and timing[1] == ["time/images_per_second"]
    assert json.loads(rows[-1])[0] == 6 and end == "True"


def test_a_resume_goes_on_with_the_logger_of_the_run_or_takes_another(tmp_path):
    train(build(compose(*once(*TINY, "train.steps=2"), "logger=csv")), tmp_path / "run")
    again = f"resume={tmp_path / 'run'}"
    assert [*compose(again)["logger"]] == ["csv"]
    assert [*compose(again, "logger=[csv,wandb]")["logger"]] == ["csv", "wandb"]
    assert compose(again, "logger=tensorboard")["logger"] == {}
    train(build(compose(again, "train.steps=4")))
    table = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in table] == ["step", "2", "4"]


def test_a_run_from_before_there_were_loggers_is_resumed(tmp_path):
    train(build(compose(*once(*TINY, "train.steps=2"))), tmp_path / "run")
    path = tmp_path / "run" / "config.yaml"
    config = yaml.safe_load(path.read_text())
    assert config.pop("logger") == {}
    path.write_text(yaml.safe_dump(config))
    assert train(build(compose(f"resume={tmp_path / 'run'}", "train.steps=3"))).step == 3


@pytest.mark.parametrize("node", [
    {"csv": {"_target_": "gan_cli.logbook.Logbook", "directory": "/"}},
    {"csv": {"_target_": "os.getcwd"}},
    {"_target_": "gan_cli.trackers.CSV"},
    {"csv": {"_target_": "gan_cli.trackers.CSV", "x": {"_target_": "gan_cli.trackers.CSV"}}},
    {"../up": {"_target_": "gan_cli.trackers.CSV"}},
    ["csv"],
], ids=str)  # fmt: skip
def test_a_strangers_run_names_no_other_logger_than_ours(tmp_path, node):
    train(build(compose(*once(*TINY, "train.steps=1"))), tmp_path / "run")
    path = tmp_path / "run" / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"logger": node}))
    with pytest.raises(ConfigError):
        build(compose(f"resume={tmp_path / 'run'}", "train.steps=2"))
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 1


def test_links_where_trackers_write_are_refused(tmp_path):
    from gan_cli.errors import RunError

    train(build(compose(*once(*TINY, "train.steps=1"), "logger=csv")), tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    for name in ("wandb", "trackers", "metrics.csv"):
        place = tmp_path / "run" / name
        if place.exists():
            place.unlink()
        place.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(RunError, match=f"{name}: is a link"):
            train(build(compose(f"resume={tmp_path / 'run'}", "train.steps=2")))
        place.unlink()


def test_a_library_that_is_not_there_is_told_of_before_anything_begins(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"^logger\.wandb: needs wandb, which is not installed: pip install"):
        build(compose(*TINY, "logger=[csv,wandb]"))
