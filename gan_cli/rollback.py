"""`train.on_not_finite=rollback`: back to the last checkpoint, and on with other noise and later data."""

from typing import Any

from gan_cli import checkpoint
from gan_cli.errors import Diverged
from gan_cli.logbook import Logbook
from gan_cli.run import Run
from gan_cli.seeds import generator


def roll_back(run: Run, error: Diverged) -> bool:
    """Return to the last checkpoint after a loss that is not finite.

    A pure function of that checkpoint and of how often it happened: killed and resumed, the run does it again.

    Args:
        error: what was not finite, and where.

    Returns:
        Whether it may, by `train.on_not_finite` and `train.rollbacks`.
    """
    if run.cfg.on_not_finite != "rollback" or run.rollbacks >= run.cfg.rollbacks or run.committed is None:
        return False
    count, failed = run.rollbacks + 1, run.step + 1 if error.step is None else error.step
    position = run.reals.position if error.batch is None else error.batch
    reason = str(error).splitlines()[0]
    state = run.from_lead(lambda: checkpoint.load_newest(run.directory / "checkpoints", run.console.say))
    run.restore(state)
    run.rollbacks = count
    run.reals.skipped = position - run.reals.cursor  # the next batch is one that was never seen
    run.noise = generator(run.seed, "noise", "rollback", count, device=run.device)
    run.reseed("train", "rollback", count)
    run.fakes, run.best.figure = None, None
    if run.ranks.leads:
        _log(run, state["offsets"], {"number": count, "step": failed, "to": run.step, "why": reason})
    return True


def _log(run: Run, offsets: dict[str, int], event: dict[str, Any]) -> None:
    """Take back what was logged since, and say why."""
    feeds = run.log.release()
    run.log.close()
    run.log = Logbook(run.directory, run.step, offsets)
    for feed in feeds:
        feed.rewind(run.step)
    run.log.follow(feeds)
    run.watch_again()
    run.status.alarms = [alarm.plain() for alarm in run.health.raised.values()]
    run.status.rolled_back(event)
    run.status.write("running", run.step)
    run.console.rewind(run.step)
    number = f"rollback {run.rollbacks} of {run.cfg.rollbacks}"
    run.console.say(f"{event['why']}\n{number}: back to step {run.step:,}, on with other noise and later data")
