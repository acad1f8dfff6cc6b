"""How a network is called: in which precision, with its weights laid out how, compiled or not.

The plain way is a call in float32. The others are faster and must mean the same: weights, gradients, optimizers and
averages stay in float32 under all of them.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gan_cli import cpu

Precision = Literal["fp32", "bf16"]

SMALL = 2**15  # numbers in a batch; below, a layer's time is its call and not its arithmetic


def call(net: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    """A network of one argument, or of two where there are classes, in float32."""
    out: Tensor = net(x) if y is None else net(x, y)
    return out


class Forward:
    """Calls networks as the training of one run does; what comes out is float32 and has a graph.

    Under bf16, products and convolutions are taken in bfloat16, which has the range of float32 and 8 of its 24 bits,
    by autocast: weights are cast at each call, and gradients arrive in float32. Batch norm takes its statistics in
    float32, and the last layer of the project's discriminators is float32, so that logits keep their digits.

    Args:
        precision: of products and convolutions.
        device: of the networks.
        compiled: whether `torch.compile` sees the networks first. Where it cannot compile one, `tell` hears of it, and
            the network is called as it is. A gradient that cannot be compiled ends the run.
        tell: gets a line about what could not be done.
    """

    def __init__(
        self,
        precision: Precision = "fp32",
        device: torch.device | str = "cpu",
        compiled: bool = False,
        tell: Callable[[str], None] = print,
    ) -> None:
        self.precision, self.device, self.compiled, self.tell = precision, torch.device(device), compiled, tell
        self._known: dict[nn.Module, Callable[..., Tensor]] = {}  # compiled networks, or themselves
        self._parametrized: dict[nn.Module, list[nn.Module]] = {}

    def __call__(self, net: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
        """What `call` gives, up to rounding."""
        if self.precision == "fp32":
            return self._plain_or_compiled(net, x, y)
        with parametrize.cached():
            for module in self._with_parametrizations(net):
                for name in module.parametrizations:  # type: ignore[union-attr]
                    getattr(module, name)  # now, in float32: the products of a spectral norm are to be exact
            with torch.autocast(self.device.type, torch.bfloat16):
                out = self._plain_or_compiled(net, x, y)
        return out.float()

    @property
    def is_plain(self) -> bool:
        """Whether networks are called as they are, in float32, so that a second derivative may go through them."""
        return self.precision == "fp32" and not self.compiled

    def begin(self) -> None:
        """A turn of both players begins: recorded graphs may write over what they put out in the last one.

        Not between the calls of one turn: D judges real and generated samples before it moves by both.
        """
        if self.compiled and self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()

    def _with_parametrizations(self, net: nn.Module) -> list[nn.Module]:
        if net not in self._parametrized:
            self._parametrized[net] = [module for module in net.modules() if parametrize.is_parametrized(module)]
        return self._parametrized[net]

    def _plain_or_compiled(self, net: nn.Module, x: Tensor, y: Tensor | None) -> Tensor:
        if not self.compiled:
            return call(net, x, y)
        known = self._known.get(net)
        if known is None:
            return self._first(net, x, y)
        try:
            return known(x) if y is None else known(x, y)
        except Exception as error:  # with gradients, or with more samples, is compiled anew
            if known is net:
                raise
            self._give_up(net, error)
            return call(net, x, y)

    def _first(self, net: nn.Module, x: Tensor, y: Tensor | None) -> Tensor:
        """The first call, which compiles; without effect on the network where it fails."""
        if self._with_parametrizations(net):
            self._give_up(net, TypeError("it has parametrized weights, as a spectral norm's"))
            return call(net, x, y)
        before = {key: buffer.clone() for key, buffer in net.named_buffers()}
        random = torch.get_rng_state()
        try:
            made: Callable[..., Tensor] = torch.compile(net, dynamic=False, mode=self._mode)
            out = made(x) if y is None else made(x, y)
            self._known[net] = made
            return out
        except Exception as error:  # a compiler that is missing or fails may raise anything
            self._give_up(net, error)
        with torch.no_grad():
            for key, buffer in net.named_buffers():
                buffer.copy_(before[key])
        torch.set_rng_state(random)
        return call(net, x, y)

    def _give_up(self, net: nn.Module, error: Exception) -> None:
        """From here on, call a network as it is."""
        self._known[net] = net
        name, why = f"{type(net).__module__}.{type(net).__name__}", (str(error).strip().splitlines() or [""])[0]
        self.tell(f"train.compile: {name} is not compiled, and called as it is: {type(error).__name__}: {why:.60}")

    @property
    def _mode(self) -> str | None:
        """On a GPU, the launches of a static graph of kernels are recorded once and replayed (CUDA graphs)."""
        return "reduce-overhead" if self.device.type == "cuda" else None


def precision_of(asked: str, device: torch.device) -> Precision:
    """The precision that a setting means on a device: `auto` is bf16 where the device multiplies it faster."""
    if asked == "auto":
        return "bf16" if has_fast_bf16(device) else "fp32"
    return "bf16" if asked == "bf16" else "fp32"


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device has arithmetic of its own for bfloat16. False where that is not known."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0) or torch.version.hip is not None
    return device.type == "cpu" and cpu.can("avx512_bf16", "amx_bf16")  # of ARM's nothing was measured


def lay_out(asked: bool | Literal["auto"], *nets: nn.Module, numbers: int, device: torch.device) -> bool:
    """Order the weights of convolutions by channel last, if asked to; feature maps follow them.

    Args:
        asked: `auto` is yes but for small batches, whose bits then stay what they were (see docs/performance.md), for
            networks with code of others, whose `view` may want the usual order, and on Apple's GPUs, whose batch norm
            has wrong gradients then (PyTorch's issue 175189).
        numbers: in a batch of samples.
        device: where the networks will be.

    Returns:
        Whether there was a convolution to lay out.
    """
    if asked == "auto":
        known = all(is_known(module) for net in nets for module in net.modules())
        asked = known and numbers >= SMALL and device.type in ("cpu", "cuda")
    if not asked:
        return False
    weights = [p for net in nets for p in net.parameters() if p.dim() == 4]
    for p in weights:
        p.data = p.data.contiguous(memory_format=torch.channels_last)
    return bool(weights)


def is_known(module: nn.Module) -> bool:
    """Whether a module's code is the project's or PyTorch's own."""
    kind = type(module)
    if parametrize.is_parametrized(module):  # a class that PyTorch makes of the module's
        kind = kind.__mro__[1]
    return kind.__module__.partition(".")[0] in ("gan_cli", "torch")


def like_weights(optimizer: torch.optim.Optimizer) -> None:
    """Lay out an optimizer's state as the weights are. A file has no strides, and fused kernels go by addresses."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            for key, value in optimizer.state.get(p, {}).items():
                if isinstance(value, Tensor) and value.shape == p.shape and value.stride() != p.stride():
                    optimizer.state[p][key] = torch.empty_like(p, dtype=value.dtype).copy_(value)
