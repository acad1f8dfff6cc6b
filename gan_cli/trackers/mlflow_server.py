"""`logger=mlflow`: an MLflow server, or a database file without one."""

import io
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_cli.trackers.tracker import About, require

LOCAL = Path("outputs/mlflow.db")  # where MLFLOW_TRACKING_URI names no other place
MOST_PARAMS = 100  # in one call
LONGEST = 6000  # characters of a param


class MLflow:
    """Sends figures and pictures to MLflow.

    Where to is MLflow's own environment to say, and no part of a run: MLFLOW_TRACKING_URI; without it, the database
    `outputs/mlflow.db`, with the pictures beside it. A run that was stopped is KILLED there until it is resumed.

    Args:
        experiment: of MLflow; made where it is not there.

    Raises:
        ValueError: MLflow, or what it needs for a database file, is not installed.
    """

    def __init__(self, experiment: str = "gan-cli") -> None:
        require({"mlflow": "mlflow-skinny", "sqlalchemy": "sqlalchemy", "alembic": "alembic"}, "mlflow")
        self._experiment = experiment

    def begin(self, about: About) -> str:
        """An MLflow run, the same one whenever the run is resumed."""
        self._client = _client()
        if about.id is not None:
            self._run = self._client.get_run(about.id).info.run_id
            self._client.update_run(self._run, status="RUNNING")
            return str(self._run)
        tags = {"directory": str(about.directory)} | ({"sweep": about.group} if about.group else {})
        made = self._client.create_run(_experiment(self._client, self._experiment), run_name=about.name, tags=tags)
        self._run = made.info.run_id
        from mlflow.entities import Param

        params = [Param(key, str(value)[:LONGEST]) for key, value in about.settings.items()]
        for part in _parts(params, MOST_PARAMS):
            self._client.log_batch(self._run, params=part)
        return str(self._run)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """A point of each."""
        from mlflow.entities import Metric

        now = round(1000 * time.time())
        self._client.log_batch(self._run, metrics=[Metric(tag, value, now, step) for tag, value in values.items()])

    def picture(self, step: int, tag: str, png: bytes) -> None:
        """An image, under the tag and the step."""
        from PIL import Image

        self._client.log_image(self._run, Image.open(io.BytesIO(png)), key=tag, step=step)

    def end(self, success: bool | None) -> None:
        """How it ended."""
        self._client.set_terminated(self._run, "KILLED" if success is None else "FINISHED" if success else "FAILED")


def _client() -> Any:
    """MLflow, told to keep to itself what its makers would like to know of its users, unless the user says else."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    if os.environ.get("MLFLOW_TRACKING_URI"):
        return MlflowClient()
    import logging

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of each table that it makes
    LOCAL.parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=f"sqlite:///{LOCAL.absolute()}")


def _experiment(client: Any, name: str) -> str:
    """The id of an experiment, which another job of a sweep may make in the same moment."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        local = not os.environ.get("MLFLOW_TRACKING_URI")
        try:
            place = LOCAL.with_name("mlflow").absolute().as_uri() if local else None
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _parts(items: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
