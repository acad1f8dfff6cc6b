"""Jobs side by side, and through submitit: none harms another, and the same line goes on to the bit."""

import contextlib
import json
import os
import signal
import sys
import time
import types
from pathlib import Path

import pytest
from conftest import TINY
from sickroom import FIXED, SHORT, content, jobs, killed, statuses, undisturbed

from gan_cli.cli.apart import Ending
from gan_cli.cli.sweep import cluster, launchers
from gan_cli.cli.sweep.attempt import Attempt
from gan_cli.cli.sweep.combinations import Combination
from gan_cli.cli.sweep.pool import Pool
from gan_cli.cli.sweep.record import Job
from gan_cli.cli.sweep.remote import Remote
from gan_cli.cli.sweep.settings import Joblib, SubmititLocal, SubmititSlurm
from gan_cli.files import write_json

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a test patches is not there in a fresh process")

SIDE_BY_SIDE = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
LOCAL = ("hydra/launcher=submitit_local", "hydra.launcher.n_jobs=2")


def test_side_by_side_five_fail_three_finish_and_all_are_listed(gan_train):
    line = (*SHORT, *SIDE_BY_SIDE, "loss=hinge,raises,exits,minimax,kills,hangs,diverges,wasserstein")
    code, out, err = gan_train(*line, "timeout_minutes=${oc.select:loss.minutes,1000}", FIXED)
    assert code == 1, err
    found = jobs(Path("sweep"))
    good, bad = "finished", "failed"
    assert [job["status"] for job in found] == [good, bad, bad, good, bad, bad, bad, good]
    assert [job["exit_code"] for job in found] == [0, 1, 0, 0, 137, 137, 3, 0]
    assert "3 of 8 finished; jobs in sweep" in out
    assert "final state sha256" not in out, "what several say at a time is in their files"
    assert "final state sha256" in Path("sweep/0_loss-hinge/output.log").read_text()


def test_a_signal_saves_all_that_run_side_by_side_and_the_same_line_goes_on_to_the_bit(gan_train):
    line = (*SHORT, *SIDE_BY_SIDE, "loss=interrupts", "seed=0,1", "loss.step=3", FIXED)
    whole = undisturbed(gan_train)
    code, _, err = gan_train(*line)
    assert (code, "the sweep was stopped in #0" in err) == (130, True)
    assert "finished" not in statuses(Path("sweep"))
    assert gan_train(*line)[0] == 0
    assert [*content(Path("sweep")).values()] == whole


@pytest.mark.slow
def test_jobs_side_by_side_of_a_killed_sweep_save_and_the_same_line_goes_on_to_the_bit(gan_train):
    line = (*SHORT, *SIDE_BY_SIDE, "loss=orphans", "seed=0,1", "loss.step=5", FIXED)
    whole = undisturbed(gan_train)
    assert killed(gan_train, *line) == -signal.SIGKILL
    code, _, err = gan_train(*line)
    assert code == 0, err
    assert [*content(Path("sweep")).values()] == whole


def asleep(_: object) -> None:
    time.sleep(0.4)


def test_no_more_jobs_run_than_there_are_places_and_each_has_a_gpu_of_its_own(tmp_path):
    def work(number: int) -> str:
        (tmp_path / f"{number}").write_text(f"{time.monotonic()} {os.environ['CUDA_VISIBLE_DEVICES']}")
        time.sleep(0.4)
        return str(time.monotonic())

    ended: dict[int, Ending] = {}
    pool = Pool(ended.__setitem__, 2, {"OMP_NUM_THREADS": "1"}, ["4", "7"])
    for number in range(5):
        attempt = Attempt(number, lambda _, number=number: work(number), cfg={}, directory=tmp_path)  # type: ignore[arg-type]
        pool.start(attempt, Job(number, []))
    pool.drain()
    assert sorted(ended) == [*range(5)]
    spans = [(float((tmp_path / str(n)).read_text().split()[0]), float(ended[n].message)) for n in range(5)]
    assert max(sum(begin <= now < end for begin, end in spans) for now, _ in spans) == 2
    gpus = [(tmp_path / str(n)).read_text().split()[1] for n in range(5)]
    assert set(gpus) == {"4", "7"}
    for (begin, end), gpu in zip(spans, gpus, strict=True):
        others = [g for (b, e), g in zip(spans, gpus, strict=True) if b < end and begin < e and (b, e) != (begin, end)]
        assert gpu not in others, "no two jobs at a time share one"


@pytest.mark.parametrize(
    ("n_jobs", "trains", "cores", "expected"),
    [
        (None, [{"threads": "auto"}] * 10, 8, (8, 1)),
        (None, [{"threads": "auto"}] * 3, 8, (3, 2)),
        (-1, [{"threads": 4}] * 10, 8, (2, 4)),
        (2, [{"threads": "auto"}] * 10, 8, (2, 4)),
        (16, [{"threads": "auto"}] * 40, 8, (16, 1)),
        (None, [{"threads": 2, "devices": 4}] * 10, 8, (1, 8)),
        (None, [{"threads": "auto", "devices": 2}] * 10, 8, (4, 2)),
        (None, [{"threads": 32}], 8, (1, 32)),
        (None, [], 4, (4, 1)),
    ],
)
def test_threads_times_jobs_are_no_more_than_cores(monkeypatch, n_jobs, trains, cores, expected):
    monkeypatch.setattr(launchers, "cores", lambda: cores)
    told = [Combination(n, "", {"device": "cpu", "train": train}, {}, (), "") for n, train in enumerate(trains)]
    assert launchers.most(Joblib(n_jobs), told)[:2] == expected
    assert launchers.most(None, told)[0] == 1
    assert launchers.most(SubmititSlurm(array_parallelism=3), told)[0] == 3


def test_jobs_that_use_gpus_are_as_many_as_those(monkeypatch):
    monkeypatch.setattr(launchers, "_gpus", lambda: ["0", "1"])
    told = [Combination(n, "", {"device": "auto", "train": {"threads": "auto"}}, {}, (), "") for n in range(9)]
    assert launchers.most(Joblib(), told)[::2] == (2, ["0", "1"])


def test_the_line_says_how_many_and_a_thread_count_is_what_was_said(gan_train, monkeypatch):
    monkeypatch.setattr(launchers, "cores", lambda: 6)
    code, out, _ = gan_train(*TINY, "hydra/launcher=joblib", "seed=0,1", "train.threads=1", FIXED)
    assert (code, "2 jobs at a time, each with 1 thread, on 6 cores" in out) == (0, True)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (("hydra/launcher=joblib", "+hydra.launcher.n_job=2"), 2, "hydra.launcher.n_job: there is no such setting"),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=many"), 2, "expected a whole number or null; got 'many'"),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=0"), 2, "n_jobs must be positive"),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.nodes=2"), 2, "one task on one node"),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.signal_delay_s=9000"), 2, "leaves nothing of timeout_min"),
        (("hydra/launcher=submitit_slurm",), 5, "there is no Slurm here (sbatch, srun, squeue, scontrol not found)"),
    ],
)
def test_what_is_wrong_with_a_launcher_is_told_before_anything_is_written(gan_train, monkeypatch, line, code, message):
    monkeypatch.setattr(launchers.shutil, "which", lambda name: None)
    before = {*Path().rglob("*")}
    found, _, err = gan_train(*TINY, "seed=0,1", *line)
    assert (found, message in " ".join(err.split())) == (code, True), err
    assert {*Path().rglob("*")} == before


@pytest.mark.parametrize("name", ["submitit_local", "submitit_slurm"])
def test_a_library_that_is_missing_is_named_with_how_to_get_it(gan_train, monkeypatch, name):
    monkeypatch.setattr(launchers, "find_spec", lambda name: None)
    code, _, err = gan_train(*TINY, "seed=0,1", f"hydra/launcher={name}")
    assert (code, "pip install 'gan-cli[slurm]'" in " ".join(err.split())) == (2, True)


@pytest.mark.parametrize(
    ("most", "begun", "ends"), [(100, [False, True, True], "finished"), (6, [False, True], "saved")]
)
def test_a_job_that_submitit_starts_no_more_is_sent_again_as_often_as_said(tmp_path, monkeypatch, most, begun, ends):
    sent: list[Remote] = []
    ended: dict[int, Ending] = {}

    class Executor:
        """Jobs that save at once and leave, twice; the third comes to its end."""

        batch = contextlib.nullcontext

        def submit(self, remote: Remote) -> types.SimpleNamespace:
            sent.append(remote)
            finished = {"code": 0, "message": "finished", "seconds": 1.0, "stopped": False}
            write_json(remote.note, {"again": True} if len(sent) < 3 else {"ending": finished})
            return types.SimpleNamespace(done=lambda: True)

    monkeypatch.setattr(cluster.Cluster, "_executor", lambda self: Executor())
    monkeypatch.setitem(cluster.POLL, "local", 0.01)
    jobs = cluster.Cluster(SubmititLocal(max_num_timeout=most), tmp_path, ended.__setitem__, 1, {})
    jobs.start(Attempt(0, lambda _: None, cfg={}, directory=tmp_path), Job(0, []))  # type: ignore[arg-type]
    jobs.drain()
    assert [remote.attempt.begun for remote in sent] == begun
    assert ends in (ended[0].message or "")
    assert ended[0].stopped == (ends == "saved")


def test_the_files_have_every_setting_and_no_other():
    import yaml

    from gan_cli.paths import CONF_DIR

    for kind, name in ((Joblib, "joblib"), (SubmititLocal, "submitit_local"), (SubmititSlurm, "submitit_slurm")):
        told = yaml.safe_load((CONF_DIR / "hydra" / "launcher" / f"{name}.yaml").read_text())
        assert told.pop("_target_") == f"hydra_plugins.gan_cli.{kind.__name__}"
        assert told.keys() == kind.__dataclass_fields__.keys()
        kind(**told)


# Through submitit: jobs are fresh processes, for which nothing that a fixture patches holds.

_whole: list[object] = []


def whole(gan_train) -> list[object]:
    """What the jobs of seeds 0 and 1 come to that nobody disturbs."""
    if not _whole:
        Path("fell").touch()
        assert gan_train(*SHORT, *LOCAL, "loss=falls", "seed=0,1", "hydra.sweep.dir=whole")[0] == 0
        Path("fell").unlink()
        _whole.extend(content(Path("whole")).values())
    return _whole


@pytest.fixture
def submitit(gan_train):
    """With losses that end the command, or are told to leave the machine, once."""
    pytest.importorskip("submitit")
    Path("sick.py").write_text(Path("sick.py").read_text() + DISTURBED)
    for way in ("interrupts_command", "kills_command", "preempted"):
        Path(f"mine/loss/{way}.yaml").write_text(f"_target_: sick.Disturbed\nhow: {way}\n")
    return gan_train


DISTURBED = """
import json

class Disturbed(Sick):
    def interrupts_command(self, fake): return self.ends(fake, signal.SIGINT)
    def kills_command(self, fake): return self.ends(fake, signal.SIGKILL)
    def ends(self, fake, number):
        if once():
            os.kill(json.loads(Path("sweep/sweep.json").read_text())["pid"], number)
            time.sleep(3)
        return super(Sick, self).generator(fake)
    def preempted(self, fake):
        if once():
            os.kill(os.getppid(), signal.SIGUSR2)
            time.sleep(1)
        return super(Sick, self).generator(fake)
"""


@pytest.mark.slow
def test_submitit_jobs_fail_one_by_one_and_all_are_listed(submitit):
    line = (*SHORT, *LOCAL, "loss=hinge,raises,kills,hangs,diverges")
    code, out, err = submitit(*line, "timeout_minutes=${oc.select:loss.minutes,1000}", FIXED)
    assert code == 1, err
    found = jobs(Path("sweep"))
    assert [job["status"] for job in found] == ["finished"] + ["failed"] * 4, out + err
    assert [job["exit_code"] for job in found][:3] == [0, 1, 137]
    assert "ArithmeticError: sick" in Path("sweep/1_loss-raises/output.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "code", "setup"),
    [
        ("interrupts_command", 0, ()),
        ("interrupts_command", 0, ("hydra.launcher.setup=['export HELLO=1']",)),  # a shell stands between
        ("kills_command", -signal.SIGKILL, ()),
    ],
)
def test_submitit_jobs_of_a_sweep_that_ended_save_and_go_on_to_the_bit(submitit, way, code, setup):
    expected = whole(submitit)
    line = (*SHORT, *LOCAL, *setup, f"loss={way}", "seed=0,1", "loss.step=3", FIXED)
    assert killed(submitit, *line) == code, "0: that of the test's own process"
    assert "finished" not in statuses(Path("sweep"))
    found, out, err = submitit(*line)
    assert found == 0, out + err
    assert [*content(Path("sweep")).values()] == expected


@pytest.mark.slow
def test_a_job_that_has_to_go_saves_is_started_again_and_goes_on_to_the_bit(submitit):
    expected = whole(submitit)
    code, out, err = submitit(*SHORT, *LOCAL, "loss=preempted", "seed=0,1", "loss.step=3", FIXED)
    assert code == 0, out + err
    assert [*content(Path("sweep")).values()] == expected
    resumed = [json.loads(path.read_text()).get("resumed", []) for path in sorted(Path("sweep").glob("*/run.json"))]
    assert sorted(map(len, resumed)) == [0, 1]
    assert max(resumed, key=len)[0]["step"] == 3


SLURM = '''#!{python}
"""What gan-train and submitit need of Slurm, in one file that is called by several names."""
import os, pathlib, re, subprocess, sys, time
place = pathlib.Path({place!r})
queue = place / "queue"
queue.mkdir(exist_ok=True)
name, arguments = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
if name == "squeue":
    print(*(path.name for path in queue.iterdir()), sep="\\n")
elif name == "scontrol":
    assert arguments[0] == "requeue", arguments
    (place / f"again-{{arguments[1]}}").touch()
elif name == "srun":
    options = dict(zip(arguments, arguments[1:]))
    with open(re.sub("%[jAat]", "x", options["--output"]), "a") as out:
        sys.exit(subprocess.call(arguments[arguments.index("--error") + 2:], stdout=out, stderr=out))
else:
    text = pathlib.Path(arguments[-1]).read_text()
    (place / "sbatch.txt").write_text(text)
    count = int(re.search(r"--array=0-(\\d+)", text)[1]) + 1
    for task in range(count):
        (queue / f"7_{{task}}").touch()
        if os.fork():
            continue
        os.setsid()
        env = os.environ | dict(SLURM_JOB_ID=str(8 + task), SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID=str(task),
            SLURM_NTASKS="1", SLURM_JOB_NUM_NODES="1", SLURM_NODEID="0", SLURM_PROCID="0", SLURM_LOCALID="0")
        null = open(os.devnull, "r+")
        for stream in (0, 1, 2):  # the caller waits for their ends
            os.dup2(null.fileno(), stream)
        again = place / f"again-7_{{task}}"
        for turn in range(5):
            subprocess.call(["bash", arguments[-1]], env=env | {{"SLURM_RESTART_COUNT": str(turn)}},
                stdin=null, stdout=null, stderr=null)
            if not again.exists():
                break
            again.unlink()
        (queue / f"7_{{task}}").unlink()
        os._exit(0)
    print("Submitted batch job 7")
'''


@pytest.fixture
def slurm(submitit, tmp_path, monkeypatch):
    """Something that looks like a cluster."""
    (tmp_path / "bin").mkdir()
    for name in ("sbatch", "srun", "squeue", "scontrol"):
        (tmp_path / "bin" / name).write_text(SLURM.format(python=sys.executable, place=str(tmp_path)))
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setitem(cluster.POLL, "slurm", 0.5)
    return submitit


@pytest.mark.slow
def test_slurm_gets_what_it_is_to_know_and_a_job_that_has_to_go_comes_back(slurm, tmp_path):
    expected = whole(slurm)
    settings = ("partition=gpu", "account=me", "gpus_per_node=1", "cpus_per_task=4", "mem_gb=16", "timeout_min=90")
    settings += ("signal_delay_s=60", "array_parallelism=2", "setup=['export HELLO=1']", "qos=low", "constraint=a100")
    line = (*SHORT, "hydra/launcher=submitit_slurm", *(f"hydra.launcher.{text}" for text in settings))
    code, out, err = slurm(*line, "loss=preempted", "seed=0,1", "loss.step=3", FIXED)
    assert code == 0, out + err
    assert "sent to Slurm as 7" in out
    told = (tmp_path / "sbatch.txt").read_text().splitlines()
    for flag in ("partition=gpu", "account=me", "gpus-per-node=1", "cpus-per-task=4", "mem=16GB", "time=90", "qos=low"):
        assert f"#SBATCH --{flag}" in told
    assert "#SBATCH --signal=USR2@60" in told
    assert "#SBATCH --array=0-1%2" in told
    assert "export HELLO=1" in told
    assert [*content(Path("sweep")).values()] == expected
    resumed = [json.loads(path.read_text()).get("resumed", []) for path in Path("sweep").glob("*/run.json")]
    assert sorted(map(len, resumed)) == [0, 1]


@pytest.mark.slow
def test_jobs_stay_in_the_queue_where_the_command_ends_and_the_same_line_waits_for_them(slurm):
    expected = whole(slurm)
    line = (*SHORT, "hydra/launcher=submitit_slurm", "loss=interrupts_command", "seed=0,1", "loss.step=3", FIXED)
    code, _, err = slurm(*line)
    assert (code, "scancel 7_0 7_1" in " ".join(err.split())) == (130, True)
    assert statuses(Path("sweep")) == ["running", "running"]
    code, out, err = slurm(*line)
    assert code == 0, out + err
    assert "sent to Slurm" not in out, "they were there"
    assert [*content(Path("sweep")).values()] == expected
    assert not [path for path in Path("sweep").glob("*/run.json") if "resumed" in json.loads(path.read_text())]
