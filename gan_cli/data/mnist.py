"""MNIST and the sets in its format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from gan_cli.data.classes import keep, labels_of
from gan_cli.data.download import fetch, system_folders
from gan_cli.data.examples import Examples
from gan_cli.data.idx import not_published, read_idx
from gan_cli.data.images import check_image, to_channels, to_size
from gan_cli.data.tree import shown
from gan_cli.errors import DataError

PARTS = {"train": ("train",), "test": ("t10k",), "all": ("train", "t10k")}
KINDS = (("images", 3), ("labels", 1))


class MNIST:
    """Handwritten digits, 60000 to train and 10000 to test, grey, 28 x 28 pixels scaled to `size` (bicubic).

    LeCun, Cortes and Burges 1998. Looked for in torchvision's layout, `root`/MNIST/raw (plain or .gz), then where the
    system installs data sets, and only then downloaded from torchvision's mirrors with its MD5s.

    Args:
        root: folder of data sets.
        split: the part to take; all is train, then test.
        size: side in pixels.
        channels: 1 grey; 3 the same grey three times; 1 without it.
        classes: labels or names to keep; all without it.
        flip: mirror at random.
        download: fetch what is missing; otherwise it is an error.

    Raises:
        ValueError: an argument out of its range.
    """

    title: ClassVar[str] = "MNIST"  # the folder's name, and torchvision's
    system_folder: ClassVar[str] = "mnist"
    names: ClassVar[tuple[str, ...]] = tuple("0123456789")
    digests: ClassVar[dict[str, str]] = {  # MD5 of the unpacked files; torchvision's are of the .gz
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }

    def __init__(
        self,
        root: str = "datasets",
        split: Literal["train", "test", "all"] = "train",
        size: int = 32,
        channels: Literal[1, 3] | None = None,
        classes: Sequence[int | str] | None = None,
        flip: bool = False,
        download: bool = True,
    ) -> None:
        check_image(size, channels)
        if split not in PARTS:
            raise ValueError(f"split must be one of {', '.join(PARTS)}, got {split!r}")
        self.labels = labels_of(classes, self.names)
        self.raw = Path(root).expanduser() / self.title / "raw"
        self.split, self.download, self.flip = split, download, flip
        self.shape: tuple[int, ...] = (channels or 1, size, size)

    def load(self) -> Examples:
        """x uint8 [N, channels, size, size], y the label.

        Raises:
            DataError: files that are missing, damaged, or not the published ones.
        """
        files = self._files()
        parts = [self._read(files, part) for part in PARTS[self.split]]
        x, y = (torch.cat(both) for both in zip(*parts, strict=True)) if len(parts) > 1 else parts[0]
        kept = keep(Examples(x, y), self.labels)
        return Examples(to_channels(to_size(kept.x, self.shape[1]), self.shape[0]), kept.y)

    def _read(self, files: dict[str, Path], part: str) -> Examples:
        images, labels = (self._checked(files, f"{part}-{kind}-idx{dims}-ubyte", dims) for kind, dims in KINDS)
        return Examples(images[:, None], labels.long())

    def _checked(self, files: dict[str, Path], name: str, dims: int) -> torch.Tensor:
        """The values of a file, if it is the published one: torchvision takes any, also half of one."""
        values, digest = read_idx(files[name], dims)
        if digest != self.digests[name]:
            raise not_published(files[name], self.title, digest)
        return values

    def _files(self) -> dict[str, Path]:
        """Each file of the split, plain or .gz, all from one folder; downloaded if there is none."""
        names = [f"{part}-{kind}-idx{dims}-ubyte" for part in PARTS[self.split] for kind, dims in KINDS]
        for folder in (self.raw, *(system / self.system_folder for system in system_folders())):
            found = {name: path for name in names if (path := _present(folder, name))}
            if len(found) == len(names):
                return found
        missing = [name for name in names if not _present(self.raw, name)]
        if not self.download:
            raise self._missing(missing, "and dataset.download is false")
        source = self._torchvision()
        md5 = dict(source.resources)
        try:
            for name in missing:
                fetch([mirror + name + ".gz" for mirror in source.mirrors], self.raw, md5[name + ".gz"])
        except OSError as error:
            raise self._missing(missing, f"and cannot be downloaded\n  {error}") from error
        return {name: path for name in names if (path := _present(self.raw, name))}

    def _missing(self, names: Sequence[str], why: str) -> DataError:
        return DataError(
            f"{self.title} is not in {shown(self.raw)} {why}\nput there, plain or as .gz:\n  "
            + "\n  ".join(names)
            + f"\nor set dataset.root to a folder that has {self.title}/raw (dataset=digits needs no files)"
        )

    def _torchvision(self) -> Any:
        import torchvision.datasets  # seconds to import

        return getattr(torchvision.datasets, self.title)


def _present(folder: Path, name: str) -> Path | None:
    """The file or its .gz, if it is there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
