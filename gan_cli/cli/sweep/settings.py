"""`hydra.launcher` of our own launchers: the keys of conf/hydra/launcher/*.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Joblib:
    """Jobs side by side on this machine.

    Args:
        n_jobs: at a time; null or -1: as many as cores, or GPUs, have room for.

    Raises:
        ValueError: a value is out of range.
    """

    n_jobs: int | None = None

    def __post_init__(self) -> None:
        if self.n_jobs is not None and (self.n_jobs == 0 or self.n_jobs < -1):
            raise ValueError(f"n_jobs must be positive, or null for as many as there is room for; got {self.n_jobs}")


@dataclass(frozen=True)
class Queue:
    """What both of submitit's executors are told.

    Args:
        timeout_min: minutes that a job has at a time; then it saves and is put into the queue again.
        max_num_timeout: how often it may be.
        signal_delay_s: seconds before that at which it is told to save.
        setup: shell commands before each job, such as "module load cuda".
    """

    timeout_min: int = 60
    max_num_timeout: int = 100
    signal_delay_s: int = 120
    setup: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name, least in (("timeout_min", 1), ("max_num_timeout", 0), ("signal_delay_s", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if self.signal_delay_s >= 60 * self.timeout_min:
            raise ValueError(f"signal_delay_s={self.signal_delay_s} leaves nothing of timeout_min={self.timeout_min}")


@dataclass(frozen=True)
class SubmititLocal(Queue):
    """Jobs as on a cluster, on this machine: to try there what will run on one."""

    n_jobs: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        Joblib(self.n_jobs)


@dataclass(frozen=True)
class SubmititSlurm(Queue):
    """Jobs of Slurm: the arguments of sbatch, null for the cluster's own."""

    name: str = "gan-cli"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    nodes: int = 1
    tasks_per_node: int = 1
    gpus_per_node: int | None = None
    gpus_per_task: int | None = None
    cpus_per_task: int | None = None
    cpus_per_gpu: int | None = None
    mem_gb: float | None = None
    mem_per_gpu: str | None = None
    mem_per_cpu: str | None = None
    gres: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    comment: str | None = None
    array_parallelism: int = 256
    additional_parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.nodes, self.tasks_per_node) != (1, 1):
            raise ValueError("a job has one task on one node; train.devices=N makes its processes there")
        if self.array_parallelism < 1:
            raise ValueError(f"array_parallelism must be positive, got {self.array_parallelism}")


Settings = Joblib | SubmititLocal | SubmititSlurm
