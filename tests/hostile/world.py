"""A working directory with a run in it, a place outside that nothing may touch, and what both must look like after."""

import hashlib
import json
import re
import struct
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hostile.warm import SECRET, Outcome, Warm

COMMANDS = {
    "gan-sample": ("run", "-n", "2", "--npy"),
    "gan-probe": ("run", "--steps", "1"),
    "gan-train": ("resume=run", "train.steps=8"),
    "gan-runs": (".",),
}
GROWTH = 200 << 20  # bytes that a hostile file may cost more than the run it was planted in
OUTSIDE = "the-secret-of-a-file-outside"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NASTY = "\x1b[31m[bold red]x[/]\x1b]0;title\x07\u202e\x9b2J\r"


@dataclass
class World:
    """The run is `here / "run"`."""

    here: Path
    outside: Path
    warm: Warm
    base: dict[str, int]  # bytes of memory that each command has for the run as it was

    @property
    def run(self) -> Path:
        return self.here / "run"

    def call(self, command: str, *words: str) -> Outcome:
        """Run a command, and see that it did no harm."""
        before = told(self.outside)
        outcome = self.warm.run(self.here, [command, *(words or COMMANDS[command])])
        said = outcome.out + outcome.err
        assert outcome.code != -9, "it hangs"
        assert told(self.outside) == before, "it changed what is none of its business"
        for secret in (SECRET, OUTSIDE):
            assert secret not in said
            for path in self.here.rglob("*"):
                assert (
                    path.is_symlink()
                    or not path.is_file()
                    or path.stat().st_size > 1 << 24
                    or (secret.encode() not in path.read_bytes())
                ), f"{path.name} tells it"
        assert "Traceback" not in said, outcome.err
        assert not CONTROL.search(said.replace("\n", "")), "a terminal would obey it"
        assert outcome.peak < self.base[command] + GROWTH, f"it took {outcome.peak - self.base[command]:,} bytes"
        if outcome.code:
            lines = outcome.err.splitlines()
            assert outcome.code in (2, 4, 5, 6), outcome.err
            assert 1 <= len(lines) <= 24 and max(map(len, lines)) <= 100, outcome.err
        return outcome


def thinned(names: Iterable[Any], every: int, slow: Container[Any] = ()) -> list[Any]:
    """Cases of a test: one of so many always, the others, and those that take long, where there is time."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if i % every or name in slow else name
        for i, name in enumerate(names)
    ]


def told(outside: Path) -> dict[str, Any]:
    """All that lies outside: names, contents and times."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size, path.read_bytes() if path.is_file() else None)
        for path in sorted(outside.rglob("*"))
    } | {"": sorted(path.name for path in outside.iterdir())}


def raw(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file of any header, said to be of any size."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def checkpoint(run: Path, data: bytes, step: int = 6) -> Path:
    """Make this the only checkpoint, under the name that belongs to it, and the only weights of the run."""
    for path in (*(run / "checkpoints").iterdir(), *(run / "generator").glob("*.safetensors")):
        path.unlink()
    path = run / "checkpoints" / f"step-{step:09d}-{hashlib.sha256(data).hexdigest()[:16]}.safetensors"
    path.write_bytes(data)
    return path


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file as plain data."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_config(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the stored config as plain data."""
    content = yaml.safe_load((run / "config.yaml").read_text())
    change(content)
    (run / "config.yaml").write_text(yaml.safe_dump(content))
