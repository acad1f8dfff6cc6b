"""One run from its config to its last line on the screen."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from gan_cli import checkpoint, export
from gan_cli.builder import build, plain
from gan_cli.check import TRACKERS
from gan_cli.cli.devices.company import Company
from gan_cli.cli.devices.place import under_torchrun
from gan_cli.cli.devices.start import Job, by_torchrun, by_workers, device_of
from gan_cli.cli.dry_run import dry_run
from gan_cli.cli.failure import enough_memory, recorded
from gan_cli.cli.figures import refuse_unknown_figure
from gan_cli.cli.hparams import hparams
from gan_cli.cli.lock import locked
from gan_cli.cli.resumption import state_of
from gan_cli.cli.signals import stop_after_step
from gan_cli.console import Screen, duration
from gan_cli.data.classes import by_name
from gan_cli.errors import BusyError, Diverged, Stopped
from gan_cli.files import write_text
from gan_cli.guide import expected, guide
from gan_cli.loop import train
from gan_cli.paths import point_latest
from gan_cli.pictures import draw_real
from gan_cli.reading import require_plain
from gan_cli.readouts import why_not
from gan_cli.record import State, add_resume, read_or_empty, write_run
from gan_cli.resume import config_to_resume, top_settings
from gan_cli.run import Run
from gan_cli.settings import OF_THE_COMMAND
from gan_cli.stored import tame, weights_limit


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
    config, written = plain(cfg)
    job = Job(config, written, directory, tuple(given), about)
    if (place := under_torchrun()) is not None:
        by_torchrun(place, job, _work, held)
        return
    with held(job) as job:
        if job.train("devices", 1) > 1:
            by_workers(job, _work)
        else:
            _work(job, Company())


@contextmanager
def held(job: Job) -> Iterator[Job]:
    """The job, with the config to go on with where it does; its directory is held for the time of the context."""
    if job.resumes:
        top_settings(job.config)
        config, directory = config_to_resume(job.config, job.given, job.about["choices"])
        job = replace(job, config=config, directory=directory)
    elif not job.dry:
        require_plain(job.directory)
    with nullcontext() if job.dry else locked(job.directory):
        if not job.resumes and not job.dry:
            _refuse_taken(job)
        yield job


def _work(job: Job, company: Company) -> None:
    """One process's part of a run; of a process alone all of it."""
    with company.alike():
        device = device_of(job.config["device"], company.place)
    ranks = company.meet(device)
    config, room = job.config, None
    if job.resumes:
        config = tame(config, job.given, config["trust"])
        room = weights_limit(job.directory, config["trust"]) if ranks.leads else None

    def make() -> Run:
        written, given = (None, ()) if job.resumes else (job.written, job.given)
        with enough_memory(config, _before_step_1):
            return build(config | {"device": device}, written, given, room, ranks)

    def on_lead() -> dict[str, Any] | None:
        with enough_memory(config, _before_step_1):
            refuse_unknown_figure(run)
            return state_of(run, job, ranks.size) if job.resumes else None

    run = company.in_turn(make)
    company.same_data(run.reals.fingerprint)
    run.align()
    state = company.first(on_lead)
    if job.resumes:
        state = run.from_lead(lambda: state or {}) or None
        if not ranks.alone:
            torch.set_num_threads(int(ranks.agree(torch.get_num_threads() if ranks.leads else 0)[0]))
    if job.dry:
        with enough_memory(config, _before_step_1):
            dry_run(run, Screen(highlight=False, soft_wrap=True))
    elif ranks.leads:
        carry_out(run, state, job, company)
    else:
        _follow(run, state, job, company)
    company.part()


def _before_step_1() -> str:
    return "while the networks were built and the data read"


def _refuse_taken(job: Job) -> None:
    """A run does not begin where another one is, or something that looks like one."""
    directory = job.directory
    if directory == Path("outputs/latest").absolute():
        raise BusyError("outputs/latest shows the newest run and cannot be one; choose another place")
    signs = ("status.json", "run.json", "config.yaml", "metrics.jsonl", "checkpoints")
    found = [name for name in signs if (directory / name).exists()]
    if found == ["run.json"] and "versions" in read_or_empty(directory / "run.json"):
        return  # of a run of ours that was killed there and then: its config is written next
    if found:
        raise BusyError(
            f"{directory} holds another run ({found[0]}); choose another place with hydra.run.dir=..., or go on with "
            f"resume={job.shown}"
        )


def _labels(run: Run) -> dict[str, int] | None:
    """What the classes of conditional networks are called, and their labels."""
    if run.classes is None:
        return None
    assert run.reals.y is not None
    return by_name(run.reals.y, getattr(run.reals.data, "names", ()))


def carry_out(
    run: Run,
    state: dict[str, Any] | None,
    job: Job,
    company: Company,
    watched: Callable[[Run], AbstractContextManager[list[int]]] = stop_after_step,
) -> None:
    """Train, from the first file to the last line. From the first file on, a signal lets all become whole.

    Args:
        state: to go on from; None: from the start.
        watched: the context in which signals stop it after a step.
    """
    config, directory, about = job.config, job.directory, job.about
    checkpoint.require_room(directory, 2 * run.checkpoint_size(), "a run with two checkpoints")
    resumed, shown = job.resumes, shlex.quote(job.shown)
    with watched(run) as signals:
        if not resumed:
            write_run(directory, about | {"seed": run.seed})
            _write_config(directory, config)  # last: with it there is a run to go on with
        if state is None or not read_or_empty(directory / export.FOLDER / "generator.json"):  # or harmed since
            shape, dim, labels = run.reals.shape, run.prior.dim, _labels(run)
            export.begin(directory, export.describe(config, shape, dim, run.classes, labels, run.moments))
        with run.open(directory, state), recorded(run, config, shown, company.told()):
            point_latest(directory)
            run.follow(told(config), Path(about["sweep"]).name if about.get("sweep") else None)
            if resumed:  # what is new in it holds from here on, for the next resume too
                _write_config(directory, config)
                add_resume(directory, about["command"], run.step)
            if state is None:
                tags = expected(run)
                run.log.open_session(hparams(directory, config), tags)
                draw_real(run)
                explain(run, tags)
            train(run)
            early = run.best.out_of_patience if run.step < run.steps else None
            status: State = "finished" if run.step == run.steps or early else "stopped"
            if status == "finished":
                export.write(directory, run.G, run.ema.G if run.ema else None, run.step)
            run.log.close(success=True if status == "finished" else False if run.stopped_by else None)
            run.status.write(status, run.step, _why_stopped(run) if status == "stopped" else early)
    share = run.saving / max(run.status.seconds_here, 1e-9)
    if status == "stopped" and not run.signal:
        assert run.stopped_by is not None
        why = f"{_why_stopped(run)}: {run.stopped_by.saw}"
        raise Diverged(f"stopped by {why}\ngo on all the same with: gan-train resume={shown}")
    if status == "stopped":
        raise Stopped(f"stopped after step {run.step:,}; go on with: gan-train resume={shown}", 128 + run.signal)
    done = f"{run.step:,} of {run.steps:,}" if early else f"{run.steps:,}"
    Screen(highlight=False, soft_wrap=True).print(
        (f"ended early: {early}\n" if early else "")
        + f"finished {done} steps in {duration(run.status.seconds)}, {share:.1%} of it for checkpoints\n"
        f"final state sha256: {run.digest()}\n"
        f"  run          {shown}\n"
        f"  samples      {shown}/samples\n"
        f"  draw more    gan-sample {shown} -n 64 --out samples\n"
        f"  look at it   tensorboard --logdir outputs",
        markup=False,
    )
    if signals or run.signal:  # in a sweep the other jobs must not start
        raise Stopped("stopped; this run was finished before", 128 + (run.signal or signals[0]))


def _follow(run: Run, state: dict[str, Any] | None, job: Job, company: Company) -> None:
    """Train beside rank 0, which writes and speaks."""
    shown = shlex.quote(job.shown)
    with stop_after_step(run), run.open(job.directory, state), recorded(run, job.config, shown, company.told()):
        train(run)
    if run.signal:
        raise Stopped(f"stopped after step {run.step:,}", 128 + run.signal)


def explain(run: Run, tags: Sequence[str]) -> None:
    """Say what the read-outs of the run mean, and which one it cannot have."""
    run.log.text(0, "theory", guide(run, tags))
    reason = why_not(run)
    if reason and run.loss.divergence:
        run.console.say(f"theory/{run.loss.divergence} n/a: {reason}")


def _why_stopped(run: Run) -> str:
    if run.stopped_by is None:
        return "signal"
    return f"alarm {run.stopped_by.name} at step {run.stopped_by.step:,} (train.stop_on)"


def told(config: dict[str, Any]) -> dict[str, Any]:
    """What a tracker is told of a config: not where it is logged to, nor what is of the command alone."""
    return {key: value for key, value in config.items() if key not in (*OF_THE_COMMAND, TRACKERS)}


def _write_config(directory: Path, config: dict[str, Any]) -> None:
    stored = {key: value for key, value in config.items() if key not in OF_THE_COMMAND}
    write_text(directory / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(stored)))
