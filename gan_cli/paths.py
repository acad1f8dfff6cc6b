"""Where things are."""

import os
from pathlib import Path

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
        for name in reversed(_SHOWN):  # run.json last: it is the one that `real_run` follows
            fresh = latest / f".{name}-{os.getpid()}"
            fresh.symlink_to(Path("..") / run_dir.relative_to(outputs) / name)
            os.replace(fresh, latest / name)  # atomic: a reader follows the old run or the new one
    except OSError:
        return None
    return latest


def real_run(path: Path) -> Path:
    """The run directory behind a path that a user gave: where the links of `outputs/latest` lead, others themselves."""
    return (path / "run.json").resolve().parent if (path / "run.json").is_symlink() else path.resolve()
