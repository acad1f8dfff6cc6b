"""`logger=wandb`: Weights & Biases."""

import io
import os
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from gan_cli.trackers.tracker import About, require


class WandB:
    """Sends figures and pictures to Weights & Biases, or with WANDB_MODE=offline to files for `wandb sync`.

    Where to is W&B's own environment to say, and no part of a run: WANDB_ENTITY, WANDB_BASE_URL, WANDB_API_KEY. What is
    sent is the config, the figures, the pictures, and W&B's own look at the machine; no code, no screen.

    Args:
        project: of W&B.
        tags: words to find the run by.

    Raises:
        ValueError: wandb is not installed.
    """

    def __init__(self, project: str = "gan-cli", tags: Sequence[str] = ()) -> None:
        require({"wandb": "wandb"}, "wandb")
        self._project, self._tags = project, list(tags)

    def begin(self, about: About) -> str:
        """A W&B run of the same id whenever the run is resumed; jobs of one sweep are a group."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # of W&B's own errors, to its makers
        import wandb

        quiet: Any = {"console": "off", "silent": True, "save_code": False, "disable_git": True, "symlink": False}
        bounds: Any = {"finish_timeout": 50.0, "finish_timeout_raises": False}  # else its end waits for the network
        self._run = wandb.init(
            project=self._project,
            tags=self._tags or None,
            config=dict(about.config),
            name=about.name,
            group=about.group,
            id=about.id or uuid4().hex[:12],
            resume="allow",
            dir=about.directory,
            settings=wandb.Settings(**quiet, **bounds, disable_job_creation=True),
        )
        if self._run.resumed:
            self.arrived = self._run.starting_step - 1  # some of what was sent before a kill may not have arrived
        return str(self._run.id)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """A point of each."""
        self._run.log(dict(values), step=step)

    def picture(self, step: int, tag: str, png: bytes) -> None:
        """An image of the run's media."""
        import wandb
        from PIL import Image

        self._run.log({tag: wandb.Image(Image.open(io.BytesIO(png)))}, step=step)

    def end(self, success: bool | None) -> None:
        """W&B knows finished and failed; a run that was stopped goes on under the same id."""
        self._run.finish(exit_code=0 if success else 1)
