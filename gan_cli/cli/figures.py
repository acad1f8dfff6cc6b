"""The figures that a run judges itself by, and whether `train.keep_best` names one."""

from gan_cli.check import Problem, did_you_mean, report
from gan_cli.guide import expected
from gan_cli.run import Run
from gan_cli.scores import PREFIX, tag


def refuse_unknown_figure(run: Run) -> None:
    """`train.keep_best` names a figure that this run judges itself by, and an evaluation ones that its data have.

    Raises:
        ConfigError: they do not.
        DataError: what an evaluation needs is not there.
    """
    figure = run.cfg.keep_best
    asked = figure or run.cfg.eval_every is not None
    known = figures(run) if asked else []
    if figure and tag(figure) not in known:
        raise report([Problem("train.keep_best", f"this run logs no {figure!r}{did_you_mean(tag(figure), known)}")])


def figures(run: Run) -> list[str]:
    """The figures that a run judges itself by."""
    return [name for name in expected(run) if name.startswith(("theory/", "samples/", "dirac/", PREFIX))]
