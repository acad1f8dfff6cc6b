"""Any folder of images or array against any other."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from gan_cli import __version__
from gan_cli.data import Array, Examples, Folder, Stream
from gan_cli.data.fingerprint import fingerprint
from gan_cli.data.picture import looked_at
from gan_cli.errors import ConfigError, DataError
from gan_cli.evaluation.figure import Record
from gan_cli.evaluation.judge import Judge
from gan_cli.evaluation.options import Options
from gan_cli.evaluation.reals import Reals
from gan_cli.seeds import generator

MOST = 50_000  # of each, where nobody says: the number of the papers
Say = Callable[[str], None]
Shape = tuple[int, ...]


def of_files(
    fake: Path,
    real: Path,
    options: Options | None = None,
    *,
    size: int | None = None,
    label_key: str | None = None,
    say: Say = lambda _: None,
) -> Record:
    """Measure samples of any origin against real data of any origin.

    Args:
        fake, real: a folder of images, or an .npy, .npz or .pt file of images or points.
        options: how; None: as suits the data.
        size: side that all images are scaled to; without it, they must have one size.
        label_key: of the labels of the real ones, in an .npz or .pt file.
        say: gets lines on what takes long.

    Raises:
        ConfigError: sizes that do not agree, or a metric that these data cannot have.
        DataError: files that cannot be read.
    """
    paths = {"--fake": fake, "--real": real}
    shapes = {role: _looked_at(role, path) for role, path in paths.items()}
    options, notes = options or Options(), []
    wanted = _agreed(shapes, size)
    folders = options.space == "classifier"  # whose subfolders are labels only then
    loaded, data = {}, {}
    for role, path in paths.items():
        try:
            data[role] = _source(path, wanted, label_key if role == "--real" else None, folders)
            loaded[role] = data[role].load()
        except (ValueError, DataError) as error:
            kind = DataError if isinstance(error, DataError) else ConfigError
            raise kind(f"{role}: {error}") from error
        notes += _changes(role, shapes[role], wanted)
    judged, x = _Loaded(data["--real"], loaded["--real"]), loaded["--fake"].x
    try:
        reals = Reals(Stream(judged, 1, 0), options, MOST, all_of_it=True)
        options = replace(options, n_fake=options.n_fake or min(len(x), MOST))
        if options.n_fake is not None and options.n_fake > len(x):
            raise ValueError(f"{options.n_fake:,} samples are asked for, and --fake has {len(x):,}")
        judge = Judge(reals, options, say)
    except ValueError as error:
        raise ConfigError(str(error)) from error

    def draw(seed: int, n: int) -> Tensor:
        return x if n == len(x) else x[torch.randperm(len(x), generator=generator(seed, "evaluation", "fake"))[:n]]

    figures = judge(draw)
    notes.append(f"samples: {fingerprint(x, None, 0)}")
    return Record(__version__, None, None, None, None, reals.fingerprint, figures, None, tuple(notes))


class _Loaded:
    """A source that was read already."""

    def __init__(self, source: Array | Folder, examples: Examples) -> None:
        self.shape, self.flip, self._examples, self.called = source.shape, False, examples, type(source).__name__

    def load(self) -> Examples:
        return self._examples


def _looked_at(role: str, path: Path) -> Counter[Shape]:
    """The shapes of examples, and how many have each; of a folder as their headers say."""
    if path.is_dir():
        found: Counter[Shape] = Counter()
        try:
            for file in Folder(str(path), 8, cache=None).files:
                width, height, channels = looked_at(path / file)
                found[channels, height, width] += 1
        except DataError:
            raise
        except Exception as error:  # Pillow raises nearly anything on a damaged file
            raise DataError(f"{role}: {file} cannot be read: {error}") from error
        return found
    if not path.exists():
        raise DataError(f"{role}: {str(path)!r} is not there; give a folder of images, or an .npy, .npz or .pt file")
    try:
        array = Array(str(path))
    except (ValueError, DataError) as error:
        raise DataError(f"{role}: {error}") from error
    return Counter({array.shape: array.file.shapes[array.key][0]})


def _agreed(shapes: dict[str, Counter[Shape]], size: int | None) -> Shape:
    """The one shape in which both are compared.

    Raises:
        ConfigError: there is none.
    """
    kinds = {role: {len(shape) for shape in found} for role, found in shapes.items()}
    every = {shape for found in shapes.values() for shape in found}
    told = "; ".join(f"{role} has {_told(found)}" for role, found in shapes.items())
    if kinds["--fake"] != kinds["--real"]:
        raise ConfigError(f"images and points cannot be compared: {told}")
    if kinds["--real"] == {1}:
        if len(every) > 1:
            raise ConfigError(f"points of different dimensions cannot be compared: {told}")
        return every.pop()
    channels = max(shape[0] for shape in every)
    if size is not None:
        return (channels, size, size)
    if len({shape[1:] for shape in every}) > 1 or any(shape[1] != shape[2] for shape in every):
        advice = "add --size N: the centre squares are scaled to it"
        raise ConfigError(f"images of one square size are compared: {told}\n{advice}")
    return (channels, *every.pop()[1:])


def _told(found: Counter[Shape]) -> str:
    most = [f"{count:,} of {' x '.join(map(str, shape))}" for shape, count in found.most_common(3)]
    return ", ".join(most) + (f" and {len(found) - 3} more sizes" if len(found) > 3 else "")


def _source(path: Path, shape: Shape, label_key: str | None, folders: bool) -> Array | Folder:
    if not path.is_dir():
        if len(shape) == 1:
            return Array(str(path), label_key=label_key)
        channels: int = shape[0]
        return Array(str(path), label_key=label_key, size=shape[1], channels=channels)  # type: ignore[arg-type]
    if label_key is not None:
        raise ValueError("labels by a key are in an .npz or .pt file; a folder has those of its subfolders")
    found = Folder(str(path), shape[1], shape[0])  # type: ignore[arg-type]
    found.labelled &= folders
    return found


def _changes(role: str, found: Counter[Shape], wanted: Shape) -> list[str]:
    """What was done to the images, in words."""
    if len(wanted) == 1:
        return []
    what = role.lstrip("-")
    scaled = sum(count for shape, count in found.items() if shape[1:] != wanted[1:])
    coloured = sum(count for shape, count in found.items() if shape[0] != wanted[0])
    side = f"{wanted[1]} x {wanted[2]}"
    told = [f"{what}: {scaled:,} cut to squares and scaled to {side} (bicubic, antialiased)"] if scaled else []
    return told + ([f"{what}: {coloured:,} grey ones as RGB"] if coloured else [])
