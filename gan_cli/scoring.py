"""What the generator of a run directory is worth: `gan-eval`, and whoever else wants the figures of a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from gan_cli.evaluation import Options, Record

Say = Callable[[str], None]


def of_run(
    directory: Path,
    options: Options | None = None,
    *,
    averaged: bool | None = None,
    at: int | Literal["best"] | None = None,
    trust: bool = False,
    say: Say = lambda _: None,
    store: bool = True,
) -> Record:
    """Measure the generator of a run.

    Args:
        directory: of the run, finished or not.
        options: how; None: as suits the data.
        averaged, at, trust: as `export.load`.
        say: gets lines on what takes long.
        store: write the record and the pictures below `evaluation` in the run directory.

    Raises:
        ConfigError: a metric that these data cannot have, or a config that is not trusted.
        DataError: the data of the run cannot be read here.
        RunError: there is no run, or no generator in it.
        Diverged: samples are not finite.
    """
    raise NotImplementedError
