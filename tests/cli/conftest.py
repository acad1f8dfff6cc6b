"""What the tests of bad input share: a command line that has to be refused, and all that a refusal owes its user."""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra
from sickroom import gan_train  # noqa: F401  a fixture, for all tests of sweeps

from gan_cli.cli import train as command

LINES, COLUMNS = 24, 100

Refused = Callable[..., str]


def tree() -> dict[str, tuple[int, int] | None]:
    """Every file below the working directory, with what changes when it is written."""
    found = {str(path): path.lstat() for path in Path().rglob("*")}
    return {name: None if Path(name).is_dir() else (at.st_size, at.st_mtime_ns) for name, at in found.items()}


def write(files: Mapping[str, str | bytes]) -> None:
    """Files by their names; a name that ends with a slash is a directory."""
    for name, content in files.items():
        path = Path(name)
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif not name.endswith("/"):
            path.write_text(content)


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys) -> Refused:
    """Runs `gan-train` in a directory of these files and expects a refusal; returns its message on one line."""
    monkeypatch.chdir(tmp_path)
    without_hurry = Hydra.get_mode

    def get_mode(self, config_name, overrides):
        """Hydra composes every config twice, first to see whether `hydra.mode` is set in it: half of the time here."""
        return without_hurry(self, config_name, overrides) if any("hydra.mode" in text for text in overrides) else None

    monkeypatch.setattr(Hydra, "get_mode", get_mode)

    def call(line: str | list[str], code: int, files: Mapping[str, str | bytes] | None = None) -> str:
        write(files or {})
        before, modules = tree(), {*sys.modules}
        monkeypatch.setattr(sys, "argv", ["gan-train", *(shlex.split(line) if isinstance(line, str) else line)])
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        with pytest.raises(SystemExit) as ended:
            command.main()
        for name in {*sys.modules} - modules:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
                del sys.modules[name]  # the next directory has a module of this name, too
        out, err = capsys.readouterr()
        lines = err.splitlines()
        assert ended.value.code == code, err
        assert lines, "it says why"
        assert len(lines) <= LINES
        assert max(map(len, lines)) <= COLUMNS, max(lines, key=len)
        assert "Traceback" not in out + err
        assert all(c.isprintable() or c == "\n" for c in err)
        assert tree() == before, "nothing is made, changed or taken away"
        return " ".join(err.split())

    return call
