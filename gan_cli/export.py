"""A generator as a gift: `generator/` holds its weights as safetensors and its description as JSON, and no code.

    generator.json        class and arguments of G and of its prior, shape of a sample, step; the classes, if any
    ema.safetensors       the averaged weights, where there is an average
    raw.safetensors       the weights of the last step
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gan_cli.bounds import Counted, TooMuch, most_of_a_sample, nbytes, on_paper, refuse_absurd, sizes
from gan_cli.checkpoint import LARGEST, available, load_newest, step_of
from gan_cli.checkpoint import load as load_one
from gan_cli.errors import GanError, RunError
from gan_cli.files import write_json
from gan_cli.paths import real_run
from gan_cli.priors import Prior
from gan_cli.reading import is_directory, is_regular, read_bytes, read_json
from gan_cli.room import refused
from gan_cli.seeds import generator
from gan_cli.targets import locate, refuse_foreign

FOLDER = "generator"
CHUNK = 32  # G always sees this many z at once: other sizes may round differently in the last bit
HEADER = 1 << 20  # bytes of names and shapes in a file of weights
REASON = 300  # characters of somebody's message shown


@dataclass
class Sampler:
    """A generator ready to draw from: sample i depends on the seed and on i, and on nothing else."""

    G: nn.Module
    prior: Prior
    shape: tuple[int, ...]
    step: int
    averaged: bool
    labels: dict[str, int] | None = None  # of a conditional G, by name: the classes that it learned

    def noise(self, seed: int, first: int, n: int) -> Tensor:
        """z of samples first to first + n: [n, dim]."""
        return torch.cat([self.prior.sample(1, generator(seed, "sample", i)) for i in range(first, first + n)])

    @torch.no_grad()
    def __call__(self, z: Tensor, label: int | None = None) -> Tensor:
        """Samples [N, *shape] of noise z [N, dim], of one class where G is conditional; images in [-1, 1]."""
        padded = torch.cat([z, z.new_zeros(-len(z) % CHUNK, z.shape[1])])
        y = [] if label is None else [torch.full((CHUNK,), label, device=z.device)]
        return torch.cat([self.G(part, *y) for part in padded.split(CHUNK)])[: len(z)]


def describe(
    config: dict[str, Any],
    shape: tuple[int, ...],
    noise_dim: int,
    classes: int | None = None,
    labels: dict[str, int] | None = None,
    moments: tuple[list[float], float] | None = None,
) -> dict[str, Any]:
    """What `generator.json` says before training: everything that rebuilds G and its prior.

    Args:
        config: the run's config, resolved.
        classes: that a conditional G was built for.
        labels: of them, those that occur in the data, by name.
        moments: mean and standard deviation of the data, of a G that was built for them.
    """

    def split(node: dict[str, Any]) -> dict[str, Any]:
        arguments = {key: value for key, value in node.items() if not key.startswith("_")}
        return {"_target_": node["_target_"], "arguments": arguments}

    model = split(config["model"]["generator"])
    model["arguments"] |= {"shape": list(shape), "noise_dim": noise_dim}
    if moments is not None:
        model["arguments"]["moments"] = list(moments)
    about = {"format": 1, "generator": model, "prior": split(config["prior"]), "shape": list(shape)}
    if classes is None:
        return about
    model["arguments"]["classes"] = classes
    return about | {"labels": labels}


def begin(directory: Path, description: dict[str, Any]) -> None:
    """Write the description; `write` adds the weights when the run is finished."""
    folder = directory / FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: cannot be made: {error.strerror}") from error
    write_json(folder / "generator.json", description)


def write(directory: Path, G: nn.Module, averaged: nn.Module | None, step: int) -> Path:
    """Add the weights of a finished run to its description.

    Raises:
        RunError: they cannot be written.
    """
    from safetensors.torch import save

    folder = directory / FOLDER
    try:
        for name, net in (("ema", averaged), ("raw", G)):  # raw last: without it there is no export
            if net is not None:
                unfinished = folder / f".tmp-{name}"
                # Copies: the format has no word for two names of one tensor, and a G may share weights.
                weights = {k: v.cpu().clone(memory_format=torch.contiguous_format) for k, v in net.state_dict().items()}
                unfinished.write_bytes(save(weights))
                unfinished.replace(folder / f"{name}.safetensors")
    except OSError as error:
        raise refused(folder / f"{name}.safetensors", error) from error
    write_json(folder / "generator.json", read_json(folder / "generator.json") | {"step": step})
    return folder


def load(
    directory: Path,
    averaged: bool | None = None,
    trust: bool = False,
    warn: Callable[[str], None] = lambda _: None,
    at: int | Literal["best"] | None = None,
) -> Sampler:
    """The generator of a run directory, or of a `generator/` folder on its own.

    Weights are those of the finished run, or of its newest checkpoint where that one is newer.

    Args:
        averaged: the averaged weights or those of the last step; None takes the average where there is one.
        trust: let the description name code outside gan_cli and torch.optim.
        warn: gets a line for every damaged checkpoint that was passed over.
        at: the step of a checkpoint that was kept, or "best" for that of `train.keep_best`, instead of the newest.

    Raises:
        RunError: there is no generator, or its files do not belong together.
        ConfigError: it names foreign code.
    """
    if not is_directory(directory):
        raise RunError(f"there is no directory {str(directory)!r}; gan-runs lists the runs")
    place = real_run(directory)
    folder = place / FOLDER if (place / FOLDER).is_dir() else place
    path = folder / "generator.json"
    if not is_regular(path):
        raise RunError(f"{str(directory)!r} holds no generator (no {FOLDER}/generator.json); gan-runs lists the runs")
    about = read_json(path)
    if not trust:
        refuse_foreign(about, str(path), "add --trust")
    try:
        planned = None if trust else _planned(about)
        weights, step, is_average = _weights(place, folder, about, averaged, warn, planned, at)
        shape = tuple(int(side) for side in about["shape"])
        labels = _labels(about)
        sampler = Sampler(_made(about["generator"]), _made(about["prior"]), shape, step, is_average, labels)
        sampler.G.load_state_dict(weights)
        sampler.G.eval()
        with torch.no_grad(), nullcontext() if trust else Counted(most_of_a_sample(CHUNK)):
            y = [torch.tensor([next(iter(labels.values()))])] if labels else []
            made = tuple(sampler.G(sampler.noise(0, 0, 1), *y).shape[1:])
        if made != shape:
            raise ValueError(f"samples are of shape {list(made)}, not {list(shape)}")
    except GanError:
        raise
    except Exception as error:  # the files are somebody's: anything can be in them
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:REASON]}"
        remedy = "; if it is yours, add --trust" if isinstance(error, TooMuch) else ""
        raise RunError(f"{path}: description and weights make no generator: {reason}{remedy}") from error
    return sampler


def _made(node: dict[str, Any]) -> Any:
    return locate(node["_target_"])(**node["arguments"])


def _labels(about: dict[str, Any]) -> dict[str, int] | None:
    """The classes of a description.

    Raises:
        ValueError: they are none that its generator has.
    """
    labels, classes = about.get("labels"), about["generator"]["arguments"].get("classes")
    if labels is None and classes is None:
        return None
    if not labels or not all(type(y) is int and 0 <= y < classes for y in labels.values()):
        raise ValueError(f"labels are {labels!r}, and the generator has {classes!r} classes")
    return {str(name): y for name, y in labels.items()}


def _planned(about: dict[str, Any]) -> dict[str, Tensor]:
    """The weights that a description asks for, without memory, before it may take any, write files (some of our classes
    do) or take hours.

    Raises:
        ValueError: it names a class that is no generator or prior, or absurd sizes.
    """
    for role, kind in (("generator", nn.Module), ("prior", Prior)):
        name = about[role]["_target_"]
        if not issubclass(locate(name), kind):
            raise ValueError(f"{name} is no {role}")
        refuse_absurd(about[role]["arguments"], f"{role}.arguments")
    planned: dict[str, Tensor] = on_paper(lambda: _made(about["generator"])).state_dict()
    return planned


def _weights(
    directory: Path,
    folder: Path,
    about: dict[str, Any],
    averaged: bool | None,
    warn: Callable[[str], None],
    planned: dict[str, Tensor] | None,
    at: int | Literal["best"] | None,
) -> tuple[dict[str, Tensor], int, bool]:
    """Weights, their step, and whether they are the average. None are read that are not as planned."""
    checkpoints = directory / "checkpoints"
    step = about.get("step") if type(about.get("step")) is int else None
    newer = next((path for path in available(checkpoints) if step is not None and step_of(path) > step), None)
    if at is None and newer is None and is_regular(folder / "raw.safetensors"):
        use = is_regular(folder / "ema.safetensors") if averaged is None else averaged
        path = folder / ("ema.safetensors" if use else "raw.safetensors")
        if not is_regular(path):
            raise RunError(f"{folder}: there is no average of G; use --no-ema")
        weights, step = _read(path, planned), step or 0
    else:
        if not available(checkpoints):
            raise RunError(f"{folder}: there are no weights yet; for an unfinished run give its own directory")
        limit = None if planned is None else 2 * nbytes(planned)  # G and its average
        parts = {"G", "ema", "step"}
        chosen = None if at is None else _kept(checkpoints, at, warn)
        state = load_newest(checkpoints, warn, parts, limit) if chosen is None else load_one(chosen, parts, limit)
        try:
            use = state["ema"] is not None if averaged is None else averaged
            weights, step = state["ema" if use else "G"], int(state["step"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{checkpoints}: the newest checkpoint holds no generator: {error!r}") from error
        if weights is None:
            raise RunError(f"{directory}: there is no average of G; use --no-ema")
    if planned is not None and sizes(weights) != sizes(planned):
        raise ValueError("the weights are not those of the networks described")
    return weights, step, use


def _kept(checkpoints: Path, at: int | Literal["best"], warn: Callable[[str], None]) -> Path:
    """The checkpoint of a step.

    Raises:
        RunError: it was not kept; those that were.
    """
    found = {step_of(path): path for path in reversed(available(checkpoints))}
    there = f"checkpoints there are of steps {', '.join(map(str, list(found)[-8:]))}"
    if at == "best":
        best = load_newest(checkpoints, warn, {"best"}, 0).get("best")
        if not isinstance(best, tuple) or len(best) != 4:
            raise RunError(f"{checkpoints}: none was kept as the best (train.keep_best=theory/js keeps one); {there}")
        at = best[3]
    if at not in found:
        raise RunError(f"{checkpoints}: none was kept of step {at}; {there}")
    return found[at]


def _read(path: Path, planned: dict[str, Tensor] | None) -> dict[str, Tensor]:
    """A file of weights, as large as it should be.

    Raises:
        RunError: it is not, or cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = read_bytes(path, LARGEST if planned is None else nbytes(planned) + HEADER)
    try:
        if int.from_bytes(data[:8], "little") > HEADER:
            raise ValueError(f"its header is said to have more than {HEADER:,} bytes")
        return load(data)
    except (SafetensorError, OSError, TypeError, ValueError, KeyError, RuntimeError) as error:
        raise RunError(f"{path}: cannot be read: {str(error)[:REASON]}") from error
