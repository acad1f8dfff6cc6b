"""Evaluation while a run is trained: of the averaged G, with random generators of its own."""

from torch import Tensor

from gan_cli import __version__
from gan_cli.data import Stream
from gan_cli.errors import ConfigError
from gan_cli.evaluation.draw import drawing, finished
from gan_cli.evaluation.figure import Figure, Record
from gan_cli.evaluation.judge import Draw, Judge
from gan_cli.evaluation.options import Options
from gan_cli.evaluation.reals import DRAWS, Reals
from gan_cli.pictures import evaluating, unseen
from gan_cli.run import Metrics, Run
from gan_cli.scores import FLOOR, PREFIX

SHOWN = 4  # figures on the screen


def assess(run: Run) -> Metrics:
    """What samples of this step are worth, and what real data score: `eval/*`. All of it goes to evaluations.jsonl."""
    judge = judge_of(run)
    with unseen(run), evaluating(run.ema.G if run.ema else run.G) as G:
        y = run.reals.y if run.classes is not None else None
        draw = of_data(run.reals) if run.cfg.g_is_data else drawing(G, run.prior, y, run.device)
        figures = judge(draw)
    reals = judge.reals
    weights = "data" if run.cfg.g_is_data else "ema" if run.ema else "raw"
    about = (__version__, run.step, weights, str(run.step), reals.learned, reals.fingerprint)
    record = Record(*about, figures, judge.memory)
    run.log.evaluation(record.plain())
    run.console.say(f"step {run.step:,}: {in_a_line(figures)}")
    values: Metrics = {f"{PREFIX}{figure.metric}": figure.value for figure in figures}
    return values | {f"{PREFIX}{figure.metric}{FLOOR}": figure.floor for figure in figures}


def judge_of(run: Run) -> Judge:
    """The judge of this run's samples, the same one for all of its process: what it finds of real data costs time.

    Raises:
        ConfigError: a metric that its data cannot have.
        DataError: what it needs is not there.
    """
    cfg = run.cfg
    known = run.evaluator
    if known is None:
        try:
            options = Options(cfg.eval_metrics or (), n_fake=cfg.eval_samples, device=str(run.device), quick=True)
            reals = Reals(run.reals, options, most=cfg.eval_samples or DRAWS)
            known = run.evaluator = Judge(reals, options, lambda line: _say(run, line))
        except ValueError as error:
            raise ConfigError(f"train.eval_metrics: {error}") from error
    assert isinstance(known, Judge)
    return known


def _say(run: Run, line: str) -> None:
    if hasattr(run, "console"):  # it is asked before the run begins, too
        run.console.say(line)


def of_data(stream: Stream) -> Draw:
    """Samples of a run whose generator is the data."""

    def draw(seed: int, n: int) -> Tensor:
        return finished(stream.twin().peek(n, "evaluation", seed))

    return draw


def in_a_line(figures: tuple[Figure, ...]) -> str:
    """The first figures and their floors, for one line.

    >>> in_a_line(())
    ''
    """
    return " · ".join(f"{figure.metric} {figure.value:.4g} (floor {figure.floor:.3g})" for figure in figures[:SHOWN])
