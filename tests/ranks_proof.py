"""What the processes of a proof run: the same settings by all of them together, and by the first one alone.

    python tests/ranks_proof.py <rank> <size> <folder>

The folder holds `asked.json`, a list of `Asked`; the first process writes `found.json`, a dict for each.
"""

import copy
import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conftest import compose_plain, key_of

from gan_cli import checkpoint
from gan_cli.builder import build
from gan_cli.data import Stream
from gan_cli.errors import Diverged
from gan_cli.loop import average, turn
from gan_cli.ranks import Ranks
from gan_cli.run import Run


@dataclasses.dataclass
class Asked:
    """One setting of a proof."""

    overrides: list[str]
    steps: int = 20
    double: bool = True  # in double precision, so that what is left of a difference is not rounding
    forget: bool = False  # a careless change: each rank goes on with its own gradients
    apart: bool = False  # another: penalties and aids are drawn by each rank for itself
    resume: bool = False  # halfway from a checkpoint: by as many, and by one
    poison: bool = False  # the last rank, and no other, sees what is not a number in the third step


@contextmanager
def as_asked(asked: Asked) -> Iterator[None]:
    given = Stream.__next__
    with ExitStack() as stack:
        if asked.forget:
            stack.enter_context(mock.patch.object(Ranks, "mean", lambda self, tensors: list(tensors)))
        if asked.apart:
            stack.enter_context(mock.patch.object(Run, "chance", torch))
        if asked.double:
            stack.enter_context(mock.patch.object(Stream, "__next__", lambda self: given(self).double()))
            torch.set_default_dtype(torch.float64)
            stack.callback(torch.set_default_dtype, torch.float32)
        yield


def made(asked: Asked, ranks: Ranks) -> Run:
    given = {key_of(text) for text in asked.overrides}
    run = build(*compose_plain(*asked.overrides, "device=cpu", "train.threads=1"), given=given, ranks=ranks)
    if asked.double:  # what was there before the default changed, or says its type
        run.G.double(), run.D.double()
        if run.ema:
            run.ema.G.double()
    run.align()
    run.watching = True
    return run


def tensors(run: Run, gradients: bool = False) -> dict[str, Tensor]:
    """All weights and statistics of both players and the average, or all gradients of both players."""
    if gradients:
        pairs = [(f"{name}.{key}", p.grad) for name in "GD" for key, p in getattr(run, name).named_parameters()]
        return {name: grad.clone() for name, grad in pairs if grad is not None}
    nets: dict[str, nn.Module] = {"G": run.G, "D": run.D} | ({"ema": run.ema.G} if run.ema else {})
    return {f"{name}.{key}": value.clone() for name, net in nets.items() for key, value in net.state_dict().items()}


def train(run: Run, steps: int) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    """Go on for so many steps: the gradients of the first one, and the figures of each."""
    gradients, figures = {}, []
    for _ in range(steps):
        figures.append({name: float(value) for name, value in turn(run).items()})
        gradients = gradients or tensors(run, gradients=True)
        run.step += 1
        average(run)
    return gradients, figures


def distance(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """The largest difference, in units of the largest number of each tensor; of one whose numbers are all nearly 0,
    such as the gradient of a critic's last bias, of a millionth of the largest anywhere.
    """
    assert a.keys() == b.keys() and b
    pairs = [(a[name], value) for name, value in b.items() if value.is_floating_point()]
    least = 1e-6 * max(float(y.abs().max()) for _, y in pairs)
    return max(float((x - y).abs().max()) / max(least, float(y.abs().max())) for x, y in pairs)


def poisoned(asked: Asked, ranks: Ranks) -> dict[str, Any]:
    """What each rank says of it."""
    run, given = made(asked, ranks), Run.see

    def see(self: Run, x: Tensor) -> Tensor:
        sick = self.step == 2 and ranks.rank == ranks.size - 1
        return given(self, x * float("nan") if sick else x)

    with mock.patch.object(Run, "see", see):
        try:
            train(run, asked.steps)
            said = "nothing"
        except Diverged as error:
            said = str(error)
    words = ranks.gather(torch.tensor(list(f"{said:400.400}".encode()), dtype=torch.uint8))
    return {"said": [bytes(word.tolist()).decode().strip() for word in words]}


def compare(asked: Asked, ranks: Ranks, folder: Path) -> dict[str, Any]:
    if asked.poison:
        return poisoned(asked, ranks)
    run = made(asked, ranks)
    gradients, figures = train(run, asked.steps)
    mine = torch.cat([value.reshape(-1).double() for value in tensors(run).values()])
    alike = all(torch.equal(mine, other) for other in ranks.gather(mine))
    found: dict[str, Any] = {"alike": alike, "finite": bool(mine.isfinite().all())}
    if asked.resume:
        found |= resumed(asked, ranks, folder)
    if not ranks.leads:
        return found
    start, alone = tensors(made(asked, Ranks())), made(asked, Ranks())
    gradients_alone, figures_alone = train(alone, asked.steps)
    return found | {
        "gradients": distance(gradients, gradients_alone),
        "weights": distance(tensors(run), tensors(alone)),
        "figures": max(
            abs(a[name] - b[name]) / max(1.0, abs(b[name]))
            for a, b in zip(figures, figures_alone, strict=True)
            for name in b
        ),
        "moved": distance(tensors(alone), start),
        "names": sorted(figures[-1]),
    }


def resumed(asked: Asked, ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Half of the steps, a checkpoint, and the other half: gone on with at once, from the checkpoint, and alone."""
    half, place = asked.steps // 2, folder / f"run-{ranks.rank}"
    place.mkdir()
    run = made(asked, ranks)
    with run.open(place):
        train(run, half)
        run.save()
    run.log.close()
    ranks.barrier()
    state = checkpoint.load_newest(folder / "run-0" / "checkpoints", print)
    train(run, half)
    again = made(asked, ranks)
    torch.rand(3)  # whatever was drawn before
    again.restore(state)
    train(again, half)
    found: dict[str, Any] = {"again": again.digest() == run.digest(), "states": len(state["randoms"])}
    alone = made(asked, Ranks())
    alone.restore(checkpoint.load_newest(folder / "run-0" / "checkpoints", print))  # optimizers write into theirs
    train(alone, half)
    first = made(asked, Ranks())
    train(first, half)
    kept = copy.deepcopy(first.state() | {"offsets": state["offsets"], "best": None})
    train(first, half)  # before another run is made: alone, it draws from PyTorch's own generator
    joined = made(asked, ranks)
    joined.restore(kept)
    train(joined, half)
    pairs = {"alone": (alone, run), "joined": (joined, first)}
    return found | {name: distance(tensors(a), tensors(b)) for name, (a, b) in pairs.items()}


def main(rank: int, size: int, folder: Path) -> None:
    from torch import distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)
    ranks, found = Ranks.joined(), []
    for number, fields in enumerate(json.loads((folder / "asked.json").read_text())):
        asked, own = Asked(**fields), folder / str(number)
        own.mkdir(exist_ok=True)
        with as_asked(asked):
            found.append(compare(asked, ranks, own))
    if ranks.leads:
        (folder / "found.json").write_text(json.dumps(found))
    ranks.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
