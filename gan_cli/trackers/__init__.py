"""Where a run's figures and pictures go besides its own directory: W&B, MLflow, a table, a class of one's own."""

from gan_cli.trackers.feed import Feed
from gan_cli.trackers.mlflow_server import MLflow
from gan_cli.trackers.table import CSV
from gan_cli.trackers.tracker import METHODS, About, Tracker
from gan_cli.trackers.weights_and_biases import WandB

__all__ = ["CSV", "METHODS", "About", "Feed", "MLflow", "Tracker", "WandB"]
