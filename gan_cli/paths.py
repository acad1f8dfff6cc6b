"""Where things are."""

import os
from pathlib import Path

from gan_cli.errors import RunError
from gan_cli.reading import require_plain

_PACKAGE = Path(__file__).resolve().parent

# A wheel carries conf/ inside the package; a checkout (also an editable install) has it beside the package.
CONF_DIR = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"


# What `outputs/latest` shows of the newest run: all but the TensorBoard events. TensorBoard follows links, and a link
# to the run itself would give it the newest run twice.
_FILES = ("run.json", "config.yaml", "status.json", "metrics.jsonl", "timing.jsonl")
_SHOWN = (*_FILES, "samples", "checkpoints", "generator")


def point_latest(run_dir: Path) -> Path | None:
    """Make `outputs/latest` show a run directory below `outputs`: a directory of links to its files.

    Returns:
        `outputs/latest`, or None where the run lies elsewhere or the file system has no links.
    """
    outputs, run_dir = Path("outputs").absolute(), run_dir.absolute()
    if outputs not in run_dir.parents:
        return None
    latest = outputs / "latest"
    try:
        latest.mkdir(exist_ok=True)
        for leftover in latest.glob(".tmp-*"):  # of a process that was killed, or of one that points there this moment
            leftover.unlink(missing_ok=True)
        for name in reversed(_SHOWN):  # run.json last: it is the one that `real_run` follows
            fresh = latest / f".tmp-{name}-{os.getpid()}"
            fresh.symlink_to(Path("..") / run_dir.relative_to(outputs) / name)
            os.replace(fresh, latest / name)  # atomic: a reader follows the old run or the new one
    except OSError:
        return None
    return latest


def real_run(path: Path) -> Path:
    """The run directory behind a path that a user gave, looked through before anything in it is read or written.

    Raises:
        RunError: a link in the directory leads elsewhere, or something in it is no file.
    """
    directory = behind_latest(path)
    require_plain(directory)
    return directory


def behind_latest(path: Path) -> Path:
    """Where the links of `outputs/latest` lead; of other directories, themselves.

    A directory of links may be somebody else's work: it is followed as `point_latest` makes it, to a run beside it, and
    nowhere else.

    Raises:
        RunError: it leads elsewhere.
    """
    directory = path.resolve()
    shown = directory / _FILES[0]
    if directory.name != "latest" or not shown.is_symlink():
        return directory
    leads = Path(os.path.normpath(directory / os.readlink(shown)))
    if leads.name != shown.name or leads.resolve() != leads or directory.parent not in leads.parent.parents:
        raise RunError(f"{shown}: is a link that gan-train did not make; give the run's own directory")
    return leads.parent
