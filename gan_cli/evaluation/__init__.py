"""What samples are worth, held against real data: figures with all that it takes to compare them."""

from gan_cli.evaluation.during import assess
from gan_cli.evaluation.figure import Figure, Record
from gan_cli.evaluation.options import Options

__all__ = ["Figure", "Options", "Record", "assess"]
