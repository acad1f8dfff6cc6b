"""`hydra/launcher=...`: who starts the jobs of a sweep, and how many at a time.

Hydra composes all jobs in the command's process, one after the other; ours differ in what becomes of a composed job.
Hydra takes plug-ins by names that begin with hydra_plugins alone, so that ours are registered under such names.
"""

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Protocol, get_type_hints

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from gan_cli.check import Problem, describe, did_you_mean, matches, report, shown
from gan_cli.cli.sweep.attempt import Attempt
from gan_cli.cli.sweep.cluster import Cluster
from gan_cli.cli.sweep.combinations import Combination
from gan_cli.cli.sweep.pool import Done, Pool
from gan_cli.cli.sweep.record import Job
from gan_cli.cli.sweep.settings import Joblib, Queue, Settings, SubmititLocal, SubmititSlurm
from gan_cli.errors import ConfigError, RunError

_PATH = "hydra.launcher"
_NAMES = "hydra_plugins.gan_cli."


_KINDS: dict[str, type[Settings]] = {
    f"{_NAMES}{kind.__name__}": kind for kind in (Joblib, SubmititLocal, SubmititSlurm)
}


_SHADOWED = (*(("launcher", name) for name in ("joblib", "submitit_local", "submitit_slurm")), ("sweeper", "optuna"))


class Starter(Protocol):
    """What starts jobs, some at a time."""

    most: int

    def start(self, attempt: Attempt, job: Job) -> None:
        """Begin with a job, or keep it until all are there."""

    def drain(self) -> None:
        """Wait until all jobs have ended; a signal meanwhile is a `Stopped`."""

    def stop(self) -> None:
        """The command ends: ask all jobs to save and end, and wait for that."""


class Waiting(Protocol):
    """A sweep, as a launcher knows it."""

    def wait(self) -> None:
        """Until all jobs that were begun have ended."""


class Launcher(BasicLauncher):
    """Hydra's side of it: composes each job, and waits for all before it returns.

    Its settings were read when the sweep began.
    """

    sweep: ClassVar[Waiting | None] = None  # the command's

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Hand all jobs to the sweep, one after the other."""
        results = super().launch(job_overrides, initial_job_idx)
        assert self.sweep is not None
        self.sweep.wait()
        return results


def register(sweep: Waiting) -> None:
    """Let Hydra find them: it would look in packages of one name alone, which would be there for every program."""
    Launcher.sweep = sweep
    Plugins.instance().class_name_to_class.update(dict.fromkeys(_KINDS, Launcher))
    hide_others()


def hide_others() -> None:
    """Plug-ins of Hydra's for joblib, submitit and Optuna, where they are installed, have configs of the same names:
    ours are meant, and Hydra would hold them against those of the plug-ins.
    """
    Plugins.instance()  # imports all plug-ins, which is when they tell of their configs
    known = ConfigStore.instance().repo["hydra"]
    for group, name in _SHADOWED:
        known.get(group, {}).pop(f"{name}.yaml", None)


def read(config: DictConfig) -> Settings | None:
    """The settings of a launcher of ours; None where it is Hydra's own, or somebody else's.

    Raises:
        ConfigError: all that is wrong with them, or a library is missing.
        RunError: there is no such cluster here.
    """
    node: Any = OmegaConf.to_container(config.hydra.launcher, resolve=True)
    name = str(node.pop("_target_", None))
    if name not in _KINDS:
        return None
    kind = _KINDS[name]
    hints = get_type_hints(kind)
    unknown = [key for key in node if key not in hints]
    problems = [Problem(f"{_PATH}.{key}", f"there is no such setting{did_you_mean(key, hints)}") for key in unknown]
    problems += [
        Problem(f"{_PATH}.{key}", f"expected {describe(hints[key])}; got {shown(value)}")
        for key, value in node.items()
        if key in hints and not matches(value, hints[key])
    ]
    if problems:
        raise report(problems)
    try:
        settings = kind(**node)
    except ValueError as error:
        raise report([Problem(_PATH, str(error))]) from error
    if isinstance(settings, Queue):
        _require_queue(settings)
    return settings


def _require_queue(settings: Queue) -> None:
    slurm = isinstance(settings, SubmititSlurm)
    choice = f"hydra/launcher=submitit_{'slurm' if slurm else 'local'}"
    if find_spec("submitit") is None:
        raise ConfigError(f"{choice}: submitit is not installed; it comes with: pip install 'gan-cli[slurm]'")
    missing = [name for name in ("sbatch", "srun", "squeue", "scontrol") if shutil.which(name) is None] if slurm else []
    if missing:
        raise RunError(
            f"{choice}: there is no Slurm here ({', '.join(missing)} not found)\n"
            "start it on a machine of the cluster, or try the same here with hydra/launcher=submitit_local"
        )


def cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def most(settings: Settings | None, jobs: Sequence[Combination]) -> tuple[int, int, list[str]]:
    """How many jobs run at a time, how many threads each has, and the GPUs that they share out, one for each.

    Together there are no more threads than cores, unless both numbers were said.

    Args:
        settings: of the launcher; None: one job after the other.
        jobs: to run; none where nobody knows them before.
    """
    asked = None if settings is None or isinstance(settings, SubmititSlurm) else settings.n_jobs
    if settings is None:
        return 1, cores(), []
    if isinstance(settings, SubmititSlurm):
        return settings.array_parallelism, cores(), []
    gpus = _gpus() if any(str(job.config.get("device")).startswith(("auto", "cuda")) for job in jobs) else []
    wanted = max(map(_threads, jobs), default=0)
    room = len(gpus) or max(1, cores() // (wanted or 1))
    count = room if asked in (None, -1) else asked
    count = max(1, min(count or 1, len(jobs) or count or 1))
    return count, wanted or max(1, cores() // count), gpus


def _threads(job: Combination) -> int:
    """Of all processes of a job; 0 where it leaves that to us."""
    train = job.config.get("train")
    told: Any = train if isinstance(train, dict) else {}
    devices = told.get("devices") if type(told.get("devices")) is int else 1
    return devices * told["threads"] if type(told.get("threads")) is int else (devices if devices > 1 else 0)


def _gpus() -> list[str]:
    """The GPUs that jobs would see, each by its name in CUDA_VISIBLE_DEVICES."""
    from gan_cli.cli.apart import apart

    count = int(apart(_count).message or 0)  # apart: what asks CUDA cannot start processes by forks any more
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return (named or [str(number) for number in range(count)])[:count]


def _count() -> str:
    import torch

    return str(torch.cuda.device_count())


def starter(settings: Settings | None, directory: Path, done: Done, jobs: Sequence[Combination]) -> Starter:
    """What starts the jobs of a sweep.

    Args:
        settings: of the launcher; None: one job after the other.
        directory: of the sweep.
        done: is told a job's number and how it ended.
        jobs: to run, as far as they are known.
    """
    if settings is None:
        return Pool(done)
    count, threads, gpus = most(settings, jobs)
    environment: dict[str, str | None] = {"OMP_NUM_THREADS": str(threads)}
    each = f"{threads} {'thread' if threads == 1 else 'threads'}"
    if isinstance(settings, SubmititSlurm):
        return Cluster(settings, directory, done, count, {})
    if jobs:
        over = "" if count * threads <= cores() else "; that is more threads than cores: jobs will wait for each other"
        shared = f", {len(gpus)} GPUs shared out" if len(gpus) > 1 else ""
        jobs_at_a_time = "1 job" if count == 1 else f"{count} jobs"
        side = f"{jobs_at_a_time} at a time, each with {each}, on {cores()} {'core' if cores() == 1 else 'cores'}"
        print(f"{side}{shared}{over}", flush=True)
    if isinstance(settings, SubmititLocal):
        environment["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES")  # submitit would hide them
        return Cluster(settings, directory, done, count, environment)
    return Pool(done, count, environment, gpus if len(gpus) > 1 else ())
