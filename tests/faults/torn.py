"""A run that is killed and taken up again until it is finished, and what must be true of it at every moment."""

import io
import itertools
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from faults.harness import Life, Warm
from faults.points import Point
from PIL import Image

from gan_cli import checkpoint
from gan_cli.errors import RunError

KILLED = -9
TINY = (
    "device=cpu", "dataset=digits", "dataset.size=8", "prior.dim=4", "penalty=r1", "penalty.every=7",
    "train.d_steps=2", "train.batch_size=16", "train.steps=46", "train.samples=4",
    "train.log_every=3", "train.sample_every=8", "train.checkpoint_every=5",
)  # fmt: skip
RECIPES = {  # batch norm and an average of G in both; dropout draws from the global generator
    "mlp": ("model=mlp", "model.width=8", "model.generator.norm=batch", "model.discriminator.dropout=0.3",
            "train.keep=1", *TINY),
    "dcgan": ("model=dcgan", "model.base_channels=4", "dataset.flip=true", "train.keep=2", *TINY),
}  # fmt: skip


class Run:
    """A run directory `outputs/run` below a working directory of its own, and the lives that it had.

    Each life is a problem or none: `problems` gathers all that was not as promised, in words.
    """

    def __init__(self, warm: Warm, place: Path, overrides: tuple[str, ...]) -> None:
        self.root, self._place, self._warm, self._overrides = place / "work", place, warm, overrides
        self.root.mkdir(parents=True)
        self.directory = self.root / "outputs" / "run"
        self.lives: list[Life] = []
        self.problems: list[str] = []
        self._committed = -1  # the last step that a life said was saved
        self._numbers = itertools.count()
        self._keep = int(next(o for o in reversed(overrides) if o.startswith("train.keep=")).partition("=")[2])

    @property
    def kills(self) -> int:
        """How many lives were killed."""
        return sum(life.code == KILLED for life in self.lives)

    def command(self) -> list[str]:
        """What goes on with the run: `resume=` as soon as there is a run."""
        return ["resume=outputs/run"] if (self.directory / "config.yaml").exists() else list(self._overrides)

    def start(
        self, point: Point | None = None, more: Iterable[str] = (), back: float = 0, at: int = 0
    ) -> tuple[int, Any]:
        """Begin a life; returns its process and what `end` needs."""
        number = next(self._numbers)
        output, witness = (self._place / f"{kind}-{number}" for kind in ("output", "witness"))
        order = {
            "root": str(self.root),
            "directory": "outputs/run",
            "overrides": [*self.command(), *more],
            "output": str(output),
            "witness": str(witness),
            "point": asdict(point) if point else None,
            "back": back,
            "at": at,
        }
        is_resumed = order["overrides"][0].startswith("resume=")
        begun = time.monotonic(), output, witness, self._newest(), is_resumed
        return self._warm.start(order), begun

    def end(self, pid: int, begun: Any, watched: bool = True) -> Life:
        """Wait for a life to end, and look at what it left behind."""
        code = self._warm.wait(pid)
        since, output, witness, newest, is_resumed = begun
        said = witness.read_text().splitlines() if witness.exists() else []
        life = Life(code, time.monotonic() - since, output.read_text() if output.exists() else "", said)
        if watched:
            self.lives.append(life)
            self._look(life, newest)
            if is_resumed and newest is None and not life.said("it begins with step 1") and life.steps("turn"):
                self._problem("began anew without a word")
        return life

    def live(self, point: Point | None = None, more: Iterable[str] = (), back: float = 0, at: int = 0) -> Life:
        """One life, to its end or to a point."""
        return self.end(*self.start(point, more, back, at))

    def live_for(self, seconds: float) -> Life:
        """One life, killed after so many seconds if it lasts that long."""
        pid, begun = self.start()
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)  # the warm process has not waited for it yet: the number is still its own
        return self.end(pid, begun)

    def finish(self) -> None:
        """Go on until the run is finished, which a command after that one refuses to do again."""
        status = self.directory / "status.json"
        if not status.exists() or json.loads(status.read_text())["status"] != "finished":
            if self.live().code:
                self._problem("did not finish")
            kept = len(checkpoint.available(self.directory / "checkpoints"))
            if kept != self._keep:
                self._problem(f"{kept} checkpoints are left, not {self._keep}")
            return
        life = self.end(*self.start(), watched=False)
        if life.code != 5 or not life.said("is finished at step"):
            self._problem(f"was finished, and ended with {life.code}: {life.output}")

    def _problem(self, text: str) -> None:
        self.problems.append(f"life {len(self.lives)}: {text}")

    def _newest(self) -> int | None:
        found = checkpoint.available(self.directory / "checkpoints")
        return checkpoint.step_of(found[0]) if found else None

    def _look(self, life: Life, before: int | None) -> None:
        """What holds after every life, however it ended. `before`: the newest checkpoint that it began with."""
        if life.code not in (0, KILLED):
            self._problem(f"ended with {life.code}: {life.output}")
        if "Traceback" in life.output:
            self._problem(f"a traceback: {life.output}")
        turns = life.steps("turn")
        if turns and turns[0] != (before or 0) + 1:
            self._problem(f"began with step {turns[0]}; the newest checkpoint was of {before}")
        self._committed = max([self._committed, *life.steps("save")])
        if self._committed >= 0:
            self._look_at_checkpoints()
        for path in self.directory.rglob("*"):
            if not path.name.startswith("."):
                self._look_at(path)
        if any(line.startswith("> turn") for line in life.witness):
            reached = turns[-1] if turns else before or 0
            later = [path.name for path in self.directory.glob("samples/step-*.png") if int(path.stem[5:]) > reached]
            if later:
                self._problem(f"at step {reached} there are pictures of later ones: {later}")

    def _look_at_checkpoints(self) -> None:
        newest = self._newest()
        if newest is None or newest < self._committed:
            self._problem(f"step {self._committed} was committed, and the newest checkpoint is of {newest}")
            return
        try:
            checkpoint.load(checkpoint.available(self.directory / "checkpoints")[0])
        except RunError as error:
            self._problem(f"the newest checkpoint is not whole: {error}")

    def _look_at(self, path: Path) -> None:
        """A small file or a picture is whole or not there."""
        try:
            if path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".yaml":
                assert isinstance(yaml.safe_load(path.read_text()), dict)
            elif path.suffix == ".png":
                Image.open(io.BytesIO(path.read_bytes())).load()
        except Exception as error:
            self._problem(f"{path.name} is half written: {error!r}")
