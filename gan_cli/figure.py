"""A live figure in a notebook: the losses and the samples of a run, drawn anew in place while it trains."""

import io
import sys
import time
from collections.abc import Mapping
from typing import Any

from gan_cli.trackers import About

SHARE = 0.1  # of the time, at most, goes into drawing
PAUSE = 1.0  # seconds between two pictures at least
LOSSES = {"loss/d": "D", "loss/g": "G"}


class Figure:
    """Losses on the left, the newest samples on the right; a tracker, but one that no config names.

    Args:
        steps: of the run.
    """

    rewinds = True  # it is told all of a run that goes on
    waits = True  # and drawn by the loop: displays are the main thread's

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._shown: Any = None
        self._next = 0.0

    def begin(self, about: About) -> None:
        """An empty figure."""
        self._points: dict[str, list[tuple[int, float]]] = {tag: [] for tag in LOSSES}
        self._png, self._step, self._end = b"", about.step, ""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Points of both curves."""
        for tag in LOSSES.keys() & values.keys():
            self._points[tag].append((step, values[tag]))
        self._step = step
        self._draw()

    def picture(self, step: int, tag: str, png: bytes) -> None:
        """The newest samples."""
        if tag == "samples":
            self._png, self._step = png, step

    def end(self, success: bool | None) -> None:
        """The last figure, which stays."""
        self._end = " · stopped" if success is None else " · finished" if success else " · failed"
        self._next = 0.0
        self._draw()

    def _draw(self) -> None:
        began = time.monotonic()
        if began < self._next:
            return
        from IPython import display

        untyped: Any = display
        image = untyped.Image(data=self.png(), format="png")
        if self._shown is None:
            self._shown = untyped.display(image, display_id=True)
        else:
            self._shown.update(image)
        now = time.monotonic()
        self._next = now + max(PAUSE, (now - began) / SHARE)

    def png(self) -> bytes:
        """The figure as it is now."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Drawing
        from PIL import Image

        drawing = Drawing(figsize=(10, 4), layout="constrained")
        FigureCanvasAgg(drawing)
        curves, samples = drawing.subplots(1, 2, width_ratios=(3, 2))
        for tag, label in LOSSES.items():
            if self._points[tag]:
                curves.plot(*zip(*self._points[tag], strict=True), label=label, linewidth=1.5)
        title = f"step {self._step:,} of {self._steps:,}{self._end}"
        curves.set(xlabel="step", ylabel="loss", xlim=(0, self._steps), title=title)
        curves.grid(alpha=0.3)
        if any(self._points.values()):
            curves.legend(loc="center right")
        samples.set_axis_off()
        if self._png:
            samples.imshow(Image.open(io.BytesIO(self._png)), interpolation="nearest")
            samples.set_title("samples")
        file = io.BytesIO()
        drawing.savefig(file, format="png", dpi=100)
        return file.getvalue()


def in_notebook() -> bool:
    """Whether what is displayed here is seen: in a Jupyter kernel, and not in IPython on a terminal."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return getattr(shell, "kernel", None) is not None
