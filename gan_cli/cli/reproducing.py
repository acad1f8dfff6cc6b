"""One row of the suite from its sweep to its figures."""

import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_cli import __version__, cpu
from gan_cli.cli import launch
from gan_cli.cli.command import printable
from gan_cli.cli.overrides import key_of
from gan_cli.cli.sweep.earlier import place_of
from gan_cli.cli.sweep.record import Job
from gan_cli.console import duration
from gan_cli.errors import DataError, GanError
from gan_cli.suite import kept, pictures, recipe
from gan_cli.suite import outcome as outcomes
from gan_cli.suite.outcome import Outcome, Sample
from gan_cli.suite.rows import Protocol, Reading, Row, Variant

PICTURE = "samples.png"


@dataclass(frozen=True)
class How:
    """How rows are run.

    Args:
        settings: of `gan-train`, for every run.
        out: where all of it goes.
        retry: run failed jobs again.
        again: measure what was measured.
    """

    settings: Sequence[str]
    out: Path
    retry: bool = False
    again: bool = False

    @property
    def device(self) -> str:
        """Where runs are measured: where they were trained."""
        named = [text.partition("=")[2] for text in self.settings if key_of(text) == "device"]
        return named[-1] if named else "auto"

    def sweep(self, row: Row, variant: Variant, seeds: int) -> tuple[list[str], Path]:
        """The overrides of a variant's sweep, and its directory."""
        overrides = row.command(variant, range(seeds), self.settings)
        return overrides, launch.place(self.out, row.name, variant.name, overrides, seeds)


def reproduce(row: Row, seeds: int, command: str, how: How) -> Outcome:
    """Train a row, as far as that is not done yet, measure it, and keep what came out below a directory.

    Raises:
        Stopped: a signal came; the same again goes on.
        BusyError: another command runs the row.
        RunError: a file cannot be written.
    """
    samples = [sample for variant in row.variants for sample in _samples(row, variant, seeds, how)]
    gpu = _gpu() if row.trains and how.device != "cpu" else None
    found = Outcome(
        row=row.name,
        command=command,
        seeds=seeds,
        machine=gpu or _processor(),
        date=time.strftime("%Y-%m-%d"),
        version=__version__,
        samples=tuple(samples),
        recipes=_recipes(row, seeds, how),
    )
    (how.out / row.name).mkdir(parents=True, exist_ok=True)
    outcomes.write(how.out / row.name / outcomes.NAME, found)
    return found


def _samples(row: Row, variant: Variant, seeds: int, how: How) -> Iterator[Sample]:
    if variant.compute is not None:
        for seed in range(seeds):
            began = time.monotonic()
            figures = variant.compute(seed)
            yield Sample(variant.name, seed, figures, round(time.monotonic() - began, 1))
        return
    overrides, directory = how.sweep(row, variant, seeds)
    print(f"\n{printable(launch.command(overrides, directory))}", flush=True)
    code, jobs = launch.launch(overrides, directory, how.retry)
    by_seed = {_seed(job): job for job in jobs}
    for seed in range(seeds):
        job = by_seed.get(seed)
        if job is None:
            why = f"gan-train ended with {code}; it says above why"
            yield Sample(variant.name, seed, {}, error=why, data=code == DataError.exit_code)
        else:
            yield _measured(row, variant, seed, job, directory, how)


def _recipes(row: Row, seeds: int, how: How) -> dict[str, str]:
    """By variant, of the runs that are there: what really ran."""
    found = {}
    for variant in row.variants if row.trains else ():
        _, sweep = how.sweep(row, variant, seeds)
        places = [place_of(job, sweep) for job in launch.jobs(sweep) if job.status == "finished"]
        digests = {recipe.of_run(place) for place in places if place is not None} - {None}
        if digests:
            found[variant.name] = ", ".join(sorted(filter(None, digests)))
    return found


def _seed(job: Job) -> int:
    return int(next((text.partition("=")[2] for text in job.overrides if key_of(text) == "seed"), "0"))


def _measured(row: Row, variant: Variant, seed: int, job: Job, sweep: Path, how: How) -> Sample:
    directory, seconds = place_of(job, sweep), job.seconds or 0.0
    if job.status != "finished" or directory is None:
        error = job.error or f"is {job.status}"
        return Sample(variant.name, seed, {}, seconds, error, job.exit_code == DataError.exit_code)
    if (other := launch.other_length(job, directory)) is not None:
        return Sample(variant.name, seed, {}, seconds, other)
    if not how.again and (known := kept.find(directory, row.protocol)):
        print(f"measured before: {printable(os.path.relpath(directory))}", flush=True)
        return known
    print(f"measuring {printable(os.path.relpath(directory))}", flush=True)
    began = time.monotonic()
    try:
        figures, conditions = _figures(directory, row.protocol, how.device)
    except GanError as error:
        first = str(error).splitlines()[0]
        return Sample(variant.name, seed, {}, seconds, first, isinstance(error, DataError))
    taken = time.monotonic() - began
    print(f"  {duration(taken)}", flush=True)
    sample = Sample(variant.name, seed, figures, round(seconds + taken, 1), conditions=conditions)
    kept.keep(directory, row.protocol, sample)
    return sample


def _figures(run: Path, protocol: Protocol, device: str) -> tuple[dict[str, Reading], dict[str, str]]:
    """By metric, each with its floor, and how each was measured."""
    from gan_cli.evaluation import Options  # torch comes in here
    from gan_cli.scoring import of_run

    found = of_run(run, Options(device=device, **vars(protocol)), say=lambda text: print(printable(text), flush=True))
    figures = found.record.figures
    readings: dict[str, Reading] = {figure.metric: (figure.value, figure.floor) for figure in figures}
    return readings, {figure.metric: figure.conditions for figure in figures}


def draw(row: Row, seeds: int, how: How) -> Path | None:
    """The samples of seed 0 of all variants in one picture; None where there are none."""
    shown: list[Path] = []
    for variant in row.variants if row.trains else ():
        _, sweep = how.sweep(row, variant, seeds)
        jobs = [job for job in launch.jobs(sweep) if _seed(job) == 0 and place_of(job, sweep)]
        shown += [path for job in jobs for path in pictures.last(place_of(job, sweep) or sweep)]
    reals = [path for path in shown if path.name == "real.png"]
    picture = how.out / row.name / PICTURE
    fakes = [path for path in shown if path.name != "real.png"]
    return picture if pictures.side_by_side([*reals[:1], *fakes], picture) else None


def _processor() -> str:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = os.cpu_count() or 1
    name = cpu.facts().get("model name") or platform.machine()
    return f"{cores} core{'s' * (cores != 1)} of {name}"


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
