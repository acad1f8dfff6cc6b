"""Floating-point operations, by PyTorch's own formulas."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Flop(TorchDispatchMode):
    """Counts what `torch.utils.flop_counter.FlopCounterMode` counts (two for each multiplication and its addition, in
    products and convolutions, forward and backward): that one watches modules too, and cannot under `autograd.grad`
    with respect to a network's input, which is how a gradient penalty asks.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.total += int(formula(*args, **(kwargs or {}), out_val=out))
        return out
