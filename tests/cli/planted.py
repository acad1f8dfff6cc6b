"""Runs as gan-train leaves them, planted for the tests of `gan-runs`."""

import json
from pathlib import Path

CHOICES = {"loss": "hinge", "penalty": "none", "train": "default", "optimizer": "adam", "prior": "normal"} | {
    "model": "dcgan",
    "dataset": "digits",
    "experiment": None,
}
FIGURES = {"step": 50, "loss/d": 0.9, "loss/g": 0.7, "prob/d_x": 0.75, "prob/d_g_z": 0.25, "logit/real": 1.1}


def put(
    directory: Path,
    minute=0,
    status="finished",
    reason=None,
    overrides=("loss=hinge",),
    metrics=(FIGURES,),
    alarms=None,
    choices=CHOICES,
    seed=0,
    config=None,
    **more,
):
    """A run; `more` goes into its status."""
    directory.mkdir(parents=True)
    created = f"2026-05-04T03:{minute:02}:00+0200"
    run = {"created": created, "choices": choices, "overrides": list(overrides), "seed": seed}
    state = {"status": status, "reason": reason, "step": 1000, "steps": 2000, "seconds": 75.2, "pid": 1} | more
    (directory / "run.json").write_text(json.dumps(run))
    (directory / "status.json").write_text(json.dumps(state if alarms is None else state | {"alarms": alarms}))
    (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
    if config is not None:
        (directory / "config.yaml").write_text(config)
    return directory
