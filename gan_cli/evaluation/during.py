"""Evaluation while a run is trained: of the averaged G, with random generators of its own."""

from gan_cli.run import Metrics, Run


def assess(run: Run) -> Metrics:
    """What the samples of this step are worth: `eval/*`."""
    raise NotImplementedError
