"""A generator as a gift: `generator/` holds its weights as safetensors and its description as JSON, and no code.

    generator.json        class and arguments of G and of its prior, shape of a sample, step
    ema.safetensors       the averaged weights, where there is an average
    raw.safetensors       the weights of the last step
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gan_cli.checkpoint import load_newest
from gan_cli.errors import ConfigError, RunError
from gan_cli.files import read_json, write_json
from gan_cli.priors import Prior
from gan_cli.seeds import generator
from gan_cli.targets import locate, refuse_foreign

FOLDER = "generator"
CHUNK = 32  # G always sees this many z at once: other sizes may round differently in the last bit


@dataclass
class Sampler:
    """A generator ready to draw from: sample i depends on the seed and on i, and on nothing else."""

    G: nn.Module
    prior: Prior
    shape: tuple[int, ...]
    step: int
    averaged: bool

    def noise(self, seed: int, first: int, n: int) -> Tensor:
        """z of samples first to first + n: [n, dim]."""
        return torch.cat([self.prior.sample(1, generator(seed, "sample", i)) for i in range(first, first + n)])

    @torch.no_grad()
    def __call__(self, z: Tensor) -> Tensor:
        """Samples [N, *shape] of noise z [N, dim]; images in [-1, 1]."""
        padded = torch.cat([z, z.new_zeros(-len(z) % CHUNK, z.shape[1])])
        return torch.cat([self.G(part) for part in padded.split(CHUNK)])[: len(z)]


def describe(config: dict[str, Any], shape: tuple[int, ...], noise_dim: int) -> dict[str, Any]:
    """What `generator.json` says before training: everything that rebuilds G and its prior.

    Args:
        config: the run's config, resolved.
    """

    def split(node: dict[str, Any]) -> dict[str, Any]:
        arguments = {key: value for key, value in node.items() if not key.startswith("_")}
        return {"_target_": node["_target_"], "arguments": arguments}

    model = split(config["model"]["generator"])
    model["arguments"] |= {"shape": list(shape), "noise_dim": noise_dim}
    return {"format": 1, "generator": model, "prior": split(config["prior"]), "shape": list(shape)}


def begin(directory: Path, description: dict[str, Any]) -> None:
    """Write the description; `write` adds the weights when the run is finished."""
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    write_json(folder / "generator.json", description)


def write(directory: Path, G: nn.Module, averaged: nn.Module | None, step: int) -> Path:
    """Add the weights of a finished run to its description.

    Raises:
        RunError: they cannot be written.
    """
    from safetensors.torch import save_model

    folder = directory / FOLDER
    try:
        for name, net in (("raw", G), ("ema", averaged)):
            if net is not None:
                unfinished = folder / f".tmp-{name}"
                save_model(net, str(unfinished))
                unfinished.replace(folder / f"{name}.safetensors")
    except OSError as error:
        raise RunError(f"{folder}: the generator cannot be written: {error}") from error
    write_json(folder / "generator.json", read_json(folder / "generator.json") | {"step": step})
    return folder


def load(directory: Path, averaged: bool | None = None, trust: bool = False) -> Sampler:
    """The generator of a run directory, or of a `generator/` folder on its own.

    Args:
        averaged: the averaged weights or those of the last step; None takes the average where there is one.
        trust: let the description name code outside gan_cli and torch.optim.

    Raises:
        RunError: there is no generator, or its files do not belong together.
        ConfigError: it names foreign code.
    """
    folder = directory / FOLDER if (directory / FOLDER).is_dir() else directory
    path = folder / "generator.json"
    if not path.is_file():
        raise RunError(f"{str(directory)!r} holds no generator (no {FOLDER}/generator.json); gan-runs lists the runs")
    about = read_json(path)
    try:
        if not trust:
            refuse_foreign(about, str(path), "add --trust")
        prior = locate(about["prior"]["_target_"])(**about["prior"]["arguments"])
        G = locate(about["generator"]["_target_"])(**about["generator"]["arguments"])
        shape = tuple(int(side) for side in about["shape"])
    except ConfigError:
        raise
    except Exception as error:  # the file is somebody's: anything can be in it
        raise RunError(f"{path}: does not describe a generator: {type(error).__name__}: {error}") from error
    weights, step, is_average = _weights(directory, folder, about, averaged)
    try:
        G.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(f"{folder}: the weights do not fit the description: {str(error).splitlines()[-1]}") from error
    assert math.prod(shape) > 0
    return Sampler(G.eval(), prior, shape, step, is_average)


def _weights(
    directory: Path, folder: Path, about: dict[str, Any], averaged: bool | None
) -> tuple[dict[str, Tensor], int, bool]:
    """Weights, their step, and whether they are the average: from the export, else from the newest checkpoint."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if (folder / "raw.safetensors").is_file():
        use = (folder / "ema.safetensors").is_file() if averaged is None else averaged
        path = folder / ("ema.safetensors" if use else "raw.safetensors")
        if not path.is_file():
            raise RunError(f"{folder}: there is no average of G; use --no-ema")
        try:
            return load_file(path), int(about.get("step", 0)), use
        except (SafetensorError, OSError, TypeError, ValueError) as error:
            raise RunError(f"{path}: cannot be read: {error}") from error
    state = load_newest(directory / "checkpoints", warn=lambda _: None)
    use = state["ema"] is not None if averaged is None else averaged
    weights = state["ema" if use else "G"]
    if weights is None:
        raise RunError(f"{directory}: there is no average of G; use --no-ema")
    return weights, int(state["step"]), use
