"""Where things are."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

# A wheel carries conf/ inside the package; a checkout (also an editable install) has it beside the package.
CONF_DIR = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"


def point_latest(run_dir: Path) -> Path | None:
    """Make `outputs/latest` point to a run directory below `outputs`.

    Returns:
        The link, or None where the run lies elsewhere or the file system has no links.
    """
    outputs = Path("outputs").absolute()
    run_dir = run_dir.absolute()
    if outputs not in run_dir.parents:
        return None
    link, fresh = outputs / "latest", outputs / f".latest-{os.getpid()}"
    try:
        fresh.symlink_to(run_dir.relative_to(outputs), target_is_directory=True)
        os.replace(fresh, link)  # atomic: a reader sees the old run or the new one
    except OSError:
        fresh.unlink(missing_ok=True)
        return None
    return link
