"""What the machine can do at the most, in matrix products and convolutions: large ones, and those of the networks."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.case import Case, make
from bench.contender import Contender
from bench.flop import Flop


@dataclass(frozen=True)
class Peak:
    """The best rates found, in FLOP a second."""

    gemm: float  # of square products of 512 to 2,048
    layers: float  # of the best layer of the two networks, forward or backward
    where: str  # that layer

    @property
    def best(self) -> float:
        return max(self.gemm, self.layers)


class Peaks(Contender):
    """A contender that takes no steps, but measures its process's peak at the threads and the precision of a case."""

    def __init__(self, case: Case) -> None:
        run = make([*case.overrides(), "train.held_out=2"])
        self.device, self.G, self.D = run.device, run.G, run.D
        self.dtype = torch.bfloat16 if case.precision == "bf16" else torch.float32
        self.x, self.z = next(run.reals), run.z(case.one.batch)

    def peak(self, seconds: float = 0.3) -> Peak:
        """Best of several repetitions of each: what disturbs a repetition only lowers it."""
        gemm = 0.0
        for size in (512, 1024, 2048):
            a, b = (torch.randn(size, size, device=self.device).to(self.dtype) for _ in range(2))
            gemm = max(gemm, 2 * size**3 / self.least(lambda a=a, b=b: a @ b, seconds))  # type: ignore[misc]
        best, where = 0.0, "none"
        for name, do in self.passes():
            counter = Flop()
            with counter:
                do()
            if counter.total:
                rate = counter.total / self.least(do, seconds)
                best, where = max((best, where), (rate, name))
        return Peak(gemm, best, where)

    def passes(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Forward and backward of every layer with weights, on inputs of the size that it gets."""
        for player, net, x in (("G", self.G, self.z), ("D", self.D, self.x)):
            seen: list[tuple[str, nn.Module, Tensor]] = []

            def note(layer: nn.Module, args: Any, out: Tensor, seen: Any = seen, net: nn.Module = net) -> None:
                seen.append((next(name for name, m in net.named_modules() if m is layer), layer, args[0].detach()))

            layers = [m for m in net.modules() if next(m.parameters(recurse=False), None) is not None]
            handles = [m.register_forward_hook(note) for m in layers]
            with torch.no_grad():
                net(x)
            for handle in handles:
                handle.remove()
            for name, module, inputs in seen:
                yield from self._passes(f"{player}.{name} {type(module).__name__} {list(inputs.shape)}", module, inputs)

    def _passes(self, name: str, module: nn.Module, inputs: Tensor) -> Iterator[tuple[str, Callable[[], object]]]:
        inputs = inputs.clone().requires_grad_()

        def forward() -> Tensor:
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                out: Tensor = module(inputs)
            return out

        out = forward()
        grad = torch.ones_like(out)
        wanted = [inputs, *module.parameters()]
        yield f"{name} forward", forward
        yield f"{name} backward", lambda: torch.autograd.grad(out, wanted, grad, retain_graph=True)

    def least(self, do: Callable[[], object], seconds: float) -> float:
        """Seconds of the fastest of the repetitions that fit into so many seconds, three at least."""
        best, end, count = float("inf"), time.perf_counter() + seconds, 0
        while count < 3 or time.perf_counter() < end:
            self._wait()
            begin = time.perf_counter()
            do()
            self._wait()
            best, count = min(best, time.perf_counter() - begin), count + 1
        return best

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
