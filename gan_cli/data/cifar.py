"""CIFAR-10: small colour photographs."""

import hashlib
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from gan_cli.data.classes import keep, labels_of
from gan_cli.data.download import fetch, system_folders, unpack
from gan_cli.data.examples import Examples
from gan_cli.data.images import check_image, to_channels, to_size
from gan_cli.data.tree import shown
from gan_cli.errors import DataError

MAX_BYTES = 2**26  # of a batch, which has 31 million


class CIFAR10:
    """Photographs of ten kinds of things, 50000 to train and 10000 to test, RGB, 32 x 32 pixels.

    Krizhevsky 2009, "Learning multiple layers of features from tiny images". Looked for in torchvision's layout,
    `root`/cifar-10-batches-py, then where the system installs data sets, then unpacked from
    `root`/cifar-10-python.tar.gz, and only then downloaded (170 MB) from torchvision's address.

    Args:
        root: folder of data sets.
        split: the part to take; all is train, then test.
        size: side in pixels; other than 32 is scaled (bicubic).
        channels: 3 RGB, 1 grey; 3 without it.
        classes: labels or names to keep, such as cat; all without it.
        flip: mirror at random.
        download: fetch what is missing; otherwise it is an error.

    Raises:
        ValueError: an argument out of its range.
    """

    names: ClassVar[tuple[str, ...]] = (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    )
    folder: ClassVar[str] = "cifar-10-batches-py"  # this and the MD5s are torchvision's, too
    archive: ClassVar[str] = "cifar-10-python.tar.gz"
    archive_md5: ClassVar[str] = "c58f30108f718f92721af3b95e74349a"
    train: ClassVar[dict[str, str]] = {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    }
    test: ClassVar[dict[str, str]] = {"test_batch": "40351d587109b95175f43aff81a1287e"}

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
        if split not in ("train", "test", "all"):
            raise ValueError(f"split must be one of train, test, all, got {split!r}")
        self.labels = labels_of(classes, self.names)
        self.root = Path(root).expanduser()
        self.split, self.download, self.flip = split, download, flip
        self.shape: tuple[int, ...] = (channels or 3, size, size)

    def load(self) -> Examples:
        """x uint8 [N, channels, size, size], y the label.

        Raises:
            DataError: files that are missing, or are not the published ones.
        """
        listed = {"train": self.train, "test": self.test, "all": self.train | self.test}
        batches = listed[self.split]
        folder = self._folder(list(batches))
        parts = [_read(folder / name, md5) for name, md5 in batches.items()]
        x, y = (torch.cat(both) for both in zip(*parts, strict=True))
        kept = keep(Examples(x, y), self.labels)
        return Examples(to_channels(to_size(kept.x, self.shape[1]), self.shape[0]), kept.y)

    def _folder(self, names: Sequence[str]) -> Path:
        """The folder that has these batches; unpacked or downloaded if there is none."""
        here = self.root / self.folder
        folders = [here, *(system / self.folder for system in system_folders())]
        for folder in folders:
            if all((folder / name).is_file() for name in names):
                return folder
        archive = self.root / self.archive
        why = "and dataset.download is false"
        try:
            whole = archive.is_file() and _md5(archive) == self.archive_md5
            if archive.is_file() and not whole:
                why = f"and {archive.name} is damaged: not the published file"
            if not whole and self.download:
                fetch([self._torchvision().url], self.root, self.archive_md5)
                whole = True
            if whole:
                unpack(archive, self.folder, here)
                return here
        except OSError as error:
            why = f"and cannot be downloaded or unpacked\n  {error}"
        raise DataError(
            f"CIFAR10 is not in {shown(here)} {why}\n"
            f"put {self.archive} into {shown(self.root)}\n"
            f"or set dataset.root to a folder that has it or {self.folder} (dataset=digits needs no files)"
        )

    def _torchvision(self) -> Any:
        import torchvision.datasets  # seconds to import

        return torchvision.datasets.CIFAR10


def _read(path: Path, md5: str) -> Examples:
    """One batch, as published: a pickle, which can run anything when it is loaded.

    So nothing is unpickled whose MD5 is not in torchvision's list; the bytes that were checked are the ones loaded.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {error.strerror}") from error
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise DataError(
            f"{shown(path)} is not CIFAR-10's\nits MD5 is {found}: not the published file ({md5})\n"
            "delete it; with dataset.download=true it is fetched again"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy 2.4 deprecates the way numpy 1 wrote the type into the file
        batch = pickle.loads(data, encoding="latin1")
    x = np.asarray(batch["data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
    return Examples(torch.from_numpy(x.copy()), torch.tensor(batch["labels"], dtype=torch.int64))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
