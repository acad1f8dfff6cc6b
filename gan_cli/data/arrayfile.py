"""Array files: .npy, .npz and .pt, never a pickle."""

import zipfile
import zlib
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_cli.data.archive import npy_header, open_archive
from gan_cli.data.tensorfile import read_tensors
from gan_cli.data.tree import shown
from gan_cli.errors import DataError

SUFFIXES = (".npy", ".npz", ".pt", ".pth")


class ArrayFile:
    """The named arrays of a file: their shapes at once, their values on demand.

    Args:
        path: of a .npy file (one array, without a name), an .npz file, or a .pt file with a tensor or a dict of
            tensors. Only the headers of .npy and .npz files are read here.

    Raises:
        DataError: no such file, of another kind, damaged, or with pickled objects, which are never loaded.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path).expanduser()
        self.name = shown(path, 40)
        suffix = self.path.suffix.lower()
        if not self.path.is_file():
            found = "is a folder" if self.path.is_dir() else "is not a file" if self.path.exists() else "is not there"
            raise DataError(f"{self.name} {found}; set dataset.path to a {', '.join(SUFFIXES)}")
        if suffix not in SUFFIXES:
            raise DataError(f"{self.name} is none of {', '.join(SUFFIXES)}; save the array as one of them")
        try:
            if suffix == ".npy":
                with self.path.open("rb") as file:
                    npy_header(file, self.path.stat().st_size)
                self._arrays: dict[str, Any] = {"": np.load(self.path, mmap_mode="r", allow_pickle=False)}
                self.shapes: dict[str, tuple[int, ...]] = {"": self._arrays[""].shape}
            elif suffix == ".npz":
                self._arrays, self.shapes = {}, _npz_shapes(self.path)
            else:
                self._arrays = read_tensors(self.path)
                self.shapes = {key: tuple(tensor.shape) for key, tensor in self._arrays.items()}
        except Exception as error:  # a damaged file makes numpy's and torch's readers raise nearly anything
            raise self._unreadable(f"as {suffix}", error) from error

    def read(self, key: str) -> np.ndarray:
        """The values of one array; of a .npy file a view of the file, read where it is used.

        Raises:
            DataError: a damaged member.
        """
        if key in self._arrays:
            found = self._arrays[key]
            if isinstance(found, torch.Tensor):
                return found.float().numpy() if found.dtype == torch.bfloat16 else found.numpy()
            return np.asarray(found)
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                return np.asarray(archive[key])
        except (OSError, EOFError, ValueError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise self._unreadable(f"at {shown(key, 30)}", error) from error

    def _unreadable(self, where: str, error: Exception) -> DataError:
        why = (str(error).splitlines() or [""])[0] or type(error).__name__
        why = "".join(c if c.isprintable() else "?" for c in why)[:100]
        return DataError(f"{self.name} cannot be read {where}\n{why}\nsave it again as plain arrays")

    def find(self, key: str | None, option: str) -> str:
        """The key itself; without one, that of the only array, or of the only one with 3 or 4 dimensions.

        Raises:
            DataError: no such key, or several that could be meant; the keys there are, with their shapes.
        """
        if key is None:
            images = [name for name, shape in self.shapes.items() if len(shape) in (3, 4)]
            choice = list(self.shapes) if len(self.shapes) == 1 else images
            if len(choice) == 1:
                return choice[0]
        elif key in self.shapes and key:
            return key
        some = islice(((name, shape) for name, shape in self.shapes.items() if name), 10)
        listed = "\n".join(f"  {_plain(name)}: {list(shape)}"[:100] for name, shape in some)
        wanted = f"has no array {shown(key, 30)}" if key is not None else "has several arrays"
        one_of = f"set dataset.{option} to one of\n{listed}"
        what = one_of if listed else f"its array has no name; drop dataset.{option}"
        raise DataError(f"{self.name} {wanted}; {what}")


def _plain(name: str) -> str:
    return name if name.isprintable() and len(name) <= 60 else shown(name)


def _npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every member, from its header."""
    shapes = {}
    with open_archive(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                shapes[info.filename.removesuffix(".npy")] = npy_header(member, info.file_size)[0]
    if not shapes:
        raise ValueError("it holds no array")
    return shapes
