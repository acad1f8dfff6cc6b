"""The random numbers of a run, apart from its noise: those that its processes draw alike, and each one's own.

A process alone draws all of them from PyTorch's own generator. Of several, dropout draws from each one's own; what
concerns the global batch, as penalties and aids do, is drawn alike by all, as a process alone would draw it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gan_cli.machine import device_random, set_device_random
from gan_cli.ranks import Draws, Ranks
from gan_cli.seeds import derive, generator


def seeded(seed: int, ranks: Ranks, device: torch.device, *key: str | int) -> Draws | None:
    """Seed PyTorch's own generator anew; of several processes, give what all draw alike."""
    if ranks.alone:
        torch.manual_seed(derive(seed, *key))
        return None
    torch.manual_seed(derive(seed, *key, "rank", ranks.rank))
    return Draws(ranks, generator(seed, *key, device=device))


def own_state(device: torch.device) -> Tensor:
    """Of the generator that this process's dropout draws from."""
    on_device = device_random(device)
    return torch.get_rng_state() if on_device is None else on_device


def set_own_state(device: torch.device, state: Tensor) -> None:
    """Put back what `own_state` gave."""
    if device.type == "cpu":
        torch.set_rng_state(state)
    else:
        set_device_random(device, state)


def states(draws: Draws | None, device: torch.device) -> dict[str, Tensor | None]:
    """What a checkpoint says of chance: alike on all ranks, in the place where a process alone would have it."""
    random = {"random": torch.get_rng_state(), "random_device": device_random(device)}
    if draws is not None:
        random[_place(device)] = draws.generator.get_state()
    return random


def restored(state: Mapping[str, Any], seed: int, ranks: Ranks, device: torch.device) -> Draws | None:
    """Go on from a checkpoint. Of several processes: what all draw, which is given, and each one's dropout where there
    was this process. Generators of different kinds of devices have different states: there they begin anew.
    """
    torch.set_rng_state(state["random"])
    same = state["device"] == device.type
    if same:
        set_device_random(device, state["random_device"])
    draws = None if ranks.alone else seeded(seed, ranks, device, "train", state["step"])
    if draws is not None and same:
        draws.generator.set_state(state[_place(device)])
        randoms = state.get("randoms")
        if isinstance(randoms, list) and ranks.rank < len(randoms):
            set_own_state(device, randoms[ranks.rank])
    return draws


@contextmanager
def by_itself(draws: Draws, device: torch.device, *nets: nn.Module) -> Iterator[None]:
    """This process draws and normalises without the others, as it would alone; nothing it draws moves the run."""
    synced = [m for net in nets for m in net.modules() if isinstance(m, nn.SyncBatchNorm)]
    own = own_state(device)
    set_own_state(device, draws.generator.get_state())
    draws.paused = True
    for module in synced:
        module.process_group = draws.ranks.by_itself
    try:
        yield
    finally:
        draws.paused = False
        set_own_state(device, own)
        for module in synced:
            module.process_group = None


def _place(device: torch.device) -> str:
    return "random" if device.type == "cpu" else "random_device"
