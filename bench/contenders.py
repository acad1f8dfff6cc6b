"""All contenders by name, and what they can be asked beside steps: their arithmetic."""

from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from bench.arithmetic import Peaks
from bench.case import KNOWN, Case
from bench.contender import Contender
from bench.floor import Floor
from bench.flop import Flop
from bench.peer_torchgan import TorchGAN
from bench.product import Bare, Product
from bench.reference import Tutorial

NAMES = ("tutorial", "torchgan", "gan-cli", "gan-cli, no EMA", "gan-cli, reused fakes", "floor")


class Counted:
    """A contender, with a count of what it computes."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender

    def flop(self) -> int:
        """Floating-point operations of one step in matrix products and convolutions, by PyTorch's own count."""
        counter = Flop()
        with counter:
            self.contender.run(1)
        return counter.total

    def device_seconds(self, steps: int) -> float:
        """Seconds a step for which an accelerator computes, by torch.profiler; 0 on a CPU."""
        if self.contender.device.type == "cpu":
            return 0.0
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
            self.contender.run(steps)
            torch.cuda.synchronize(self.contender.device)
        return float(sum(event.self_device_time_total for event in profiler.key_averages())) / 1e6 / steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self.contender, name)


def make_contender(name: str, case: Case) -> Counted:
    """One by its name."""
    made: Contender
    match name:
        case "tutorial":
            made = Tutorial(case)
        case "peaks":
            made = Peaks(case)
        case "torchgan":
            made = TorchGAN(case)
        case "floor":
            made = Floor(case)
        case "bare":
            made = Bare(case)
        case "gan-cli":
            made = Product(case)
        case "gan-cli, no EMA":
            made = Product(case.with_("train.ema_half_life_images=null"))
        case "gan-cli, reused fakes":
            made = Product(case.with_("train.fakes=reused"))
        case _:
            raise ValueError(f"there is no contender {name!r}; there are {', '.join(NAMES)}")
    return Counted(made)


def why_not(precision: str) -> str | None:
    """Why a precision cannot be measured; None where it can."""
    if precision != "fp32" and "precision" not in KNOWN:
        return f"{precision}: gan-cli has no train.precision here; skipped"
    return None
