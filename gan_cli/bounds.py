"""What somebody else's description of networks would take: found out without memory, and ended where it is absurd."""

import math
import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

T = TypeVar("T")

LARGEST = 1 << 31  # whole number in a description: of layers, channels, pixels; what they come to is seen on paper
MANY = 1 << 8  # entries of a list or dict in it
WORK = 1 << 14  # operations of building a network, or of one pass through it; R3GAN at 256 pixels has some 500
ROOM = 1 << 24  # numbers in a tensor of one sample that any machine has room for; R3GAN at 256 pixels has 1.3e7


class TooMuch(ValueError):
    """What is described is beyond a limit that holds for what may be somebody else's."""


def memory(device: torch.device) -> float:
    """Bytes that a device has, used or not; infinity where that is not known."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # not a Unix
        return math.inf


def most_of_a_sample(together: int) -> float:
    """Numbers that a tensor of one sample may have where so many samples are drawn together: a layer's input and output
    fit in this machine's memory, as float32.
    """
    return max(ROOM, memory(torch.device("cpu")) / (8 * together))


class Counted(TorchFunctionMode):
    """A context that ends what takes too many operations, or makes a tensor of more than `room` numbers.

    The first tensor that is too large is made before it is looked at: none of our layers makes much of little.

    Raises:
        TooMuch: it is more than that.
    """

    def __init__(self, room: float) -> None:
        super().__init__()
        self._left, self._room = WORK, room

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._left -= 1
        if self._left < 0:
            raise TooMuch(f"the networks described take more than {WORK:,} operations")
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and Tensor.numel(made) > self._room:
            raise TooMuch(f"a layer of the networks described has {Tensor.numel(made):,} numbers for one sample")
        return made


class _Undrawn(TorchFunctionMode):
    """Draws nothing where there is no memory: to find that out by itself takes torch three seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init" or func in (Tensor.normal_, Tensor.uniform_):
            return args[0] if args else kwargs["tensor"]
        if func in (torch.randn, torch.rand):
            return torch.empty(*args, **{key: value for key, value in (kwargs or {}).items() if key != "generator"})
        return func(*args, **(kwargs or {}))


def on_paper(make: Callable[[], T], counted: bool = True) -> T:
    """The networks that a call makes, with shapes and without memory.

    Args:
        counted: whether there is a bound on the operations that this takes.

    Raises:
        TooMuch: it takes more.
    """
    with Counted(math.inf) if counted else nullcontext(), _Undrawn(), torch.device("meta"):
        return make()


def refuse_absurd(arguments: Any, name: str) -> None:
    """Look at the arguments of a description before anything is called with them.

    Raises:
        TooMuch: a whole number is larger than any size of a network, or a list or dict longer.
    """
    if isinstance(arguments, Mapping | list):
        if len(arguments) > MANY:
            raise TooMuch(f"{name} has {len(arguments):,} entries")
        pairs = arguments.items() if isinstance(arguments, Mapping) else ((name, item) for item in arguments)
        for key, value in pairs:
            refuse_absurd(value, str(key))
    elif isinstance(arguments, int) and abs(arguments) > LARGEST:
        raise TooMuch(f"{name} is {arguments}")


def sizes(state: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Shape and type of each tensor: what two states must have in common to be of one network."""
    return {key: (value.shape, value.dtype) for key, value in state.items()}


def nbytes(state: Mapping[str, Tensor]) -> int:
    """Bytes of all tensors."""
    return sum(value.numel() * value.element_size() for value in state.values())
