"""A figure whose frame, scales, names and legend are drawn once, and what changes over a copy of their pixels.

A picture that is drawn from nothing costs a hundred milliseconds, next to all of them for text and ticks that are the
same each time. Here these are pixels, kept, and a picture has a handful of artists of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gan_cli.plots.canvas import DPI, HEIGHT, INK, WIDTH, Picture, Place, tidy

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

KEPT = 3  # sheets of each kind, 4 to 6 MB each: those of the axes that were drawn last


class Sheet:
    """First `axes` and whatever stays; then, for each picture, `clear`, `paint` and `draw`, and `finish`.

    Args:
        middle: of the title, in pixels from the left.
        top: of the title's own middle, in pixels from below.
        width: of the picture in pixels.
    """

    def __init__(self, middle: float, top: float = 541, width: int = WIDTH) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
        self._canvas, self._width = FigureCanvasAgg(self.figure), width
        self._blank: npt.NDArray[np.uint8] | None = None  # [H, W, 4]
        # Animated: left out of what is drawn once.
        where: dict[str, Any] = {"color": INK, "va": "center", "animated": True}
        self._title = self.figure.text(
            middle / width, top / HEIGHT, "", ha="center", fontsize=12.5, parse_math=False, **where
        )
        self._corner = self.figure.text(8 / width, 11 / HEIGHT, "", fontsize=9.5, **where)

    def axes(self, place: Place) -> Axes:
        """A pair of axes at (left, bottom, width, height) in pixels."""
        left, bottom, width, height = place
        axes = self.figure.add_axes((left / self._width, bottom / HEIGHT, width / self._width, height / HEIGHT))
        tidy(axes)
        return axes

    def clear(self) -> None:
        """Begin a picture."""
        if self._blank is None:
            for axes in self.figure.axes:
                axes.set_autoscale_on(False)  # what is drawn later chooses no limits
                for spine in axes.spines.values():
                    spine.set_animated(True)  # over what the axes frame
            self._canvas.draw()  # type: ignore[no-untyped-call]
            self._blank = self._pixels.copy()
        self._pixels[...] = self._blank

    def paint(self, place: Place, colours: npt.NDArray[np.uint8]) -> None:
        """Fill (left, bottom, width, height) with pixels [height, width, 4], the topmost row first."""
        left, bottom, width, height = place
        self._pixels[HEIGHT - bottom - height : HEIGHT - bottom, left : left + width] = colours

    def draw(self, *artists: Artist) -> None:
        """Draw artists, one over the other."""
        for artist in artists:
            self.figure.draw_artist(artist)

    def finish(self, title: str, corner: str = "") -> Picture:
        """The picture, with what it is called and what its lower left corner says."""
        self.draw(*(spine for axes in self.figure.axes for spine in axes.spines.values()))
        self._title.set_text(title)
        self._corner.set_text(corner)
        self.draw(self._title, self._corner)
        return self._pixels[..., :3].copy()

    @property
    def _pixels(self) -> npt.NDArray[np.uint8]:
        pixels: npt.NDArray[np.uint8] = np.asarray(self._canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return pixels


def dots(axes: Axes, colour: str, size: float, edge: float = 0.0) -> Line2D:
    """Round marks without places yet. One of a line's marks is drawn and copied to all of its places."""
    return axes.plot(
        *([], []),
        marker="o",
        markersize=size,
        color=colour,
        linestyle="none",
        markeredgecolor="white" if edge else "none",
        markeredgewidth=edge,
        animated=True,
    )[0]
