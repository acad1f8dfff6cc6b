"""Images or points from one array file."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gan_cli.data.arrayfile import ArrayFile
from gan_cli.data.classes import keep
from gan_cli.data.examples import Examples
from gan_cli.data.images import check_image, room
from gan_cli.data.tree import shown
from gan_cli.data.values import black_and_white, extremes, to_pixels
from gan_cli.errors import DataError

MAX_VALUES = 2**26  # of one example: images of 4096 x 4096 in colour
MAX_CLASSES = 2**20  # ImageNet has 21841


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
        if range is not None and (len(range) != 2 or not -math.inf < range[0] < range[1] < math.inf):
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
            raise DataError(f"{self.file.name} holds {str(list(found))[:40]}: there is nothing in it")
        if math.prod(found[1:]) > MAX_VALUES:
            raise DataError(
                f"{self.file.name} holds {str(list(found))[:40]}\n"
                f"that is more than {MAX_VALUES} values in each example; cut or scale them"
            )
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
            x = room((len(array), *self.shape), torch.float32 if self.points else torch.uint8)
            if self.points:
                extremes(array)
                x.numpy()[:] = array
            else:
                images = (array if array.ndim == 4 else array[..., None]).transpose(self.axes)
                to_pixels(images, black_and_white(array, self.range), x, self.square)
        except DataError as error:
            key = f", {shown(self.key, 30)}" if self.key else ""
            raise DataError(f"{self.file.name}{key}: {error}") from error
        return self._counted(keep(Examples(x, self._labels(len(x))), self.classes))

    def _labels(self, n: int) -> Tensor | None:
        if self.label_key is None:
            return None
        labels = self.file.read(self.label_key)
        if labels.shape != (n,) or labels.dtype.kind not in "bui":
            found = f"{labels.dtype} {list(labels.shape)}"
            key = shown(self.label_key, 30)
            raise DataError(f"{self.file.name}: labels must be integers [{n}]; {key} is {found[:40]}")
        return torch.from_numpy(labels.astype(np.int64))

    def _counted(self, examples: Examples) -> Examples:
        """Labels count classes from 0 on."""
        y = examples.y
        odd = None if y is None else ((y < 0) | (y >= MAX_CLASSES)).nonzero()
        if y is not None and odd is not None and len(odd):
            label, key = int(y[odd[0]]), shown(self.label_key, 30)
            raise DataError(
                f"{self.file.name}, {key}: labels must be 0 to {MAX_CLASSES - 1}; found {label}\n"
                "number the classes from 0, or set dataset.classes to the labels to keep"
            )
        return examples

    def _axes(self, shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
        """Where N, C, H and W are in the array; [N, H, W] counts as [N, H, W, 1]."""
        name = f"{self.file.name} holds {str(list(shape))[:40]}"
        if len(shape) == 3:
            return (0, 3, 1, 2)
        if len(shape) != 4:
            raise DataError(f"{name}\nneither images [N, H, W], [N, H, W, C], [N, C, H, W] nor points [N, D]")
        fits = {"nchw": shape[1] in (1, 3), "nhwc": shape[3] in (1, 3)}
        if layout == "auto" and all(fits.values()):
            raise DataError(f"{name}: channels could be second or last\nset dataset.layout to nchw or nhwc")
        if layout == "auto":
            layout = "nchw" if fits["nchw"] else "nhwc"
        if not fits[layout]:
            where = "second and last" if not any(fits.values()) else layout
            raise DataError(f"{name}\nimages of 1 or 3 channels are expected ({where} looked at); save grey or RGB")
        return (0, 1, 2, 3) if layout == "nchw" else (0, 3, 1, 2)
