"""What samples are worth, held against real data: figures with all that it takes to compare them."""

from gan_cli.evaluation.draw import drawing
from gan_cli.evaluation.during import assess, judge_of, of_data
from gan_cli.evaluation.figure import Figure, Record
from gan_cli.evaluation.judge import Draw, Judge
from gan_cli.evaluation.options import Options
from gan_cli.evaluation.reals import Reals
from gan_cli.evaluation.store import store

__all__ = ["Draw", "Figure", "Judge", "Options", "Reals", "Record", "assess", "drawing", "judge_of", "of_data", "store"]
