"""What samples are worth, held against real data: figures with all that it takes to compare them."""

from gan_cli.evaluation.during import assess

__all__ = ["assess"]
