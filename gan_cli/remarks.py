"""What a run says as it starts: why its bits, or its mathematics, will not be those of another way to run it."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_cli.models.layers import MinibatchStd
from gan_cli.ranks import Ranks

_USUAL = {"precision": "fp32", "compiled": False, "processes": 1}  # where a checkpoint says nothing


def of_ranks(ranks: Ranks, batch_size: int, *nets: nn.Module) -> Iterator[str]:
    """What mixes samples, and mixes those of one process only."""
    if ranks.alone:
        return
    modules = [m for net in nets for m in net.modules()]
    found = {"batch norm" for m in modules if isinstance(m, _BatchNorm) and not isinstance(m, nn.SyncBatchNorm)}
    if names := sorted(found | {"minibatch_std" for m in modules if isinstance(m, MinibatchStd)}):
        share = batch_size // ranks.size
        yield f"{' and '.join(names)}: by the {share:,} samples of each process, not by all {batch_size:,}"


def of_device(state: Mapping[str, Any], device: torch.device) -> Iterator[str]:
    """Whether a checkpoint was written on another kind of device."""
    if state["device"] != device.type:
        yield f"from {state['device']} to {device.type}: another random generator, other bits"


def of_ways(state: Mapping[str, Any], ways: Mapping[str, Any]) -> Iterator[str]:
    """Which of the ways to compute are not those that a checkpoint was computed in."""
    for way, usual in _USUAL.items():
        then, now = state["machine"].get(way, usual), ways.get(way, usual)
        if then != now:
            yield f"{way} was {then!s:.10} and is {now}: other bits"
