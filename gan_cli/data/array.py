"""Images or points from one array file."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gan_cli.data.arrayfile import ArrayFile
from gan_cli.data.classes import keep
from gan_cli.data.examples import Examples
from gan_cli.data.images import check_image
from gan_cli.data.values import black_and_white, extremes, to_pixels
from gan_cli.errors import DataError


class Array:
    """The examples in a .npy, .npz or .pt file: images [N, H, W], [N, H, W, C], [N, C, H, W], or points [N, D].

    Images of uint8 are taken as they are; other numbers are scaled from `range` to 0..255 and rounded. Points become
    float32, unscaled.

    Args:
        path: of the file.
        key: the array's name in the file; not needed for the only array, or the only one with 3 or 4 dimensions.
        label_key: the labels' name in the file, integers [N]; no labels without it.
        size: side in pixels of the centre square, scaled (bicubic); the images as they are without it.
        channels: 1 grey, 3 RGB; as in the file without it.
        layout: nchw or nhwc, where 4 dimensions leave it open.
        range: the values of black and white; [0, 1] and [-1, 1] are recognised.
        classes: labels to keep; all without it.
        flip: mirror images at random.

    Raises:
        ValueError: an argument out of its range, or one that has no meaning for these data.
        DataError: a file that is missing, damaged, or holds arrays of other shapes.
    """

    def __init__(
        self,
        path: str,
        key: str | None = None,
        label_key: str | None = None,
        size: int | None = None,
        channels: Literal[1, 3] | None = None,
        layout: Literal["auto", "nchw", "nhwc"] = "auto",
        range: tuple[float, float] | None = None,
        classes: Sequence[int] | None = None,
        flip: bool = False,
    ) -> None:
        check_image(size, channels)
        if layout not in ("auto", "nchw", "nhwc"):
            raise ValueError(f"layout must be one of auto, nchw, nhwc, got {layout!r}")
        if range is not None and (len(range) != 2 or not range[0] < range[1]):
            raise ValueError(f"range must be two numbers, the lower first, got {list(range)}")
        if classes is not None and label_key is None:
            raise ValueError("classes needs labels: set label_key to their name in the file")
        if classes is not None and not classes:
            raise ValueError("classes must be a list of labels to keep, got []")
        self.file = ArrayFile(path)
        self.key = self.file.find(key, "key")
        self.label_key = None if label_key is None else self.file.find(label_key, "label_key")
        self.range, self.classes, self.flip = range, classes, flip
        found = self.file.shapes[self.key]
        if 0 in found:
            raise DataError(f"{self.file.name} holds {list(found)}: there is nothing in it")
        self.points = len(found) == 2
        self.square = size is not None
        self.shape: tuple[int, ...]
        if self.points:
            given = {"size": size, "channels": channels, "range": range, "flip": flip or None}
            if wrong := [name for name, value in given.items() if value is not None]:
                raise ValueError(f"{', '.join(wrong)} needs images; {self.file.name} holds points {list(found)}")
            self.shape = (found[1],)
        else:
            self.axes = self._axes(found, layout)
            c, h, w = ((*found, 1)[axis] for axis in self.axes[1:])
            self.shape = (channels or c, size or h, size or w)

    def load(self) -> Examples:
        """x uint8 [N, C, H, W] or float32 [N, D], in the file's order; y the labels, if `label_key` names some.

        Raises:
            DataError: values that are not finite or out of range, or labels that do not fit.
        """
        array = self.file.read(self.key)
        try:
            if self.points:
                extremes(array)
                x = torch.from_numpy(array.astype(np.float32))
            else:
                images = (array if array.ndim == 4 else array[..., None]).transpose(self.axes)
                x = to_pixels(images, black_and_white(array, self.range), self.shape, self.square)
        except DataError as error:
            raise DataError(f"{self.file.name}: {error}") from error
        return keep(Examples(x, self._labels(len(x))), self.classes)

    def _labels(self, n: int) -> Tensor | None:
        if self.label_key is None:
            return None
        labels = self.file.read(self.label_key)
        if labels.shape != (n,) or labels.dtype.kind not in "bui":
            found = f"{labels.dtype} {list(labels.shape)}"
            raise DataError(f"{self.file.name}: labels must be integers [{n}]; {self.label_key!r} is {found}")
        return torch.from_numpy(labels.astype(np.int64))

    def _axes(self, shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
        """Where N, C, H and W are in the array; [N, H, W] counts as [N, H, W, 1]."""
        name = f"{self.file.name} holds {list(shape)}"
        if len(shape) == 3:
            return (0, 3, 1, 2)
        if len(shape) != 4:
            raise DataError(f"{name}: neither images [N, H, W], [N, H, W, C], [N, C, H, W] nor points [N, D]")
        fits = {"nchw": shape[1] in (1, 3), "nhwc": shape[3] in (1, 3)}
        if layout == "auto" and all(fits.values()):
            raise DataError(f"{name}: channels could be second or last\nset dataset.layout to nchw or nhwc")
        if layout == "auto":
            layout = "nchw" if fits["nchw"] else "nhwc"
        if not fits[layout]:
            where = "second and last" if not any(fits.values()) else layout
            raise DataError(f"{name}: images of 1 or 3 channels are expected ({where} looked at); save grey or RGB")
        return (0, 1, 2, 3) if layout == "nchw" else (0, 3, 1, 2)
