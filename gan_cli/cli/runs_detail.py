"""All about one run on one page: how it went, what it was told, what it found, and how to go on."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from gan_cli.cli.command import printable
from gan_cli.cli.runs_defaults import Difference, differences
from gan_cli.cli.runs_evaluations import evaluations
from gan_cli.cli.runs_figures import Extremes, extremes
from gan_cli.cli.runs_size import readable, size_of
from gan_cli.cli.runs_table import COLOURS, reason_of, step_of
from gan_cli.cli.runs_where import as_text
from gan_cli.console import duration
from gan_cli.errors import RunError
from gan_cli.listing import RUN, STATUS, Entry, read
from gan_cli.reading import read_json, read_yaml

_CHECKPOINT = re.compile(r"step-(\d{9,18})-[0-9a-f]{16}\.safetensors")
_MOST = 60  # lines of settings
_LONGEST = 120  # characters of a value


def show(directory: Path, as_json: bool) -> None:
    """Print what there is to know of a run; what of it cannot be read is left out, and said."""
    entry = read(directory)
    about, status = _object(entry, RUN), _object(entry, STATUS)
    try:
        config = read_yaml((entry.place or directory) / "config.yaml")
    except RunError:
        config = {}
    chosen, settings = differences(config, entry.choices) if config else ([], [])
    figures = extremes(entry)
    facts: dict[str, Any] = {
        "run": str(directory),
        "path": str(entry.place or directory),
        **{key: getattr(entry, key) for key in ("status", "reason", "problem", "step", "steps", "seconds", "created")},
        **{key: about.get(key) for key in ("command", "sweep", "seed", "resumed")},
        "choices": entry.choices,
        "differs": {one.key: {"value": one.value, "default": one.default} for one in (*chosen, *settings)},
        "versions": about.get("versions"),
        "git": about.get("git"),
        "host": status.get("host"),
        "figures": {name: found.plain() for name, found in figures.items()},
        "alarms": entry.alarms,
        "evaluations": evaluations(entry.place or directory),
        "checkpoints": _checkpoints(entry.place or directory),
        "disk": None,
        "resume": _resume(entry),
    }
    try:
        size = size_of(entry.place or directory)
        facts["disk"] = {"bytes": size.bytes, "files": size.files, "folders": size.folders}
    except RunError as error:
        facts["problem"] = facts["problem"] or str(error)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    terminal = Console(highlight=False, soft_wrap=True)
    for name, lines in _page(entry, facts, chosen, settings, figures):
        for i, line in enumerate(lines):
            text = Text(f"{'' if i else name:<13}", "bold").append(printable(line), _style(name, i, entry))
            terminal.print(text)


def _style(name: str, line: int, entry: Entry) -> str:
    return f"not bold {COLOURS[entry.status]}" if name == "status" and not line else "not bold"


def _page(
    entry: Entry,
    facts: Mapping[str, Any],
    chosen: Sequence[Difference],
    settings: Sequence[Difference],
    figures: Mapping[str, Extremes],
) -> Iterator[tuple[str, Sequence[str]]]:
    """Each heading with its lines; what a run does not have is left out."""
    sections: dict[str, list[str]] = {
        "run": [facts["run"], *([facts["path"]] if Path(facts["run"]).absolute() != Path(facts["path"]) else [])],
        "status": [" · ".join(filter(None, (entry.status, step_of(entry), duration(entry.seconds or 0))))],
        "reason": [reason_of(entry), *(entry.reason or "").strip().splitlines()[1:]] if reason_of(entry) else [],
        "began": [entry.created] if entry.created else [],
        "command": _words(facts["command"]),
        "went on": list(_resumed(facts["resumed"])),
        "sweep": [facts["sweep"]] if isinstance(facts["sweep"], str) else [],
        "choices": [_said(one) for one in chosen] or (["the usual ones"] if entry.choices else []),
        "settings": [_said(one) for one in settings[:_MOST]] or (["as the choices say"] if entry.choices else []),
        "figures": _columns(figures),
        "alarms": [line for alarm in entry.alarms for line in _alarm(alarm)],
        "evaluations": [line for one in facts["evaluations"] for line in _evaluation(one)],
        "checkpoints": [f"step {one['step']:,}: {readable(one['bytes'])}" for one in facts["checkpoints"]],
        "on disk": _disk(facts["disk"]),
        "made with": list(_made_with(facts)),
        "go on with": [facts["resume"]] if facts["resume"] else [],
    }
    if len(settings) > _MOST:
        sections["settings"].append(f"and {len(settings) - _MOST} more, in config.yaml")
    yield from ((name, lines) for name, lines in sections.items() if lines)


def _object(entry: Entry, name: str) -> dict[str, Any]:
    try:
        return read_json((entry.place or entry.path) / name)
    except RunError:
        return {}


def _words(command: Any) -> list[str]:
    return [shlex.join(command)] if isinstance(command, list) and all(isinstance(w, str) for w in command) else []


def _resumed(resumed: Any) -> Iterator[str]:
    for one in resumed[-5:] if isinstance(resumed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("step"), int):
            yield f"at step {one['step']:,} with: {' '.join(_words(one.get('command')))}"


def _said(one: Difference) -> str:
    value, default = (text if len(text := as_text(v)) <= _LONGEST else f"{text[:_LONGEST]}..." for v in one[1:])
    return f"{one.key}={value}  (usually {default})"


def _columns(figures: Mapping[str, Extremes]) -> list[str]:
    """A line for each figure, and what the columns are."""
    if not figures:
        return []
    rows = [["", "last", "lowest", "at step", "highest", "at step", "better"]]
    rows += [[name, *found.cells()] for name, found in figures.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join((name.ljust(widths[0]), *right)).rstrip())
    return lines


def _alarm(alarm: Mapping[str, Any]) -> Iterator[str]:
    told = (key for key in ("saw", "evidence", "cause") if isinstance(alarm.get(key), str))
    said = {key: " ".join(alarm[key].split()) for key in told}
    yield f"{alarm['name']} at step {alarm['step']:,}" + (f": {said['saw']}" if "saw" in said else "")
    if "evidence" in said:
        yield f"  evidence  {said['evidence']}"
    if "cause" in said:
        yield f"  likely    {said['cause']}"
    if isinstance(advice := alarm.get("overrides"), list) and advice:
        yield f"  try       {'  or  '.join(map(str, advice))}"


def _evaluation(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"step {one['step']:,}, weights {one['weights']}, of {one['file']}"
    for name, figure in one["figures"].items():
        spread = "" if figure["std"] is None else f" ± {figure['std']:.3g}"
        yield f"  {name:<12} {figure['value']:.5g}{spread}  (real data score {figure['floor']:.3g}; {figure['better']})"


def _checkpoints(directory: Path) -> list[dict[str, Any]]:
    folder = directory / "checkpoints"
    if folder.is_symlink():  # of a stranger's run it leads anywhere
        return []
    try:
        found = [path for path in folder.iterdir() if _CHECKPOINT.fullmatch(path.name)]
        named = [{"step": int(p.name.split("-")[1]), "bytes": p.lstat().st_size, "file": p.name} for p in found]
    except OSError:
        return []
    return sorted(named, key=lambda one: str(one["file"]), reverse=True)


def _disk(disk: Mapping[str, Any] | None) -> list[str]:
    if disk is None:
        return []
    parts = sorted(disk["folders"].items(), key=lambda part: -part[1])
    listed = ", ".join(f"{name or 'logs and settings'} {readable(size)}" for name, size in parts[:6])
    return [f"{readable(disk['bytes'])} in {disk['files']:,} files: {listed}"]


def _made_with(facts: Mapping[str, Any]) -> Iterator[str]:
    versions, git = facts["versions"], facts["git"]
    if isinstance(versions, dict):
        yield ", ".join(f"{name} {version}" for name, version in versions.items() if name != "platform")
        where = (versions.get("platform"), facts["host"])
        yield " · ".join(word for word in where if isinstance(word, str))
    if isinstance(git, dict) and isinstance(git.get("commit"), str):
        yield f"commit {git['commit'][:12]} of the working directory" + (", with changes" if git.get("dirty") else "")


def _resume(entry: Entry) -> str | None:
    """The command that goes on with a run, if there is something to go on with."""
    if entry.status in ("running", "unreadable") or entry.steps is None:
        return None
    place, here = entry.place or entry.path, Path.cwd()
    shown = place.relative_to(here) if here in place.parents else place  # and not outputs/latest: it moves on
    more = f" train.steps={2 * entry.steps}" if entry.status == "finished" else ""
    return f"gan-train resume={shlex.quote(str(shown))}{more}"
