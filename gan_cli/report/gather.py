"""The runs of a report, from their directories: any of these may be a stranger's, and any file in them half written."""

import functools
import itertools
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_cli.check import leaves
from gan_cli.errors import RunError
from gan_cli.listing import RUN, SHOWN, Entry, begun_last, fill
from gan_cli.paths import behind_latest
from gan_cli.reading import JSON_LIMIT, YAML_LIMIT, is_regular, parse_yaml, read_bytes, read_json
from gan_cli.report import logs
from gan_cli.report.model import Alarm, RunInfo, Status

SWEEP, LIMIT = "sweep.json", 1 << 24  # bytes: ten thousand jobs have some 4 MB
LOG = "output.log"  # of a job of a sweep
CONFIG = "config.yaml"
GRIDS = 10_000  # pictures of one run
_SEED = re.compile(rb"^seed: (\d{1,18})$", re.MULTILINE)
_GRID = re.compile(r"step-(\d{1,18})\.png")
_STATES: Mapping[str, Status] = {
    **{state: state for state in ("finished", "running", "stopped", "failed", "lost", "waiting")},
    "killed": "lost",
}
Warn = Callable[[str], None]


def gather(roots: Sequence[Path], warn: Warn, most: int) -> tuple[list[RunInfo], int]:
    """The newest runs at and below some directories, and jobs of sweeps there that have no directory; without curves.

    Args:
        warn: gets a line for every directory that cannot be opened.
        most: runs to be read.

    Returns:
        They, and how many runs were left out.
    """
    entries: dict[Path, Entry] = {}
    jobs: dict[Path, RunInfo] = {}
    for root in roots:
        begun = begun_last(root, warn)
        for sweep in _sweeps(root, {entry.path for entry in begun}):
            jobs |= _jobs(sweep)
        for entry in begun:
            entries.setdefault(_real(entry.path), entry)
    newest = sorted(entries, key=lambda path: entries[path].time, reverse=True)[:most]
    found = [_with_job(_run(fill(entries[path]), path), jobs.get(path)) for path in newest]
    found += [job for path, job in jobs.items() if path not in entries]
    return _named(sorted(found, key=_order)), len(entries) - len(newest)


def _run(entry: Entry, path: Path) -> RunInfo:
    """One run, as far as its files can be read."""
    config, problem = _config(path)
    status = _STATES.get(entry.status, "unreadable")
    reason = entry.problem or problem or (entry.reason if status != "finished" else None)
    if reason is None and status == "lost":
        reason = "its process is gone, and did not say why"
    seed = config.get("seed")
    run = RunInfo(str(path), path, status, reason, entry.choices, entry.overrides, config)
    run.seed = seed if type(seed) is int else None
    run.step, run.steps, run.seconds, run.created = entry.step, entry.steps, entry.seconds, entry.created
    run.alarms = sorted((_alarm(alarm) for alarm in entry.alarms), key=lambda alarm: alarm.step)
    run.command = _command(entry.overrides, run.seed, _config_dirs(path)) if config and entry.created else None
    if status not in ("finished", "running", "unreadable"):
        run.resume_command = f"gan-train resume={shlex.quote(_shown(path))}"
    run.images_per_second = logs.rate(path)
    run.grids, run.real = _grids(path / "samples")
    run.z, run.log = _noise(config), _log(path)
    return run


def _config(path: Path) -> tuple[dict[str, Any], str | None]:
    if not is_regular(path / CONFIG):
        return {}, f"{CONFIG} is missing"
    try:
        data = read_bytes(path / CONFIG, YAML_LIMIT)
        seed = _SEED.search(data)
        if seed is None or (config := _parsed(_SEED.sub(b"seed: -1", data, count=1))).get("seed") != -1:
            return dict(leaves(parse_yaml(data, CONFIG))), None
        return config | {"seed": int(seed[1])}, None
    except RunError as error:
        return {}, str(error).removeprefix(f"{path}{os.sep}")[:SHOWN]


@functools.lru_cache(maxsize=256)
def _parsed(data: bytes) -> dict[str, Any]:
    """A config without its seed: the runs of a sweep have it many times, and it takes 10 ms to read."""
    return dict(leaves(parse_yaml(data, CONFIG)))


def _command(overrides: Iterable[str], seed: int | None, config_dirs: Iterable[str] = ()) -> str | None:
    """The line that makes a run of these overrides; the seed is said, also where it was nobody's choice. None where one
    is no override but an option, which gan-train never writes there.
    """
    said = [*overrides]
    if any(text.startswith("-") for text in said):
        return None
    if seed is not None and not any(text.lstrip("+").startswith("seed=") for text in said):
        said.append(f"seed={seed}")
    return shlex.join(["gan-train", *said, *(word for path in config_dirs for word in ("--config-dir", path))])


def _config_dirs(path: Path) -> list[str]:
    """Where the choices of a run lie that are not those of gan-cli, as its command names them."""
    try:
        words = read_json(path / RUN, JSON_LIMIT).get("command")
    except RunError:
        return []
    pairs = itertools.pairwise(words if isinstance(words, list) else [])
    return [value for name, value in pairs if name == "--config-dir" and isinstance(value, str)]


def _alarm(alarm: Mapping[str, Any]) -> Alarm:
    words = [str(alarm[key])[:SHOWN] for key in ("saw", "evidence") if isinstance(alarm.get(key), str)]
    return Alarm(alarm["name"][:SHOWN], int(alarm["step"]), ": ".join(words))


def _grids(folder: Path) -> tuple[list[tuple[int, Path]], Path | None]:
    """The pictures that gan-train drew, by their steps; links are none."""
    try:
        with os.scandir(folder) as entries:
            files = {entry.name: entry for entry in entries if entry.is_file(follow_symlinks=False)}
    except OSError:
        return [], None
    grids = {int(match[1]): folder / name for name in files if (match := _GRID.fullmatch(name))}
    return sorted(grids.items())[:GRIDS], folder / "real.png" if "real.png" in files else None


def _log(path: Path) -> Path | None:
    return path / LOG if is_regular(path / LOG) else None


def _noise(config: Mapping[str, Any]) -> str | None:
    """What the noise z of a run's grids is drawn from, in words; None where they are not made of noise."""
    seed, dim, kind = (config.get(key) for key in ("seed", "prior.dim", "prior._target_"))
    if seed is None or dim is None or not isinstance(kind, str) or config.get("train.g_is_data"):
        return None
    said = [
        f"{key.removeprefix('prior.')} {value}" for key, value in sorted(config.items()) if key.startswith("prior.")
    ]
    words = [f"seed {seed}", kind.split(".")[-1], *said[1:], f"{config.get('train.samples')} samples"]
    if config.get("model.conditional"):  # its rows are classes, and z has as many values as there are columns
        words.append(f"classes of {str(config.get('dataset._target_')).split('.')[-1]}")
    return ", ".join(words)[:SHOWN]


def _sweeps(root: Path, runs: set[Path]) -> Iterator[Path]:
    """Directories at and below one that hold a sweep's record, behind no link and in no run."""
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        if directory in runs:
            continue
        try:
            with os.scandir(directory) as entries:
                found = list(entries)
        except OSError:  # was told when runs were looked for
            continue
        if any(entry.name == SWEEP for entry in found):
            yield directory
        names = (entry.name for entry in found if entry.is_dir(follow_symlinks=False))
        waiting += [directory / name for name in names if not name.startswith(".")]


def _jobs(sweep: Path) -> dict[Path, RunInfo]:
    """The jobs of a sweep by their directories, or by what these would be; none where its record cannot be read."""
    try:
        jobs = read_json(sweep / SWEEP, LIMIT).get("jobs")
    except RunError:
        return {}
    found: dict[Path, RunInfo] = {}
    sweep = sweep.resolve()
    for number, job in enumerate(jobs if isinstance(jobs, list) else []):
        if not isinstance(job, dict):
            continue
        overrides = job.get("overrides")
        overrides = [word for word in overrides if isinstance(word, str)] if isinstance(overrides, list) else []
        place = sweep / (job["directory"] if isinstance(job.get("directory"), str) else f"job {number}")
        if sweep not in Path(os.path.normpath(place)).parents:  # also of one that resumes a run elsewhere
            continue
        status = _STATES.get(str(job.get("status")), "unreadable")
        error = job.get("error")
        run = RunInfo(str(place), None, status, error[:SHOWN] if isinstance(error, str) else None)
        run.overrides, run.choices = overrides, dict(_typed(overrides))
        for key in ("step", "steps"):
            setattr(run, key, job[key] if type(job.get(key)) is int else None)
        run.seconds = float(job["seconds"]) if type(job.get("seconds")) in (int, float) else None
        seed = run.choices.get("seed", "")
        run.seed = int(seed) if seed.isdecimal() and len(seed) < 20 else None
        run.command, run.log = _command(overrides, None), _log(place)
        found[place] = run
    return found


def _typed(overrides: Iterable[str]) -> Iterator[tuple[str, str]]:
    for word in overrides:
        key, equals, value = word.lstrip("+").partition("=")
        if equals:
            yield key, value


def _with_job(run: RunInfo, job: RunInfo | None) -> RunInfo:
    """What the sweep knows of a run that does not know it itself: how its process ended."""
    if job is None or run.status == "finished":
        return run
    if run.status == "running" and job.status == "failed":
        run = replace(run, status="failed")
    return replace(run, reason=job.reason if run.reason is None or run.status == "lost" else run.reason)


def _named(runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Short names in the place of whole paths: without what all have in front."""
    paths = [run.name for run in runs]
    if len(paths) < 2:
        return [replace(run, name=Path(run.name).name) for run in runs]
    front = os.path.commonpath(paths)
    return [replace(run, name=os.path.relpath(run.name, front)) for run in runs]


def _order(run: RunInfo) -> tuple[Any, ...]:
    """As they were started; in a sweep by the number that its name begins with."""
    folder, name = os.path.split(run.name)
    number = re.match(r"(?:job )?(\d{1,9})(?:_|$)", name)
    return folder, int(number[1]) if number else -1, name


def _real(path: Path) -> Path:
    try:
        return behind_latest(path)
    except RunError:
        return path.resolve()


def _shown(path: Path) -> str:
    """As short as it can be typed from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
