"""A network on paper: whether there is room for it is known before it takes any."""

from collections.abc import Callable

import torch
from torch import nn

from gan_cli.bounds import TooMuch, memory, nbytes, on_paper

_TRUSTED = "if the run is yours, add trust=true (gan-probe: --trust)"


def plan(make: Callable[[], nn.Module], smaller: str, counted: bool, room: int | None) -> bool:
    """Try a network on paper: whether there is room for it is known before it takes any.

    Args:
        smaller: what to do about one that is too large.
        counted: whether there is a bound on the operations that making it takes.
        room: bytes that it may have, where its config may be somebody else's; None: as many as there are.

    Raises:
        ValueError: there is none.
    """
    try:
        planned = on_paper(make, counted)
    except Exception as error:
        cause = error.__cause__ or error
        if not counted:  # one of the user's own that needs real numbers, or is wrong: its making will tell
            return True
        if "overflow" in str(cause).lower():
            raise ValueError(f"would have more weights than can be counted; {smaller}") from error
        if isinstance(cause, TooMuch):
            raise ValueError(f"{cause}; {smaller}{'' if room is None else f', or {_TRUSTED}'}") from error
        raise
    size = nbytes(planned.state_dict())
    if room is not None and size > room:
        many = f"has {size / 1e6:,.1f} MB of weights, more than its checkpoints"
        raise ValueError(f"{many}; {_TRUSTED}")
    there_are = memory(torch.device("cpu"))
    if 2 * size > there_are:  # each weight has a gradient
        raise ValueError(
            f"would have {size / 1e9:,.1f} GB of weights and as much of gradients, and there are "
            f"{there_are / 1e9:,.1f} GB of memory; {smaller}"
        )
    return True
