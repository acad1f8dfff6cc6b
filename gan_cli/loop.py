"""Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661), on one screen."""

from collections.abc import Callable

from torch import Tensor

from gan_cli import dirac
from gan_cli.errors import Diverged
from gan_cli.evaluation import assess
from gan_cli.optimum import against_optimum
from gan_cli.parts import part
from gan_cli.pictures import draw
from gan_cli.profile import profiled
from gan_cli.readouts import read_out
from gan_cli.rollback import roll_back
from gan_cli.run import Metrics, Run
from gan_cli.steps import discriminator_step, generator_step, simultaneous_step


def train(run: Run) -> None:
    """Train until `run.step` reaches `run.steps`, or there is a reason to end before, and commit the last step."""
    with profiled(run) as step_is_done:
        while True:
            try:
                return _train(run, step_is_done)
            except Diverged as error:
                if not roll_back(run, error):
                    raise


def _train(run: Run, step_is_done: Callable[[], None]) -> None:
    cfg = run.cfg
    if run.committed is None:
        run.save()  # from here on there is always a checkpoint to go on from
    if run.step == 0 and run.reals.cursor < cfg.d_head_start:
        while run.reals.cursor < cfg.d_head_start and not run.is_ending:
            run.forward.begin()
            discriminator_step(run, next(run.reals))
            run.agree()
        run.save()
        run.console.rewind(run.step)  # rates and the time left are of steps
    run.agree()  # a resumed run may be out of patience already
    while run.step < run.steps and not run.is_ending:
        run.watching = (run.step + 1) % cfg.log_every == 0 or run.step + 1 == run.steps
        metrics = turn(run)
        run.step += 1
        average(run)
        evaluating = cfg.eval_every is not None and run.due(cfg.eval_every)
        if run.watching or evaluating or run.due(cfg.sample_every):
            run.guard.look(run.step, run.last_good)
        if run.ranks.leads:
            figures = metrics | measure(run, metrics) if run.watching else {}
            if run.due(cfg.sample_every):
                figures |= look(run)
            if evaluating:
                figures |= evaluate(run)
            if figures:
                report(run, figures)
        run.agree()
        if run.due(cfg.checkpoint_every) or run.found_best:
            run.save()
        run.console.tick(run.step)
        step_is_done()
    if run.committed != run.step:  # stopped between two checkpoints
        run.save()


def turn(run: Run) -> Metrics:
    """One step: k = d_steps updates of D, each on new data, to g_steps of G."""
    run.forward.begin()
    if run.cfg.updates == "simultaneous" and not run.cfg.g_is_data:
        return simultaneous_step(run, real_batch(run))
    metrics: Metrics = {}
    for _ in range(run.cfg.d_updates(run.step)):
        x = real_batch(run)
        metrics = discriminator_step(run, x)
    if not run.cfg.g_is_data:
        for _ in range(run.cfg.g_steps):
            metrics |= generator_step(run, x)
    return metrics


@part("data")
def real_batch(run: Run) -> Tensor:
    """The next real samples: [batch_size, *shape]."""
    return next(run.reals)


@part("average")
def average(run: Run) -> None:
    """Let the average of G follow it."""
    if run.ema:
        batch = run.cfg.batch_size * run.cfg.g_steps  # images that G learned from
        run.ema.update(run.step * batch, batch)


@part("figures")
def measure(run: Run, metrics: Metrics) -> Metrics:
    """What theory says of the players as they are now."""
    return read_out(run, metrics) | dirac.figures(run)


@part("grid")
def look(run: Run) -> Metrics:
    """Draw samples, judge them, and hold D against the optimal D where that is known."""
    figures = draw(run)
    found = against_optimum(run)
    if found is None:
        return figures
    gap, picture = found
    run.log.picture(run.step, "optimum", picture)
    return figures | gap


@part("figures")
def evaluate(run: Run) -> Metrics:
    """What gan-eval would measure of this step, held against real data."""
    return assess(run)


@part("figures")
def report(run: Run, figures: Metrics) -> None:
    """Log this step's figures, show them, and say what is wrong with them."""
    values = run.log.scalars(run.step, figures)
    run.best.note(values)
    if run.watching:
        run.log.timing(run.step, {"time/images_per_second": run.console.rate.lap(run.step)})
        run.console.show(run.step, values)
    for alarm in run.health.watch(run.step, values):
        run.sound(alarm)
