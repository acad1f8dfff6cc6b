"""The file that a study is kept in: lines of JSON as Optuna's own journal has them, which survive a kill."""

from pathlib import Path
from typing import TYPE_CHECKING

from gan_cli.files import write_text
from gan_cli.reading import read_bytes

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

NAME = "optuna.log"  # in the directory of the sweep
_LIMIT = 1 << 26  # bytes: of ten thousand trials some 10 MB


def journal(path: Path) -> "JournalStorage":
    """A storage on a file, of which a kill in the middle of a line left no half of it."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class Held(JournalFileOpenLock):
        """The sweep holds its directory alone; a lock file of a killed process would be waited for."""

        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    if path.exists() or path.is_symlink():
        content = read_bytes(path, _LIMIT)
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_text(path, whole.decode())
    return JournalStorage(JournalFileBackend(str(path), lock_obj=Held(str(path))))
