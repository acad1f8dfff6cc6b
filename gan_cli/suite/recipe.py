"""What made a run, in a few digits: figures that were reached are those of a recipe, and not of another one later."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_cli.check import leaves
from gan_cli.errors import RunError
from gan_cli.reading import is_regular, read_yaml
from gan_cli.settings import OF_THE_COMMAND

# What is of one seed, one machine or one call, and no part of what was made.
_MACHINE = ("device", "dataset.root", "train.devices", "train.restarts", "train.threads")
ELSEWHERE = ("seed", *_MACHINE, "logger", "hydra", *OF_THE_COMMAND)


def digest(config: Mapping[str, Any]) -> str:
    """Of a resolved config without what is of one seed, one machine or one call: equal ones make figures of one kind.

    >>> digest({"seed": 0, "loss": {"margin": 1.0}}) == digest({"loss": {"margin": 1.0}, "seed": 7, "device": "cuda"})
    True
    """
    made = {key: value for key, value in leaves(config) if key not in ELSEWHERE and key.split(".")[0] not in ELSEWHERE}
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode(), usedforsecurity=False).hexdigest()[:16]


def of_run(run: Path) -> str | None:
    """Of the config that lies there, which is the one that ran; None where there is none that can be read."""
    try:
        return digest(read_yaml(run / "config.yaml")) if is_regular(run / "config.yaml") else None
    except RunError:
        return None
