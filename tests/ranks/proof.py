"""What the processes of a proof run: the same settings by all of them together, and by the first one alone.

    python tests/ranks/proof.py <rank> <size> <meeting place> <settings.json> <out.json>
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import distributed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conftest import compose_plain, key_of

from gan_cli.build import build
from gan_cli.data import Stream
from gan_cli.loop import average, turn
from gan_cli.ranks import Ranks
from gan_cli.run import Run

STEPS = 20

_next = Stream.__next__


def exactly() -> None:
    """All in double precision, so that what is left of a difference is not rounding."""
    torch.set_default_dtype(torch.float64)
    Stream.__next__ = lambda self: _next(self).double()  # type: ignore[method-assign]


def forget() -> None:
    """What a careless change would do: each rank goes on with its own gradients."""
    Ranks.mean = lambda self, tensors: list(tensors)  # type: ignore[method-assign]


def made(overrides: list[str], ranks: Ranks) -> Run:
    given = {key_of(text) for text in overrides}
    run = build(*compose_plain(*overrides, "device=cpu", "train.threads=1"), given=given, ranks=ranks)
    run.watching = True
    return run


def trained(overrides: list[str], ranks: Ranks, steps: int) -> tuple[Run, dict[str, Any], list[dict[str, float]]]:
    """The run after so many steps, all gradients of its first one, and the figures of each."""
    run, first, figures = made(overrides, ranks), {}, []
    for run.step in range(steps):
        figures.append({name: float(value) for name, value in turn(run).items()})
        if run.step == 0:
            first = {
                f"{name}.{key}": p.grad.clone()
                for name, net in (("G", run.G), ("D", run.D))
                for key, p in net.named_parameters()
                if p.grad is not None
            }
        run.step += 1
        average(run)
    return run, first, figures


def weights(run: Run) -> dict[str, torch.Tensor]:
    nets = {"G": run.G, "D": run.D} | ({"ema": run.ema.G} if run.ema else {})
    return {f"{name}.{key}": value for name, net in nets.items() for key, value in net.state_dict().items()}


def apart(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """The largest difference of two sets of tensors, in units of the largest number of each tensor."""
    assert a.keys() == b.keys() and a
    found = [0.0]
    for name, value in b.items():
        if value.is_floating_point():
            scale = value.abs().max().clamp_min(1e-12)
            found.append(float((a[name] - value).abs().max() / scale))
    return max(found)


def main(rank: int, size: int, place: str, settings: str, out: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{place}", rank=rank, world_size=size)
    ranks, found = Ranks.joined(), {}
    asked = json.loads(Path(settings).read_text())
    if asked["exactly"]:
        exactly()
    if asked["forget"]:
        forget()
    for overrides in asked["settings"]:
        steps = asked["steps"]
        run, first, figures = trained(overrides, ranks, steps)
        alike = ranks.gather(torch.cat([value.reshape(-1).double() for value in weights(run).values()]))
        if not ranks.leads:
            continue
        alone, first_alone, figures_alone = trained(overrides, Ranks(), steps)
        found[" ".join(overrides)] = {
            "gradients": apart(first, first_alone),
            "weights": apart(weights(run), weights(alone)),
            "figures": max(
                abs(a[name] - b[name]) / max(1.0, abs(b[name]))
                for a, b in zip(figures, figures_alone, strict=True)
                for name in b
            ),
            "alike": all(torch.equal(alike[0], other) for other in alike),
            "moved": apart(weights(alone), weights(made(overrides, Ranks()))),
        }
    if ranks.leads:
        Path(out).write_text(json.dumps(found, indent=1))
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
