"""One job, ready to run in a process of its own: here, or on a machine that has nothing of this one but its files."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from gan_cli.cli.sweep import output
from gan_cli.cli.sweep.earlier import going_on

Work = Callable[[DictConfig], str | None]


@dataclass(frozen=True)
class Attempt:
    """What there is to do, and under which circumstances.

    Args:
        number: of the job.
        work: what there is to do with the config; may have something to say.
        cfg: of the run.
        directory: of the run.
        seconds: that it may take.
        begun: at an earlier time; it goes on.
        log: the file that keeps what it prints; None: none does.
        shown: what it prints is shown, too.
        environment: variables to set; None: to take away.
    """

    number: int
    work: Work
    cfg: DictConfig
    directory: Path
    seconds: float | None = None
    begun: bool = False
    log: Path | None = None
    shown: bool = True
    environment: Mapping[str, str | None] = field(default_factory=dict)

    def __call__(self) -> str | None:
        """Do it, in a process that does nothing else."""
        for name, value in self.environment.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})
        if self.log is not None:
            output.keep(self.log, self.shown)
        cfg = self.cfg
        if self.begun and OmegaConf.select(cfg, "resume") is None:
            cfg = going_on(cfg, self.directory)
        return self.work(cfg)
