"""Whether a run that was killed and resumed is, at its end, the one that was not."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from faults.torn import Run
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_cli import checkpoint
from gan_cli.state import digest

CLOCKS = {"updated", "seconds", "pid"}  # in status.json


def differences(whole: Run, torn: Run) -> list[str]:
    """What tells a finished run that was killed from one that was not: nothing does."""
    a, b = facts(whole.directory), facts(torn.directory)
    changed = [key for key in sorted(a.keys() | b.keys()) if a.get(key) != b.get(key)]
    found = [f"{key}: {a.get(key)!r:.300} became {b.get(key)!r:.300}" for key in changed]
    if not _told(torn) <= _told(whole):
        found.append(f"the command told {_told(whole)} and {_told(torn)}")
    litter = [str(p.relative_to(torn.root)) for p in torn.root.rglob(".*")]
    return found + [f"left over: {name}" for name in litter]


def _told(run: Run) -> set[str]:
    """The digests of the final state that its lives told."""
    lines = [line for life in run.lives for line in life.output.splitlines()]
    return {line for line in lines if line.startswith("final state sha256: ")}


def facts(directory: Path) -> dict[str, Any]:
    """All that two equal runs have in common at their ends, by name."""
    found: dict[str, Any] = {}
    files = [path for path in directory.rglob("*") if path.is_file()]
    for path in files:
        name = str(path.relative_to(directory))
        if name.startswith("events.out"):
            continue
        if name.startswith("checkpoints/"):
            found[name.rpartition("-")[0]] = "a checkpoint"  # its digest is of timing.jsonl's length too
        elif name not in ("run.json", "status.json", "timing.jsonl"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    found["ends"] = sum(path.name.endswith(".end") for path in files)
    status = json.loads((directory / "status.json").read_text())
    found |= {f"status {key}": value for key, value in status.items() if key not in CLOCKS}
    about = json.loads((directory / "run.json").read_text())
    found |= {f"run {key}": about.get(key) for key in ("command", "overrides", "choices", "seed")}
    found["timed"] = [json.loads(line)["step"] for line in (directory / "timing.jsonl").read_text().splitlines()]
    state = checkpoint.load(checkpoint.available(directory / "checkpoints")[0])
    found |= {f"state {part}": digest(state[part]) for part in state if part != "offsets"}
    found["state offsets"] = state["offsets"]["metrics"]
    return found | shown(directory)


def shown(directory: Path) -> dict[str, Any]:
    """Every point and picture as TensorBoard reads them; of clocks the steps alone."""
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    found: dict[str, Any] = {}
    for tag in events.Tags()["scalars"]:
        points = events.Scalars(tag)
        found[f"scalar {tag}"] = [p.step if tag.startswith("time/") else (p.step, p.value) for p in points]
    for tag in events.Tags()["images"]:
        pictures = [(p.step, Image.open(io.BytesIO(p.encoded_image_string))) for p in events.Images(tag)]
        found[f"image {tag}"] = [(step, hashlib.sha256(p.tobytes()).hexdigest()) for step, p in pictures]
    return found
