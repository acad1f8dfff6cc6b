"""Run directories as gan-train writes them, without training."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

CONFIG: dict[str, Any] = {
    "dataset": {"_target_": "gan_cli.data.Ring", "modes": 8},
    "model": {
        "width": 16,
        "generator": {"_target_": "gan_cli.models.mlp.Generator", "width": 16},
        "discriminator": {"_target_": "gan_cli.models.mlp.Discriminator", "width": 16},
    },
    "prior": {"_target_": "gan_cli.priors.Normal", "dim": 100},
    "optimizer": {
        "lr": 0.001,
        "generator": {"_target_": "torch.optim.Adam", "lr": 0.001},
        "discriminator": {"_target_": "torch.optim.Adam", "lr": 0.001},
    },
    "train": {"_target_": "gan_cli.settings.TrainConfig", "steps": 20, "samples": 64, "threads": "auto"},
    "penalty": {"_target_": "gan_cli.penalties.R1", "gamma": 3.0},
    "loss": {"_target_": "gan_cli.losses.NonSaturating", "real_label": 1.0},
    "seed": 0,
    "device": "auto",
}
LOSSES = {"nonsaturating": CONFIG["loss"], "hinge": {"_target_": "gan_cli.losses.Hinge"}}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001"
    "f61738550000000049454e44ae426082"
)  # one black pixel


def make_run(
    directory: Path,
    *,
    seed: int = 0,
    loss: str = "nonsaturating",
    lr: float = 0.001,
    rows: Iterable[Mapping[str, Any]] = (),
    status: str = "finished",
    reason: str | None = None,
    overrides: Iterable[str] | None = None,
    grids: Iterable[int] = (),
    **about: Any,
) -> Path:
    """A run of a configuration; `about` goes into status.json."""
    rows = list(rows)
    last = rows[-1]["step"] if rows else 0
    config = json.loads(json.dumps(CONFIG)) | {"seed": seed, "loss": LOSSES[loss]}
    for part in (config["optimizer"], config["optimizer"]["generator"], config["optimizer"]["discriminator"]):
        part["lr"] = lr
    typed = [f"loss={loss}", f"optimizer.lr={lr}", f"seed={seed}"] if overrides is None else list(overrides)
    run = {
        "command": ["gan-train", *typed],
        "overrides": typed,
        "choices": {"dataset": "ring", "model": "mlp", "loss": loss, "optimizer": "adam", "penalty": "r1"},
        "seed": seed,
        "created": "2026-01-01T00:00:00+0000",
    }
    told = {"status": status, "reason": reason, "step": last, "steps": 20, "alarms": [], "seconds": 2.0, "pid": 1}
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (directory / "run.json").write_text(json.dumps(run))
    (directory / "status.json").write_text(json.dumps(told | about))
    (directory / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    timing = [{"step": row["step"], "time": 1.0, "time/images_per_second": 100.0 * i} for i, row in enumerate(rows)]
    (directory / "timing.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in timing))
    (directory / "samples").mkdir()
    for step in grids:
        (directory / "samples" / f"step-{step:09d}.png").write_bytes(PNG)
    return directory


def scored(tag: str, *values: Any) -> list[dict[str, Any]]:
    """Rows at steps 10, 20, ..."""
    return [{"step": 10 * (i + 1), tag: value} for i, value in enumerate(values)]
