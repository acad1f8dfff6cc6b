"""`gan-train`: compose a config with Hydra, build a run, train it. Nothing here imports torch before a run is built."""

import os
import sys
from pathlib import Path
from typing import cast

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_cli import __version__
from gan_cli.cli import places
from gan_cli.cli.overrides import (
    as_typed,
    config_dirs,
    groups_below,
    job_dir,
    key_of,
    prepare,
    split_arguments,
    swept_keys,
    unfold,
)
from gan_cli.cli.signals import handling, leave_at_once, stopped_by_signal
from gan_cli.cli.streams import outlive_reader
from gan_cli.errors import GanError, Stopped
from gan_cli.files import silence
from gan_cli.paths import CONF_DIR

_COMPLETION = {"-sc", "--shell-completion"}
_SHOW = {"--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", *_COMPLETION}  # flags with which nothing runs

_EXCLUSIVE = {"--run", "-r", "--multirun", "-m", "--cfg", "-c", "--info", "-i", *_COMPLETION}  # what to do


def main() -> None:
    """The console script."""
    flags, overrides = split_arguments(sys.argv[1:])
    if "--version" in flags:
        print(f"gan-cli {__version__}")
        return
    if any(flag.startswith("--e") for flag in flags):
        print("--experimental-rerun runs a pickle; resume a run with resume=DIRECTORY", file=sys.stderr)
        sys.exit(2)
    kinds = _EXCLUSIVE.intersection(flags)
    if len(kinds) > 1 or ("--resolve" in flags and not kinds & {"--cfg", "-c"}):
        advice = "--resolve goes with --cfg" if "--resolve" in flags and len(kinds) < 2 else "one of them at a time"
        print(f"{' '.join(flags)}: {advice}", file=sys.stderr)
        sys.exit(2)
    sys.path.append(os.getcwd())  # a console script does not find the modules beside it by itself
    groups = groups_below(CONF_DIR, *config_dirs(flags))
    overrides = [unfold(override, groups) for override in overrides]
    OmegaConf.register_new_resolver("gan.run_dir", _run_dir, replace=True)
    swept = swept_keys(overrides)
    OmegaConf.register_new_resolver("gan.job_dir", lambda number, of: job_dir(number, of, swept), replace=True)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, whatever was set: exit codes depend on it
    outcome: list[int] = []
    ours: list[OSError] = []  # out of a run, where no OSError may come from
    places.forget()

    def task(cfg: DictConfig) -> None:
        try:
            outcome.append(_job(cfg))
        except OSError as error:
            ours.append(error)
            raise

    try:
        with stopped_by_signal():
            if not _COMPLETION.intersection(flags):  # install=bash and query=bash are no settings
                sys.argv[1:] = [*prepare(overrides, groups), *flags]
            if not _SHOW.intersection(flags):
                outlive_reader()
                sys.argv.insert(1, places.Places.OVERRIDE)
            hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="train")(task)()
    except Stopped as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        print("stopped at once; nothing was saved after the last checkpoint", file=sys.stderr)
        sys.exit(130)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        print(_message(error), file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, GanError) else 2)
    except OSError as error:
        if error in ours:
            raise
        if error.filename is None:  # standard output, which would fail again at the interpreter's exit
            silence(sys.stdout)
        if isinstance(error, BrokenPipeError):  # gan-train --help | head -1
            sys.exit(141)
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        sys.exit(5)
    finally:
        places.tidy()
    if any(outcome):
        sys.exit(outcome[0] if len(outcome) == 1 else 1)


def _job(cfg: DictConfig) -> int:
    """One run of this process, and its exit code. In a sweep a failed job does not end the others."""
    context = HydraConfig.get()
    directory = Path(context.runtime.output_dir)
    overrides = cast(list[str], OmegaConf.to_container(context.overrides.task, resolve=False))
    about = {
        "command": ["gan-train", *as_typed(overrides)],
        "overrides": as_typed(overrides),
        "choices": {name: choice for name, choice in context.runtime.choices.items() if "/" not in name},
        "sweep": str(directory.parent) if context.mode and context.mode.name == "MULTIRUN" else None,
    }
    if about["sweep"]:
        print(f"\n#{context.job.num}  {' '.join(as_typed(overrides))}", flush=True)

    def leave_nothing() -> None:
        places.remove_empty(directory)
        places.tidy()

    try:
        with handling(leave_at_once(leave_nothing)):
            from gan_cli.cli.job import run_job  # torch comes in here

        run_job(cfg, directory, [key_of(override) for override in overrides], about)
    except GanError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        places.remove_empty(directory)
    return 0


def _run_dir(resume: str | None, fresh: str) -> str:
    """Where Hydra makes a directory: nowhere new where a run is resumed, whose own directory is looked up later."""
    return "." if resume else fresh


def _message(error: Exception) -> str:
    """Hydra's and OmegaConf's own errors: what they say, without a traceback."""
    cause = error.__cause__
    lines = [str(error)]
    if isinstance(cause, OmegaConfBaseException):
        lines.append(str(cause))
    return "\n".join(lines)


if __name__ == "__main__":
    from gan_cli.cli.entry import train

    train()
