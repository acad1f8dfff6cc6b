"""`gan-runs --delete`: runs that nobody needs any more go, and nothing else does."""

import os
import shutil
import stat
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from gan_cli.cli.command import printable
from gan_cli.cli.lock import locked
from gan_cli.cli.runs_size import Size, readable, size_of
from gan_cli.errors import BusyError, ConfigError, RunError
from gan_cli.listing import RUN, STATUS, begun_last, fill, find, read
from gan_cli.liveness import is_alive, is_held
from gan_cli.paths import point_latest
from gan_cli.reading import is_regular

SWEEP = "sweep.json"
GOING = ".gan-runs-deleted-"  # how the name begins of what is going: hidden, and no run for any command
_ASKED = 12  # lines of a question


class Target(NamedTuple):
    """A directory that is to go: of one run, or of a sweep with all of its runs."""

    typed: Path
    path: Path
    number: tuple[int, int]
    runs: Sequence[Path]
    size: Size

    def __str__(self) -> str:
        """For the screen."""
        shown = printable(str(self.typed))
        more = f"; not of gan-train: {_few(self.size.foreign)}" if self.size.foreign else ""
        if self.path not in self.runs:
            return f"{shown}: a sweep of {len(self.runs)} runs, {self.size}{more}"
        run = read(self.path)
        how = run.status if run.step is None else f"{run.status}, step {run.step:,}/{run.steps:,}"
        return f"{shown}: {how}, {self.size}{more}"


def delete(directories: Sequence[Path], sweeps: bool, yes: bool) -> None:
    """Remove runs, after all of them were looked at and a person was asked.

    Args:
        directories: as typed.
        sweeps: one may be a sweep's, with all of its runs.
        yes: do not ask.

    Raises:
        ConfigError: none is named, or there is nobody to ask.
        RunError: one is no run, or reaches elsewhere; then nothing is removed.
        BusyError: one is running.
    """
    if not directories:
        raise ConfigError("--delete: name the directories of runs, as gan-runs lists them")
    targets = [_target(directory, sweeps) for directory in dict.fromkeys(directories)]
    for one in targets:
        if any(one.path in other.path.parents or one.path == other.path for other in targets if other is not one):
            raise RunError(f"--delete: {one.typed} is named twice, or holds another one that is named")
    total = readable(sum(target.size.bytes for target in targets))
    lines = [*map(str, targets[:_ASKED]), *([f"and {len(targets) - _ASKED} more"] if len(targets) > _ASKED else [])]
    print("\n".join(lines), flush=True)
    if not yes and not _agreed(sum(len(target.runs) for target in targets), total):
        print("nothing was deleted")
        return
    try:
        for target in targets:
            _remove(target)
    finally:
        _mend_latest()
    print(f"deleted: {total}")


def _target(typed: Path, sweeps: bool) -> Target:
    path = Path(os.path.abspath(typed))
    try:
        found = os.lstat(path)
    except (OSError, ValueError) as error:
        raise RunError(f"--delete: there is no directory {str(typed)!r}; gan-runs lists the runs") from error
    if not stat.S_ISDIR(found.st_mode):
        kind = "a link" if stat.S_ISLNK(found.st_mode) else "a file"
        raise RunError(f"--delete: {typed} is {kind}; give the directory of the run itself, as gan-runs lists it")
    here = Path.cwd()
    if here not in path.parents or path.resolve() != path:
        raise RunError(
            f"--delete: {typed} is not inside the working directory, or lies behind a link; "
            f"change to a directory above {path.resolve().name!r} first"
        )
    if any((path / name).is_symlink() for name in (RUN, STATUS)):
        raise RunError(f"--delete: {typed} shows a run that lies elsewhere; give the directory of the run itself")
    is_run = any(is_regular(path / name) for name in (RUN, STATUS))
    if not is_run and not is_regular(path / SWEEP):
        raise RunError(f"--delete: {typed} holds no run (no {RUN}); gan-runs lists the runs")
    runs = [path] if is_run else [*find(path, _refuse)]
    if not is_run and not sweeps:
        raise RunError(f"--delete: {typed} is a sweep of {len(runs)} runs; with --sweep all of them go")
    size = size_of(path, sweep=not is_run)
    if is_run and size.runs:
        raise RunError(f"--delete: {typed} holds other runs: {_few(size.runs)}; delete those first")
    for place in (path, *runs):
        if read(place).status == "running" or is_held(place):
            raise BusyError(
                f"--delete: {place.relative_to(here)} is running; stop it first, and where its process is gone "
                "for certain, remove the directory by hand"
            )
    return Target(typed, path, _number(found), runs, size)


def _refuse(line: str) -> None:
    raise RunError(line)


def _few(names: Sequence[str]) -> str:
    return printable(", ".join(names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _agreed(runs: int, total: str) -> bool:
    if not sys.stdin or not sys.stdin.isatty():
        raise ConfigError("--delete: there is no terminal to ask on; with --yes it goes without a question")
    question = f"delete {'this run' if runs == 1 else f'these {runs} runs'}, {total}, for good? [y/N] "
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _remove(target: Target) -> None:
    """First out of the way as a whole, so that half a run is never one, and while its locks are held; then for good.

    All of it by the open directory above and the number of the one that was looked at, wherever their names lead now.
    """
    name, gone = target.path.name, f"{GOING}{target.path.name[:200]}-{os.getpid()}"
    try:
        above = os.open(target.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        with ExitStack() as opened:
            opened.callback(os.close, above)
            _clear(above)
            with ExitStack() as held:
                for place in dict.fromkeys((target.path, *target.runs)):
                    held.enter_context(locked(place))
                os.rename(name, gone, src_dir_fd=above, dst_dir_fd=above)
                if _number(os.lstat(gone, dir_fd=above)) != target.number:
                    os.rename(gone, name, src_dir_fd=above, dst_dir_fd=above)
                    raise RunError(f"--delete: {target.typed} is another directory now than the one that was looked at")
            shutil.rmtree(gone, dir_fd=above)  # follows no links, also none that appear while it is at it
    except OSError as error:
        where = f"; what is left is in {gone}" if os.path.lexists(target.path.with_name(gone)) else ""
        raise RunError(f"--delete: {target.typed} cannot be removed: {error.strerror}{where}") from error


def _number(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _clear(above: int) -> None:
    """What a deletion left here that was killed."""
    for name in os.listdir(above):
        pid = name.rpartition("-")[2]
        if name.startswith(GOING) and pid.isdecimal() and len(pid) < 10 and not is_alive(int(pid)):
            shutil.rmtree(name, ignore_errors=True, dir_fd=above)


def _mend_latest() -> None:
    """`outputs/latest` shows the newest run that there is still; none, and it goes."""
    latest = Path("outputs/latest")
    if latest.is_symlink() or not (latest / RUN).is_symlink() or (latest / RUN).exists():
        return
    newest = next((run for run in map(fill, begun_last(Path("outputs"), lambda _: None)) if not run.problem), None)
    if newest is not None:
        point_latest(newest.path)
        return
    for path in [*latest.iterdir()]:
        if path.is_symlink():
            path.unlink(missing_ok=True)
    with suppress(OSError):  # somebody keeps something in it
        latest.rmdir()
