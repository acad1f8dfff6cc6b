"""Small files, written so that a reader sees the old one or the new one and never half of one."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from gan_cli.room import refused


def write_text(path: Path, text: str) -> None:
    """Replace a file's content atomically.

    Raises:
        RunError: the file system refuses.
    """
    unfinished = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # the name must not be there before the content is: power may fail
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise refused(path, error) from error


def write_json(path: Path, content: Any) -> None:
    """Write plain data as indented JSON, atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def silence(stream: IO[str]) -> None:
    """Let a stream that nobody reads any more lead nowhere, so that Python's last flush does not fail either."""
    with suppress(OSError, ValueError):  # a stream without a descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
