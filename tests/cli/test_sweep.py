"""`gan-train -m`: no job takes another one with it, all are taken note of, and the same line goes on where it ended."""

import json
import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import types
from pathlib import Path

import pytest
import yaml
from conftest import TINY
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals
from omegaconf import OmegaConf
from sickroom import FIXED, SHORT, WAYS, content, jobs, killed, statuses, sweeps, undisturbed

from gan_cli.cli import job
from gan_cli.cli.lock import locked
from gan_cli.cli.sweep import combinations, record, table
from gan_cli.cli.sweep.line import Line, take_up
from gan_cli.cli.sweep.record import Job, Record
from gan_cli.errors import ConfigError, DataError, RunError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a test patches is not there in a fresh process")

EARLY = ("write_run", "_write_config", "draw_real")  # functions of the job, before the first checkpoint


def slowly(*values):
    """Values of a test among the slow ones."""
    return pytest.param(*values, marks=pytest.mark.slow)


def test_of_eight_jobs_five_fail_three_finish_and_all_are_listed(gan_train):
    line = (*SHORT, "loss=hinge,raises,exits,minimax,kills,hangs,diverges,wasserstein")
    code, out, err = gan_train(*line, "timeout_minutes=${oc.select:loss.minutes,1000}")
    assert code == 1, err
    (sweep,) = sweeps()
    found = jobs(sweep)
    good, bad = "finished", "failed"
    assert [job["status"] for job in found] == [good, bad, bad, good, bad, bad, bad, good]
    assert [job["exit_code"] for job in found] == [0, 1, 0, 0, 137, 137, 3, 0]
    assert [job["step"] for job in found] == [6, 3, 3, 6, 2, 2, 3, 6]
    assert [job["number"] for job in found] == [*range(8)]
    assert found[5]["overrides"] == [*SHORT, "loss=hangs"]
    assert found[1]["error"] == "ArithmeticError: sick"
    assert found[2]["error"] == "ended with exit code 0, not finished"
    assert found[5]["error"] == "took longer than the 0.06 minutes that it was given"
    assert found[5]["seconds"] >= 3.6, "its run wrote nothing any more while it hung"
    assert "step 4" in found[6]["error"]
    told = json.loads((sweep / "sweep.json").read_text())
    assert told["status"] == "failed"
    assert told["command"] == ["gan-train", *line, "--config-dir=mine", "-m"]
    lines = out[out.rindex("#  job") :].splitlines()
    assert [line.split()[1:3] for line in lines[1:9]] == [[job["overrides"][-1], job["status"]] for job in found]
    assert lines[9] == f"3 of 8 finished; jobs in {sweep}, each with its output.log"
    assert lines[10] == f"what #1 said is in {sweep}/1_loss-raises/output.log"
    assert f"gan-train -m resume={sweep} retry=true" in lines[11]
    assert err.count("Traceback") == 1, "of the job that had a bug"


def test_all_jobs_are_checked_before_the_first_starts(gan_train):
    before = {*Path().rglob("*")}
    code, out, err = gan_train(*TINY, "loss=minimax,hinge", "loss.real_label=1.0", "optimizer.lr=0.1,-1")
    assert (code, out) == (2, "")
    assert err.startswith("3 of the 4 jobs cannot run, and none was started:")
    assert "in #1 loss=minimax optimizer.lr=-1: optimizer" in err
    assert "in #2 loss=hinge optimizer.lr=0.1: loss.real_label: gan_cli.losses.Hinge has no such argument" in err
    assert "in #3 loss=hinge optimizer.lr=-1: 2 problems in this config" in err
    assert {*Path().rglob("*")} == before


def test_one_mistake_of_several_jobs_is_told_once_and_keeps_its_exit_code(gan_train):
    code, _, err = gan_train(*TINY, "dataset=folder", "dataset.path=nowhere", "seed=0,1")
    assert code == 4
    assert err.count("nowhere") == 1
    assert "in all 2 jobs: no job was started" in err
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("way", "code"), [("interrupts", 130), slowly("terminates", 143)]
)
def test_a_signal_saves_the_job_starts_no_other_and_the_same_line_goes_on_to_the_bit(gan_train, way, code):
    line = (*SHORT, f"loss={way}", "seed=0,1", "loss.step=3")
    whole = undisturbed(gan_train)
    found, _, err = gan_train(*line)
    (sweep,) = sweeps()
    assert found == code
    assert json.loads((sweep / "sweep.json").read_text())["status"] == "stopped"
    assert statuses(sweep) == ["stopped", "waiting"]
    assert (jobs(sweep)[0]["exit_code"], jobs(sweep)[0]["step"]) == (143, 3)
    assert "the sweep was stopped in #0" in err
    found, out, _ = gan_train(*line)
    assert found == 0
    assert f"goes on with {sweep}: 0 of 2 jobs are finished, 2 to run" in out
    assert sweeps() == [sweep]
    assert statuses(sweep) == ["finished"] * 2
    assert json.loads((sweep / "0_seed-0/run.json").read_text())["resumed"][0]["step"] == 3
    assert [*content(sweep).values()] == whole


def test_a_job_of_an_experiment_goes_on_too(gan_train):
    """What was composed for it is all held against what is stored, and `retry` is no part of either."""
    line = ("experiment=dirac/minimax", *SHORT, "loss=interrupts", "loss.step=3", "seed=0", FIXED)
    code, _, err = gan_train(*line)
    assert code == 130, err
    code, _, err = gan_train(*line)
    assert code == 0, err
    assert statuses(Path("sweep")) == ["finished"]


def dies_at(monkeypatch, place: str) -> None:
    """The sweep and its job are killed right before a function of the job is called, once."""
    original = getattr(job, place)

    def call(*arguments):
        if not Path("fell").exists():
            Path("fell").touch()
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)

    monkeypatch.setattr(job, place, call)


@pytest.mark.parametrize("where", ["orphans", *(slowly(name) for name in ("kills_all", *EARLY))])
def test_a_sweep_that_is_killed_goes_on_to_the_bit(gan_train, monkeypatch, where):
    loss = where if where in WAYS else "falls"
    line = (*SHORT, f"loss={loss}", "seed=0,1", "loss.step=5", FIXED)
    whole = undisturbed(gan_train)
    if where not in WAYS:
        dies_at(monkeypatch, where)
    sweep = Path("sweep")
    assert killed(gan_train, *line) == -signal.SIGKILL
    assert statuses(sweep) == ["running", "waiting"]
    assert json.loads((sweep / "sweep.json").read_text())["status"] == "running"
    code, out, err = gan_train(*line)
    assert (code, err.count("Traceback")) == (0, 0)
    assert ("begins anew" in out) == (where in ("write_run", "_write_config"))
    assert ("begins with step 1" in err) == (where == "draw_real")
    assert statuses(sweep) == ["finished"] * 2
    assert [*content(sweep).values()] == whole


def test_what_is_finished_is_not_run_again_and_what_failed_only_if_asked(gan_train):
    line = (*SHORT, "loss=hinge,falls")
    whole = undisturbed(gan_train)
    assert gan_train(*line)[0] == 1
    (sweep,) = sweeps()
    good = {path: path.stat().st_mtime_ns for path in sweep.glob("0_*/**/*")}
    code, out, _ = gan_train(*line)
    assert code == 1
    assert "goes on with" in out
    assert "1 failed, and retry=true runs them again" in out
    assert "#0  loss=hinge: finished before" in out
    assert "#1  loss=falls: failed before" in out
    assert statuses(sweep) == ["finished", "failed"]
    code, out, _ = gan_train(*line, "retry=true")
    assert (code, statuses(sweep)) == (0, ["finished"] * 2)
    assert {path: path.stat().st_mtime_ns for path in sweep.glob("0_*/**/*")} == good
    assert json.loads((sweep / "1_loss-falls/run.json").read_text())["resumed"][0]["step"] == 2
    assert content(sweep)["1_loss-falls"] == whole[0]
    assert not {"retry", "timeout_minutes"} & yaml.safe_load((sweep / "0_loss-hinge/config.yaml").read_text()).keys()
    assert record.newest_unfinished(Path("outputs/sweeps"), Line([*line], ["--config-dir=mine"]).command) is None


def test_resume_of_a_sweeps_directory_is_its_own_line_again(gan_train):
    Path("outputs/sweeps").mkdir(parents=True)
    assert gan_train(*TINY, "loss=falls", "seed=0,1", "hydra.sweep.dir='odd (old) = place'")[0] == 1
    code, _, err = gan_train("resume=odd (old) = place", "loss=hinge", flags=("-m",))
    assert (code, "is a sweep and brings its own line" in err) == (2, True)
    code, _, err = gan_train("resume=odd (old) = place", flags=("-m",))
    assert (code, "reaches beyond the sweep: --config-dir=mine" in err) == (2, True)
    assert gan_train("resume=odd (old) = place", "retry=true", "trust=true", flags=("-m",))[0] == 0
    assert statuses(Path("odd (old) = place")) == ["finished"] * 2
    assert not sweeps()


@pytest.mark.parametrize(
    "foreign",
    [
        ["loss._target_=os.remove"],
        ["seed=${oc.env:HOME}"],
        ["hydra.callbacks.x._target_=os.remove"],
        ["+hydra.callbacks.x._target_=os.remove"],
        ["hydra/launcher=submitit_local"],
        ["hydra.launcher.setup=[reboot]"],
        ["resume=/somewhere"],
        ["--config-dir=mine"],
    ],
)
def test_a_strangers_sweep_runs_nothing_of_theirs(gan_train, foreign):
    Path("theirs").mkdir()
    Record(["gan-train", *TINY, *foreign, "seed=0,1", "-m"]).write(Path("theirs"))
    before = {path: path.read_bytes() for path in Path("theirs").rglob("*")}
    assert gan_train("resume=theirs", flags=("-m",))[0] == 2
    assert {path: path.read_bytes() for path in Path("theirs").rglob("*")} == before


def test_a_directory_is_that_of_one_line_and_of_one_process(gan_train):
    assert gan_train(*TINY, "seed=0,1", FIXED)[0] == 0
    code, _, err = gan_train(*TINY, "seed=0,2", FIXED)
    assert (code, err.splitlines()[0]) == (
        6,
        "sweep holds another sweep; choose another place with hydra.sweep.dir=...",
    )
    with locked(Path("sweep")):
        code, _, err = gan_train(*TINY, "seed=0,1", FIXED)
    assert (code, "sweep: this sweep is running" in err) == (6, True)
    shutil.rmtree("sweep/1_seed-1")
    code, out, _ = gan_train(*TINY, "seed=0,1", FIXED)
    assert (code, "1 of 2 jobs are finished, 1 to run" in out) == (0, True)
    assert statuses(Path("sweep")) == ["finished"] * 2


@pytest.mark.slow
def test_a_sweep_of_resumed_runs_is_one_too(gan_train):
    assert gan_train(*TINY, "seed=0,1", FIXED)[0] == 0
    line = ("resume=sweep/0_seed-0,sweep/1_seed-1", "train.steps=8", "hydra.sweep.dir=longer")
    assert gan_train(*line)[0] == 0
    assert statuses(Path("longer")) == ["finished"] * 2
    files = {path.name for path in Path("longer").rglob("*") if path.is_file()}
    assert files == {"sweep.json", "multirun.yaml", "output.log"}, "what they said, and no run"
    assert [json.loads((run / "status.json").read_text())["step"] for run in Path("sweep").glob("*_*")] == [8, 8]
    code, out, _ = gan_train(*line)
    assert (code, out.count("finished before")) == (0, 4), "in its place and in the table"


def launched_elsewhere(self, job_overrides, initial_job_idx):
    """Each job in a process that has of this one what is pickled, as joblib and submitit do it."""
    setup_globals()
    singletons = Singleton.get_state()["instances"]
    parts = pickle.dumps((self.config, self.hydra_context, self.task_function, singletons))
    for number, overrides in enumerate(job_overrides, initial_job_idx):
        arguments = (type(self), parts, overrides, number)
        process = multiprocessing.get_context("fork").Process(target=_inside, args=arguments)
        process.start()
        process.join()
    return []


def _inside(kind, parts, overrides, number):
    OmegaConf.clear_resolvers()
    here = kind()
    here.config, here.hydra_context, here.task_function, Singleton._instances = pickle.loads(parts)
    (done,) = super(kind, here).launch([overrides], number)
    sys.exit(done.return_value)


@pytest.fixture
def plug_in(monkeypatch):
    """Two plug-ins of Hydra's: jobs in other processes, and a sweeper that tells none ahead; how to ask for them."""
    known, written = Plugins.instance(), {}
    package = types.ModuleType("hydra_plugins")
    monkeypatch.setitem(sys.modules, "hydra_plugins", package)
    for key, inside in (("launcher", {"launch": launched_elsewhere}), ("sweeper", {})):
        original = known.class_name_to_class[f"hydra._internal.core_plugins.basic_{key}.Basic{key.title()}"]
        module = types.ModuleType(f"hydra_plugins.{key}")
        module.Other = type("Other", (original,), {"__module__": module.__name__, **inside})
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(known.class_name_to_class, f"{module.__name__}.Other", module.Other)
        setattr(package, key, module)
        written[key] = f"hydra.{key}._target_={module.__name__}.Other"
    return written


@pytest.mark.parametrize("known", [True, slowly(False)])
def test_jobs_in_other_processes_end_as_ever_and_are_gone_on_with(gan_train, plug_in, known):
    line = (*SHORT, "loss=falls,hinge", plug_in["launcher"], FIXED, *(() if known else [plug_in["sweeper"]]))
    whole = undisturbed(gan_train)
    code, out, err = gan_train(*line)
    assert (code, err.count("Traceback")) == (1, 1), err
    found = jobs(Path("sweep"))
    assert [(job["status"], job["step"], job["directory"]) for job in found] == [
        ("failed", 3, "0_loss-falls"),
        ("finished", 6, "1_loss-hinge"),
    ]
    assert [job["overrides"][-1] for job in found] == ["loss=falls", "loss=hinge"]
    assert "1 of 2 finished; jobs in sweep" in out
    if known:
        code, out, err = gan_train(*line, "retry=true")
        assert (code, statuses(Path("sweep"))) == (0, ["finished"] * 2), err
        assert "1 of 2 jobs are finished, 1 to run" in out
        assert content(Path("sweep"))["0_loss-falls"] == whole[0]


@pytest.mark.slow
def test_a_killed_sweep_whose_jobs_went_on_elsewhere_goes_on(gan_train, plug_in):
    line = (*SHORT, "loss=kills_all", "seed=0,1", "loss.step=5", plug_in["launcher"], FIXED)
    whole = undisturbed(gan_train)
    assert gan_train(*line)[0] == 1
    told = json.loads(Path("sweep/sweep.json").read_text())
    for one in told["jobs"]:
        one.update(status="waiting", step=None, error=None)  # as long as the command runs
    Path("sweep/sweep.json").write_text(json.dumps(told | {"status": "running"}))
    assert gan_train(*line)[0] == 0
    assert [*content(Path("sweep")).values()] == whole


def test_a_dry_run_elsewhere_leaves_nothing_and_resumed_runs_are_refused_there(gan_train, plug_in):
    before = {*Path().rglob("*")}
    code, _, err = gan_train(*TINY, "seed=0,1", "dry_run=true", plug_in["launcher"])
    assert code == 0, err
    code, _, err = gan_train("resume=a,b", plug_in["launcher"])
    assert (code, "jobs that resume runs are not for another launcher" in err) == (2, True)
    assert {*Path().rglob("*")} == before


def test_an_adaptive_sweep_begins_anew_each_time_and_says_what_each_job_was(gan_train, plug_in):
    line = (*TINY, "loss=hinge,raises", plug_in["sweeper"])
    for count in (1, 2):
        code, out, err = gan_train(*line)
        assert (code, err.count("Traceback")) == (1, 1)
        assert "goes on with" not in out
        assert "the same line makes a new sweep" in out
        assert len(sweeps()) == count
    assert [[(job["overrides"][-1], job["status"]) for job in jobs(sweep)] for sweep in sweeps()] == [
        [("loss=hinge", "finished"), ("loss=raises", "failed")]
    ] * 2
    code, _, err = gan_train(*line, f"hydra.sweep.dir='{sweeps()[0]}'")
    assert (code, "chooses jobs as it goes" in " ".join(err.split())) == (6, True)


def test_a_job_does_not_go_on_in_silence_with_a_config_that_was_corrected_since(gan_train):
    line = (*SHORT, "loss=raises,hinge", FIXED)
    assert gan_train(*line)[0] == 1
    Path("mine/loss/raises.yaml").write_text("_target_: sick.Sick\nhow: falls\nstep: 5\n")
    Path("fell").touch()
    assert gan_train(*line)[0] == 1, "it is not run, and stays as it is"
    before = {path: path.stat().st_mtime_ns for path in Path("sweep").rglob("*")}
    code, _, err = gan_train(*line, "retry=true")
    assert code == 2
    assert "loss.how was 'raises' and is 'falls'; loss.step was 'not set' and is 5" in " ".join(err.split())
    assert "delete the job's directory" in err
    assert "in #0 loss=raises: no job was started" in err
    assert {path: path.stat().st_mtime_ns for path in Path("sweep").rglob("*")} == before
    shutil.rmtree("sweep/0_loss-raises")
    assert gan_train(*line, "retry=true")[0] == 0
    assert statuses(Path("sweep")) == ["finished"] * 2
    Path("mine/loss/raises.yaml").write_text("_target_: sick.Sick\nhow: falls\n")
    code, _, err = gan_train(*line)
    assert (code, "loss.step was 5 and is 'not set'" in err) == (2, True), "of what is finished too"


def test_a_sweep_that_is_not_one_says_how_to_go_on(tmp_path):
    Record(["gan-train", "seed=0,1", "-m"]).write(tmp_path)
    with pytest.raises(ConfigError, match=f"is a sweep; go on with it with: gan-train -m resume={tmp_path}"):
        take_up([f"resume={tmp_path}"], [], multirun=False)


def test_two_lines_are_the_same_if_they_make_the_same_jobs():
    line = Line(["loss=hinge,wgan", "retry=true"], ["--multirun", "--config-dir=mine"])
    assert line.command == Line(["loss=hinge,wgan", "hydra.sweep.dir=x"], ["--config-dir=mine", "-m"]).command
    assert line.command != Line(["loss=wgan,hinge"], ["--config-dir=mine", "-m"]).command


def test_the_table_fits_a_screen_and_shows_what_failed(tmp_path, capsys):
    many = [Job(n, [f"seed={n}"], f"{n}_seed-{n}", "finished", 0, 6, 6, 1.0) for n in range(40)]
    many[30] = Job(30, ["seed=30"], None, "failed", 4, error="there is no data set " + 20 * "far and wide ")
    table.show(many, [f"dataset.path='{'x' * 50}' seed={n}" for n in range(40)], tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 24
    assert all(len(line) <= 100 for line in lines[:-1])
    assert any("failed" in line and "there is no data set" in line for line in lines)
    assert "and 24 more in sweep.json; 39 of 40 finished" in lines[-1]


def test_many_mistakes_fit_a_screen():
    mistakes = [combinations.Mistake(n, f"seed={n}", ConfigError(f"wrong {n % 30}")) for n in range(60)]
    text = str(combinations.merged(mistakes, 90))
    assert text.startswith("60 of the 90 jobs cannot run")
    assert "in #0 seed=0 and 1 more: wrong 0" in text
    assert text.endswith("and 10 more")
    mixed = [*mistakes[:1], combinations.Mistake(1, "seed=1", DataError("none"))]
    assert combinations.merged(mixed, 2).exit_code == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: told.pop("command"),
        lambda told: told.update(status="odd"),
        lambda told: told.update(pid="1"),
        lambda told: told["jobs"].append(3),
        lambda told: told["jobs"][0].pop("error"),
        lambda told: told["jobs"][0].update(number=1),
        lambda told: told["jobs"][0].update(directory=["x"]),
        lambda told: told["jobs"][0].update(overrides=[{}]),
    ],
)
def test_a_record_that_gan_train_did_not_write_is_refused(tmp_path, damage):
    Record(["gan-train", "-m"], [Job(0, ["seed=0"])]).write(tmp_path)
    assert record.read(tmp_path).jobs == [Job(0, ["seed=0"])]
    told = json.loads((tmp_path / "sweep.json").read_text())
    damage(told)
    (tmp_path / "sweep.json").write_text(json.dumps(told))
    with pytest.raises(RunError, match="is not as gan-train writes it"):
        record.read(tmp_path)
    assert record.newest_unfinished(tmp_path.parent, ["gan-train", "-m"]) is None
