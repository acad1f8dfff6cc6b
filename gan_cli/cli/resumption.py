"""The state that a resumed run goes on from, and what there is to say about it first."""

from pathlib import Path
from typing import Any

import torch

from gan_cli import export
from gan_cli.cli.command import screenful
from gan_cli.cli.devices.start import Job
from gan_cli.console import Screen
from gan_cli.errors import RunError
from gan_cli.record import read_or_empty
from gan_cli.resume import is_finished, never_began, newest_state
from gan_cli.run import Run


def state_of(run: Run, job: Job, processes: int) -> dict[str, Any] | None:
    """The state to go on from; None where the run was ended before it had any.

    Raises:
        RunError: there is nothing left to do.
    """
    directory, given, trust = job.directory, job.given, job.config["trust"]
    errors = Screen(stderr=True, highlight=False, soft_wrap=True)

    def warn(text: str) -> None:
        errors.print(screenful(text), markup=False)

    if never_began(directory):
        warn(f"{job.shown} was ended before its first checkpoint, with no step taken: it begins with step 1")
        return None
    threads = torch.get_num_threads()
    asked = run.cfg.threads if "train.threads" in given and run.cfg.threads != "auto" else None
    state = newest_state(directory, warn, threads=asked, limit=None if trust else 2 * run.checkpoint_size())
    if state["machine"].get("processes", 1) != processes:  # it was another share of the cores
        torch.set_num_threads(threads)
    step, before = state["step"], read_or_empty(directory / "status.json").get("steps")
    if is_finished(directory) and step < run.steps and state.get("waited") and _is_exported(directory, step):
        waited = state["waited"]
        if run.cfg.patience is not None and isinstance(waited, int) and waited >= run.cfg.patience:
            raise RunError(
                f"resume: {directory} finished early at step {step:,}, after {waited} evaluations without a better "
                f"{run.cfg.keep_best}; go on all the same with a larger train.patience=..., or train.patience=null"
            )
    if step == run.steps and not (is_finished(directory) and _is_exported(directory, step)):
        at = f"{job.shown} is complete at step {step:,}"
        warn(f"{at}: nothing is left to train, only the generator to be written")
    elif step >= run.steps:
        done = "finished" if is_finished(directory) else "complete"
        raise RunError(
            f"resume: {directory} is {done} at step {step:,} of {run.steps:,}; ask for more with train.steps=..."
        )
    if isinstance(before, int) and before != run.steps and (schedules := _schedules(run)):
        warn(
            f"{', '.join(schedules)} led to an end at step {before:,} and now leads to {run.steps:,}: what follows it "
            "jumps, and this is not the run that would have had this length from its start"
        )
    return state


def _schedules(run: Run) -> list[str]:
    """The settings that the length of a run is a part of."""
    finals = {"penalty.gamma_final": getattr(run.penalty, "gamma_final", None)}
    finals["train.momentum_final"] = run.cfg.momentum_final
    rate = [] if run.cfg.lr_schedule == "constant" else [f"train.lr_schedule={run.cfg.lr_schedule}"]
    return rate + [f"{key}={value}" for key, value in finals.items() if value is not None]


def _is_exported(directory: Path, step: int) -> bool:
    """Whether the generator of this step was written; there may be one of an earlier end."""
    folder = directory / export.FOLDER
    return (folder / "raw.safetensors").is_file() and read_or_empty(folder / "generator.json").get("step") == step
