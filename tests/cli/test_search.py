"""`hydra/sweeper=optuna`: what may be searched, trials that fail or are ended early, and a search that survives."""

import csv
import json
import multiprocessing
import os
import shlex
import shutil
import signal
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY, ended_with, once
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from gan_cli import loop
from gan_cli.alarms import alarm
from gan_cli.cli import apart
from gan_cli.cli.search import space, syntax
from gan_cli.cli.search.foresight import added
from gan_cli.cli.search.journal import NAME
from gan_cli.cli.search.picture import picture
from gan_cli.cli.search.settings import Sampler, Settings
from gan_cli.cli.search.space import Choice, Number
from gan_cli.cli.search.study import Study
from gan_cli.cli.search.trial import Trial
from gan_cli.cli.sweep.record import Record
from gan_cli.errors import ConfigError, RunError
from gan_cli.health import Health

optuna = pytest.importorskip("optuna")
PARSER = OverridesParser.create()


def space_of(*texts: str) -> space.Space:
    return syntax.read(None, texts, PARSER)


@pytest.mark.parametrize(("text", "part"), [
    ("a=x,y", Choice(("x", "y"))),
    ("a=choice(1,2.5)", Choice(("1", "2.5"))),
    ("a=[1,2],[3]", Choice(("[1,2]", "[3]"))),
    ("a=null,1", Choice(("null", "1"))),
    ("++a=1,1,2", Choice(("1", "2"))),
    ("a=range(1,10,2)", Number(1, 9, 2, whole=True)),
    ("a=range(3)", Number(0, 2, 1, whole=True)),
    ("a=range(5,1,-1)", Number(2, 5, 1, whole=True)),
    ("a=range(0,1,0.25)", Number(0, 0.75, 0.25)),
    ("a=interval(0,1)", Number(0.0, 1.0)),
    ("a=int(interval(1,8))", Number(1, 8, whole=True)),
    ("a=tag(log,interval(1e-4,1e-2))", Number(1e-4, 1e-2, log=True)),
    ("a=tag(log,int(interval(1,64)))", Number(1, 64, log=True, whole=True)),
    ("a=int(tag(log,interval(1,64)))", Number(1, 64, log=True, whole=True)),
])  # fmt: skip
def test_what_hydra_calls_a_sweep_is_what_is_searched(text, part):
    assert space_of(text).parts == {"a": part}


@pytest.mark.parametrize(("text", "told"), [
    ("a=interval(2,1)", "a: interval(2.0, 1.0) holds no number"),
    ("a=range(3,3)", "a: range(3, 3, 1) is empty"),
    ("a=tag(log,interval(0,1))", "a: tag(log, ...) needs numbers above 0; got 0.0"),
    ("a=tag(log,range(1,9,2))", "goes with an interval, or with a range in steps of 1; got steps of 2"),
    ("a=tag(lgo,interval(1,2))", "does not know the tag 'lgo'; did you mean 'log'?"),
    ("a=tag(log,choice(1,2))", "is for an interval or a range of numbers"),
    ("seed=1,2", "seed: a search would find the luckiest; hydra.sweeper.seeds=3 takes means"),
    ("a=1", "there is nothing to search: no setting has several values"),
])  # fmt: skip
def test_a_space_with_a_mistake_is_refused_in_words(text, told):
    with pytest.raises(ConfigError) as refused:
        space_of(text)
    assert told in str(refused.value)


def test_the_line_has_the_last_word_on_what_a_file_searches():
    found = syntax.read({"a": "1,2", "b": "interval(0,1)", "c": 3}, ["++a=7", "d=x,y"], PARSER)
    assert found.parts == {"b": Number(0.0, 1.0), "d": Choice(("x", "y"))}
    assert found.overrides({"b": 0.5, "d": "y"}) == ["++a=7", "c=3", "b=0.5", "d=y"]


@pytest.mark.parametrize("text", ["a=interval(100,100.1)", "a=interval(0.9,0.999)", "a=tag(log,interval(1e-9,1e-8))",
                                  "a=interval(-1,1)", "a=range(0,1,0.1)"])  # fmt: skip
def test_numbers_are_short_lie_inside_and_are_a_thousandth_off_at_most(text):
    (part,) = space_of(text).parts.values()
    for place in np.linspace(0, 1, 101):
        exact = part.low + place * (part.high - part.low)
        if part.step:
            exact = part.low + round((exact - part.low) / part.step) * part.step
        tried = part.short(exact)
        assert part.low <= tried <= part.high
        assert tried == pytest.approx(exact, rel=1e-3 if part.log else 1e-12 if part.step else 1e-3,
                                      abs=0 if part.log else (part.high - part.low) / 1000)  # fmt: skip
        assert len(f"{tried:g}") < 12


SPACE = space_of("loss=a,b", "lr=tag(log,interval(1e-4,1e-2))", "k=range(1,4)")


def score(trial: Trial) -> float:
    return abs(np.log10(trial.values["lr"]) + 3) + 0.1 * trial.values["k"] + 0.3 * (trial.values["loss"] == "a")


def settings_of(**told) -> Settings:
    return Settings(**{"metric": "eval/cfd", "sampler": Sampler(n_startup_trials=4), **told})


def make(study: Study, trials: int) -> list[dict]:
    """Go on until there are so many trials; every fourth fails."""
    begun = [trial for trial in study.trials if trial.state == "running"]
    while begun or len(study.trials) < trials:
        trial = begun.pop() if begun else study.ask()
        bad = trial.number % 4 == 3
        trial.state, trial.found, trial.why = ("failed", [], "bad") if bad else ("complete", [score(trial)], None)
        study.tell(trial)
    return [trial.values for trial in study.trials]


@pytest.mark.parametrize("name", ["tpe", "random", pytest.param("gp", marks=pytest.mark.slow)])
def test_suggestions_depend_on_the_seed_and_on_what_came_before_alone(tmp_path, name):
    """A study that is opened anew before every trial, one asked for and not told, is the study that never was."""
    many = 8 if name == "gp" else 16
    told = settings_of(sampler=Sampler(name=name, n_startup_trials=4))
    whole = make(Study(None, told, SPACE), many)
    for number in range(many):
        Study(tmp_path, told, SPACE).ask()  # and then it is killed
        assert make(Study(tmp_path, told, SPACE), number + 1) == whole[: number + 1]
    other = settings_of(sampler=Sampler(name=name, seed=1, n_startup_trials=4))
    assert make(Study(None, other, SPACE), 4) != whole[:4]


def test_what_was_told_is_kept_and_half_a_line_is_not(tmp_path):
    study = Study(tmp_path, settings_of(), SPACE)
    make(study, 6)
    journal = tmp_path / NAME
    whole = journal.read_bytes()
    study.ask()
    lines = journal.read_bytes().removeprefix(whole)
    for cut in (1, len(lines) // 2, len(lines) - 1):
        journal.write_bytes(whole + lines[:cut])
        again = Study(tmp_path, settings_of(), SPACE)
        assert again.trials == study.trials[:6]
        assert journal.read_bytes() == whole
        assert again.ask() == study.trials[6]
    assert again.best == min((trial for trial in again.trials if trial.mean is not None), key=score)
    assert optuna.load_study(study_name="search", storage=optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(journal)))).best_value == again.best.mean  # fmt: skip


def test_a_journal_that_is_none_or_of_another_search_is_refused(tmp_path):
    make(Study(tmp_path, settings_of(), SPACE), 2)
    with pytest.raises(RunError, match="of another search"):
        Study(tmp_path, settings_of(), space_of("loss=a,b"))
    with pytest.raises(RunError, match="of another search"):
        Study(tmp_path, settings_of(direction="maximize"), SPACE)
    whole = (tmp_path / NAME).read_text()
    for foreign in ('{"op_code": 77}\n[]\n', "\0\n\n", whole.replace('"found":[', '"found":["x",'),
                    whole.replace('"found":[', '"found":[NaN,'), whole.replace('"loss"', '"loss",')):  # fmt: skip
        (tmp_path / NAME).write_text(foreign)
        with pytest.raises(RunError, match=f"{NAME} cannot be read"):
            Study(tmp_path, settings_of(), SPACE)
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to("/dev/zero")
    with pytest.raises(RunError, match="is a link"):
        Study(tmp_path, settings_of(), SPACE)


def test_no_trial_is_made_twice_and_a_small_space_has_an_end():
    study = Study(None, settings_of(n_trials=50), space_of("loss=a,b,c", "k=range(2)", "x=0.5,1"))
    found = [study.ask() for _ in range(13)]
    assert found[-1] is None
    assert len({tuple(trial.values.items()) for trial in found[:-1]}) == 12


@pytest.mark.parametrize(("metric", "way"), [("eval/cfd", min), ("precision", max), ("theory/js", min)])
def test_the_best_is_what_the_metric_calls_better(metric, way):
    study = Study(None, settings_of(metric=metric), SPACE)
    make(study, 6)
    assert study.best.mean == way(trial.mean for trial in study.trials if trial.mean is not None)
    assert [trial.mean for trial in study.ranked()][-1] is None


@pytest.mark.parametrize("state", ["complete", "failed"])
def test_the_picture_shows_every_trial_whatever_became_of_it(state):
    told = settings_of()
    parts = ("loss=a,b", "lr=tag(log,interval(1e-4,1e-2))", "a.very.long.key.of.the.whole.model=1,2", "k=range(1,4)")
    study = Study(None, told, space_of(*parts))
    for number in range(6):
        trial = study.ask()
        trial.state = ("pruned", "failed", state)[number % 3]
        trial.found, trial.why = ([10.0**number, 10.0**number] if trial.state == "complete" else []), None
        study.tell(trial)
    drawn = picture(told, study)
    assert drawn.shape == (810, 960, 3)
    ring = (np.abs(drawn.astype(int) - (0xD5, 0x5E, 0x00)).sum(axis=2) < 40).sum()
    assert (ring > 200) == (state == "complete"), "the best is ringed"


# The command

SICK = '''
import os, signal, time
from pathlib import Path
from gan_cli.losses import NonSaturating

class Poorly(NonSaturating):
    """Falls ill in step 4 where the learning rate's stand-in says so."""

    def __init__(self, how: str = "well"):
        super().__init__()
        if how == "refused":
            raise ValueError("how must be otherwise")
        self.how, self.left = how, 4

    def generator(self, fake, real=None):
        self.left -= fake.requires_grad and len(fake) == 16
        if self.left or self.how == "well":
            return super().generator(fake, real)
        if self.how == "raises": raise ArithmeticError("sick")
        if self.how == "diverges": return fake.mean() * float("nan")
        if self.how == "dies": os.kill(os.getpid(), signal.SIGKILL)
        if Path("fell").exists(): return super().generator(fake, real)
        Path("fell").touch()
        if self.how == "orphans": os.kill(os.getppid(), signal.SIGKILL); time.sleep(0.5)
        if self.how == "kills_all": os.kill(os.getppid(), signal.SIGKILL); os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "interrupts": os.kill(os.getppid(), signal.SIGINT); time.sleep(0.5)
        return super().generator(fake, real)
'''
SEARCH = ("hydra/sweeper=optuna", "hydra.sweeper.metric=theory/js", "hydra.sweep.dir=found")
LINE = (*TINY, "train.checkpoint_every=2", "train.log_every=1", "loss=poorly", *SEARCH)
LR = "optimizer.lr=tag(log,interval(1e-4,1e-1))"


@pytest.fixture
def gan_train(tmp_path, monkeypatch, capfd):
    """Runs the command in an empty working directory with a loss that falls ill; gives exit code, output and errors."""
    if sys.platform != "linux":
        pytest.skip("what a test patches is not there in a fresh process")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(apart, "GRACE", 1.0)
    monkeypatch.setattr(loop, "look", lambda run: {})  # pictures take most of the time of such short runs
    monkeypatch.setattr(Hydra, "get_mode", lambda *_, **__: None)  # which composes everything once more
    Path("poorly.py").write_text(SICK)
    Path("mine/loss").mkdir(parents=True)
    Path("mine/loss/poorly.yaml").write_text("_target_: poorly.Poorly\nhow: well\n")

    def call(*arguments: str, flags: tuple[str, ...] = ("-m", "--config-dir=mine")) -> tuple[int, str, str]:
        code = ended_with(monkeypatch, *once(*arguments), *flags)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def table(place: Path = Path("found")) -> list[dict[str, str]]:
    """The rows of search.csv."""
    with (place / "search.csv").open() as file:
        return list(csv.DictReader(file))


def jobs(place: Path = Path("found")) -> list[dict]:
    return json.loads((place / "sweep.json").read_text())["jobs"]


def logged(run: Path, key: str) -> list[float]:
    """The values of a figure, as the file has them."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row[key] for row in rows if key in row]


def test_bad_corners_and_ends_of_all_kinds_end_no_search(gan_train, monkeypatch):
    """Six trials are the whole space, and one of them is well."""
    healthy = Health.watch

    def watch(self, step, figures):
        sick = [alarm("mode_collapse", step, "as a test has it", {})] * (step == 3)
        return sick if self.settings["loss.how"] == "collapses" else healthy(self, step, figures)

    monkeypatch.setattr(Health, "watch", watch)
    ways = "refused,well,raises,diverges,collapses,dies"
    code, out, err = gan_train(*LINE, f"loss.how={ways}", "hydra.sweeper.n_trials=30")
    assert code == 0, err
    rows = table()
    found = {row["loss.how"]: row for row in rows}
    assert len(rows) == 6, "the space has an end"
    failed = dict.fromkeys(("refused", "raises", "diverges", "dies"), "failed")
    assert {how: row["state"] for how, row in found.items()} == {"well": "complete", "collapses": "pruned"} | failed
    assert found["raises"]["why"] == "ArithmeticError: sick"
    assert "step 4" in found["diverges"]["why"]
    assert found["collapses"]["why"] == "alarm mode_collapse at step 3 (train.stop_on)"
    assert "SIGKILL" in found["dies"]["why"]
    assert found["refused"]["why"] == "loss.how: must be otherwise"
    assert rows[0] == found["well"]
    (best,) = [job for job in jobs() if job["status"] == "finished"]
    assert float(rows[0]["theory/js"]) == logged(Path("found") / best["directory"], "theory/js")[-1]
    assert "1 complete, 1 pruned by alarms, 4 failed" in out
    lines = out[out.rindex("searched for") :].splitlines()
    assert len(lines) <= 24
    assert lines[-3].strip() == rows[0]["command"]
    assert lines[-1].strip() == rows[0]["command"].replace(" seed=0 ", " seed=1,2,3 ") + " -m"
    heads = next(line for line in lines if " how " in line).split()
    assert heads == ["#", "how", "theory/js", "trial", "time", "why"], "a long reason takes no other column's place"
    page = Path("found/search.md").read_text()
    assert rows[0]["command"] in page
    assert page.rstrip().endswith(shlex.join(json.loads(Path("found/sweep.json").read_text())["command"]))
    assert Path("found/search.png").stat().st_size > 10_000


def test_a_trial_is_worth_the_mean_over_its_seeds_and_its_command_makes_its_first_run(gan_train):
    line = (*LINE, LR, "seed=5", "hydra.sweeper.n_trials=1", "hydra.sweeper.seeds=2", "hydra.sweeper.value=best")
    code, _, err = gan_train(*line)
    assert code == 0, err
    runs = [Path("found") / job["directory"] for job in jobs()]
    assert [job["overrides"][-1] for job in jobs()] == ["seed=5", "seed=6"]
    for row in table():
        pair = runs[2 * int(row["trial"]) :][:2]
        assert float(row["theory/js"]) == statistics.mean(min(logged(run, "theory/js")) for run in pair)
    again = shlex.split(table()[0]["command"])[1:]
    assert again[-1] == "--config-dir=mine", "it is the whole command"
    assert gan_train(*again, "hydra.run.dir=again", flags=())[0] == 0
    first = runs[2 * int(table()[0]["trial"])]
    assert (first / "metrics.jsonl").read_bytes() == Path("again/metrics.jsonl").read_bytes()


def test_a_search_in_which_everything_fails_says_so(gan_train):
    code, out, _ = gan_train(*LINE, LR, "loss.how=raises,diverges", "hydra.sweeper.n_trials=2")
    assert code == 1
    assert "no trial came to its end" in out
    assert {"failed"} == {row["state"] for row in table()}
    code, out, _ = gan_train(*LINE, LR, "loss.how=raises,diverges", "hydra.sweeper.n_trials=2")
    assert (code, "0 of 2 trials are left" in out, len(table())) == (1, True, 2)


def content(place: Path) -> dict[str, bytes]:
    """What must be equal, to the bit, in two searches of one line."""
    found = {str(path.relative_to(place)): path.read_bytes() for path in place.glob("*/metrics.jsonl")}
    without_times = [{k: v for k, v in row.items() if k != "seconds"} for row in table(place)]
    return found | {"table": repr(without_times).encode()}


def killed(gan_train, *arguments: str) -> int:
    process = multiprocessing.get_context("fork").Process(target=gan_train, args=arguments)
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kills_all", "orphans", "interrupts"])
def test_a_search_that_is_killed_goes_on_to_the_bit(gan_train, how):
    line = (*LINE, LR, f"loss.how={how}", "hydra.sweeper.n_trials=4", "hydra.sweeper.sampler.n_startup_trials=1")
    Path("fell").touch()
    assert gan_train(*line)[0] == 0
    whole = content(Path("found"))
    shutil.move("found", "whole")
    Path("fell").unlink()
    end = gan_train(*line)[0] if how == "interrupts" else killed(gan_train, *line)
    assert end == (130 if how == "interrupts" else -signal.SIGKILL)
    assert [job["status"] for job in jobs()] == ["stopped" if how == "interrupts" else "running"]
    code, out, err = gan_train(*line)
    assert code == 0, err
    assert "goes on with found: 4 of 4 trials are left" in out
    assert content(Path("found")) == whole
    assert json.loads(next(Path("found").glob("0_*/run.json")).read_text())["resumed"], "and was not begun anew"
    code, out, _ = gan_train(*line)
    assert (code, "0 of 4 trials are left" in out) == (0, True)
    assert content(Path("found")) == whole


@pytest.mark.parametrize(("more", "code", "told"), [
    (["hydra.sweeper.metric=theory/jss"], 2,
     "hydra.sweeper.metric: no trial would log 'theory/jss'; did you mean 'theory/js'?"),
    (["hydra.sweeper.metric=fid"], 2, "for it add 'train.eval_metrics=[fid]'"),
    (["hydra.sweeper.metric=std_ratio"], 2, "metric=std_ratio is best near 1; say direction=minimize or"),
    (["hydra.sweeper.metric=null"], 2, "hydra.sweeper: metric says what to search by"),
    (["hydra.sweeper.trials=9"], 2, "hydra.sweeper.trials: a search has no such setting; did you mean 'n_trials'?"),
    (["hydra.sweeper.storage=x.db"], 2, "the study lies in the directory of the sweep"),
    (["hydra.sweeper.sampler.nam=tpe"], 2, "did you mean 'name'?"),
    (["hydra.sweeper.direction=down"], 2, "hydra.sweeper.direction: expected one of auto, minimize, maximize"),
    (["hydra.sweeper.n_trials=0"], 2, "n_trials must be positive, got 0"),
    (["hydra.sweeper.n_jobs=2"], 2, "need a launcher that runs jobs side by side"),
    (["retry=true"], 2, "retry: to a search, a trial that failed is an answer"),
    (["optimizer.lrr=interval(0,1)"], 2, "optimizer.lrr: nothing in this choice uses it; did you mean 'lr'?"),
    (["optimizer.lr=1"], 2, "there is nothing to search"),
    (["loss=hinge,nosuch"], 2, "loss: there is no choice 'nosuch'"),
])  # fmt: skip
def test_a_search_with_a_mistake_is_refused_before_its_first_trial(refused, more, code, told):
    arguments = once(*TINY, LR, *SEARCH, *more)
    assert told in refused([*arguments, "-m"], code)


def test_settings_of_a_search_are_for_one_and_a_search_is_for_several_runs(refused):
    assert f"is for a search; add {SEARCH[0]}" in refused([*TINY, "loss=hinge,minimax", SEARCH[1], "-m"], 2)
    assert "hydra/sweeper: is for several runs; add --multirun" in refused([*TINY, SEARCH[0]], 2)


def test_hydras_own_plug_in_for_optuna_is_not_in_the_way(refused):
    schema = {"_target_": "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper", "n_trials": 20}
    ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=schema, provider="optuna_sweeper")
    assert "direction: expected one of auto" in refused([*TINY, LR, *SEARCH, "hydra.sweeper.direction=up", "-m"], 2)


def test_without_optuna_it_says_how_to_get_it(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'gan-cli[sweep]'" in refused([*TINY, LR, *SEARCH, "-m"], 2)


@pytest.mark.parametrize(("train", "keys", "told", "expected"), [
    ({}, [], {}, ["++train.stop_on=[mode_collapse]", "++train.eval_every=60"]),
    ({"steps": None}, [], {}, ["++train.stop_on=[mode_collapse]", "++train.eval_every=1000000000"]),
    ({}, [], {"value": "best"}, ["++train.stop_on=[mode_collapse]", "++train.eval_every=20"]),
    ({}, [], {"metric": "theory/js"}, ["++train.stop_on=[mode_collapse]"]),
    ({}, ["train.stop_on", "train.eval_every"], {}, []),
    ({"stop_on": ["oscillating"], "eval_every": 7}, [], {}, []),
])  # fmt: skip
def test_alarms_end_trials_and_evaluations_are_made_unless_somebody_said_otherwise(train, keys, told, expected):
    default = {"steps": 60, "checkpoint_every": 20, "stop_on": [], "eval_every": None}
    config = OmegaConf.create({"train": default | train})
    assert added(config, settings_of(stop_on=["mode_collapse"], **told), keys) == expected


@pytest.mark.slow
def test_trials_side_by_side_are_chosen_in_groups_and_go_on_to_the_bit_too(gan_train):
    beside = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.n_jobs=2", "train.threads=1")
    line = (*LINE, LR, *beside, "loss.how=kills_all,raises", "hydra.sweeper.n_trials=6",
            "hydra.sweeper.sampler.n_startup_trials=1", "hydra.sweeper.sampler.seed=2")  # fmt: skip
    Path("fell").touch()
    assert gan_train(*line)[0] == 0
    whole = content(Path("found"))
    assert {row["state"] for row in table()} == {"complete", "failed"}
    shutil.move("found", "whole")
    Path("fell").unlink()
    assert killed(gan_train, *line) == -signal.SIGKILL
    code, out, err = gan_train(*line)
    assert (code, "goes on with found" in out) == (0, True), err
    assert content(Path("found")) == whole
    assert [job["number"] for job in jobs()] == [*range(6)]


@pytest.mark.slow
def test_a_search_at_its_end_can_be_made_longer(gan_train):
    line = (*LINE, LR, "hydra.sweeper.n_trials=2")
    assert gan_train(*line)[0] == 0
    first = content(Path("found"))
    code, out, err = gan_train("resume=found", "hydra.sweeper.n_trials=4", "trust=true", flags=("-m",))
    assert (code, "2 of 4 trials are left" in out) == (0, True), err
    assert {name: text for name, text in content(Path("found")).items() if name in first}.keys() == first.keys()
    shutil.move("found", "longer")
    assert gan_train(*line, "hydra.sweeper.n_trials=4")[0] == 0
    assert content(Path("found")).keys() == content(Path("longer")).keys()
    for name, made in content(Path("found")).items():
        assert name == "table" or made == content(Path("longer"))[name]
    assert "seconds" in table()[0]


def test_a_dry_run_makes_nothing(gan_train):
    before = {*Path().rglob("*")}
    code, out, err = gan_train(*LINE, LR, "dry_run=true", "hydra.sweeper.seeds=3")
    assert code == 0, err
    assert "20 trials of 3 runs each" in out
    assert {*Path().rglob("*")} - before <= {Path("__pycache__")}


def test_a_strangers_search_runs_nothing_of_theirs(gan_train):
    Path("theirs").mkdir()
    Record(["gan-train", "loss._target_=os.remove,os.unlink", *TINY, *SEARCH[:2], "-m"]).write(Path("theirs"))
    code, _, err = gan_train("resume=theirs", flags=("-m",))
    assert (code, "os." in err, os.path.exists("theirs/search.md")) == (2, True, False)
