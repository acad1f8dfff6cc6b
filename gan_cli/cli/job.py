"""One run from its config to its last line on the screen."""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console as Terminal

from gan_cli import export
from gan_cli.build import build, plain
from gan_cli.cli.dry_run import dry_run
from gan_cli.cli.signals import stop_after_step
from gan_cli.console import duration
from gan_cli.errors import BusyError, GanError, RunError, Stopped
from gan_cli.files import write_text
from gan_cli.loop import train
from gan_cli.paths import point_latest
from gan_cli.pictures import draw_real
from gan_cli.record import State, write_run
from gan_cli.resume import config_to_resume, is_finished, newest_state
from gan_cli.run import Run


def run_job(cfg: DictConfig, directory: Path, given: Sequence[str], about: dict[str, Any]) -> None:
    """Train, resume or dry-run what a config says.

    Args:
        cfg: as Hydra composed it.
        directory: the run directory; it exists.
        given: the keys on the command line.
        about: what `run.json` says of how the run came about.

    Raises:
        GanError: all that a user can cause.
        Stopped: a signal; the run is saved.
    """
    terminal = Terminal(highlight=False, soft_wrap=True)
    config, written = plain(cfg)
    state = None
    if config.get("resume"):
        config, directory = config_to_resume(config, given)
        run = build(config)
        asked = run.cfg.threads if "train.threads" in given and run.cfg.threads != "auto" else None
        state = newest_state(directory, warn=terminal.print, threads=asked)
        if state["step"] >= run.steps:
            done = "finished" if is_finished(directory) else "complete"
            raise RunError(
                f"resume: {directory} is {done} at step {state['step']:,} of {run.steps:,}; "
                "ask for more with train.steps=..."
            )
    else:
        run = build(config, written, given)
    if config["dry_run"]:
        dry_run(run, terminal)
        return
    if state is None:
        _found(directory, config, run, about)
    _train(run, directory, state, about["choices"] | {"seed": run.seed}, terminal)


def _found(directory: Path, config: dict[str, Any], run: Run, about: dict[str, Any]) -> None:
    """Write what a fresh run says about itself."""
    if (directory / "status.json").exists():
        raise BusyError(
            f"{directory} holds another run; choose another place with hydra.run.dir=..., or go on with "
            f"resume={_shown(directory)}"
        )
    stored = {key: value for key, value in config.items() if key not in ("resume", "dry_run", "trust")}
    write_text(directory / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(stored)))
    write_run(directory, about | {"seed": run.seed})
    export.begin(directory, export.describe(config, run.reals.shape, run.prior.dim))


def _train(
    run: Run, directory: Path, state: dict[str, Any] | None, choices: dict[str, Any], terminal: Terminal
) -> None:
    with run.open(directory, state):
        point_latest(directory)
        status: State = "failed"
        try:
            if state is None:
                run.log.open_session(choices)
                draw_real(run)
            with stop_after_step(run) as signals:
                train(run)
            status = "finished" if run.step == run.steps else "stopped"
            if status == "finished":
                export.write(directory, run.G, run.ema.G if run.ema else None, run.step)
            run.status.write(status, run.step, "signal" if status == "stopped" else None)
        except KeyboardInterrupt:
            run.status.write("stopped", run.step, "interrupted twice")
            raise
        except GanError as error:
            run.status.write("failed", run.step, str(error))
            raise
        except Exception as error:
            run.status.write("failed", run.step, "".join(traceback.format_exception_only(error)).strip())
            raise
        finally:
            run.log.close(success=None if status == "stopped" else status == "finished")
    shown = _shown(directory)
    if status == "stopped":
        raise Stopped(f"stopped after step {run.step:,}; go on with: gan-train resume={shown}", 128 + signals[0])
    terminal.print(
        f"finished {run.steps:,} steps in {duration(run.status.seconds)}\n"
        f"  run          {shown}\n"
        f"  samples      {shown}/samples\n"
        f"  draw more    gan-sample {shown} -n 64 --out samples\n"
        f"  look at it   tensorboard --logdir outputs",
        markup=False,
    )


def _shown(directory: Path) -> str:
    """A path as short as it can be typed from here."""
    try:
        return str(directory.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(directory)
