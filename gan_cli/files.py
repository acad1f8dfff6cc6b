"""Small files, written so that a reader sees the old one or the new one and never half of one."""

import json
import os
from pathlib import Path
from typing import Any

from gan_cli.errors import RunError


def write_text(path: Path, text: str) -> None:
    """Replace a file's content atomically.

    Raises:
        RunError: the file system refuses.
    """
    unfinished = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from error


def write_json(path: Path, content: Any) -> None:
    """Write plain data as indented JSON, atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        RunError: it is missing or not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: expected a JSON object, found a {type(content).__name__}")
    return content
