"""What a probe found, on one screen and in plain words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gan_cli.cli.command import printable

if TYPE_CHECKING:
    from torch import Tensor

    from gan_cli.probe import Estimate, Findings, Reading

WIDTH = 80
PM = "\N{PLUS-MINUS SIGN}"
BEGAN = {"trained on": "the same, trained on", "fresh": "a fresh one"}
HEADINGS = {"js": "JS, nats", "tv": "TV", "triangular": "triangular", "critic_gap": "gap", "relativistic_gap": "gap"}


def screen(found: Findings, run: str, step: int, steps: int, config: dict[str, Any]) -> str:
    """The players, the gains, the verdict: a screen of 80 columns.

    Args:
        run: as the user calls it.
        step: of the checkpoint.
        steps: that each player was trained for.
        config: of the run.
    """
    low, high = found.coin
    estimate = HEADINGS.get(found.divergence or "", found.divergence or "")
    lines = [
        f"{run}, step {step:,}: {steps:,} updates of each player, the other one frozen",
        f"judged on {len(found.own.d):,} held-out samples and as many new fakes; {PM} is a standard error",
        "",
        f"{'D, with G frozen':<24}{'D loss':>9}{'right':>9}{estimate:>12}".rstrip(),
        _row("the run's D", found.own.d, found.own.right, found.own.divergence),
        *(_row(BEGAN[name], reading.d, reading.right, reading.divergence) for name, reading in found.D.items()),
    ]
    if found.G:
        lines += [
            f"{'G, with D frozen':<24}{'G loss':>9}{'D right':>9}",
            _row("the run's G", found.own.g, found.own.right),
            *(_row(BEGAN[name], reading.g, reading.right) for name, reading in found.G.items()),
        ]
    lines += ["", _gain("D's gain", found.d_gain, BEGAN[found.best_D])]
    if found.g_gain and found.duality_gap and found.best_G:
        lines += [
            _gain("G's gain", found.g_gain, BEGAN[found.best_G]),
            _gain("duality gap", found.duality_gap, "V(best D, G) - V(D, best G), V = -(D loss)"),
        ]
    lines += [
        f"{'fair coin':<15}{_percent(low)} to {_percent(high)} right{' of pairs' if found.pairs else ''}",
        "",
        *_wrapped(" ".join(words(found, steps, config))),
    ]
    return "\n".join(lines)


def words(found: Findings, steps: int, config: dict[str, Any]) -> Iterator[str]:
    """What D's 50 % is, sentence by sentence."""
    best, (low, _), of = found.D[found.best_D], found.coin, " of pairs" if found.pairs else ""
    right = f"{_percent(found.own.right)}{of}"
    other = {"trained on": "The run's own D, trained on while G holds still,", "fresh": "A fresh D of the same kind"}
    does_better = (
        f"{other[found.best_D]} has after {steps:,} updates {found.d_gain.value:.4f} less loss and is right in "
        f"{_percent(best.right)}{of}"
    )
    if best.divergence is not None and found.divergence != "critic_gap":
        does_better += f" (read-out at least {best.divergence:.4f}; the run's D: {found.own.divergence:.4f})"
    match found.verdict:
        case "equilibrium":
            yield (
                f"50 % is real: equilibrium, on D's side. In {steps:,} updates no D of this kind, fresh or the run's "
                "own trained on, found anything that tells G's samples from the data."
            )
            if found.control is not None:
                yield f"(Against an untrained G a fresh D does: {_percent(found.control.right)} right.)"
            yield from _of_g(found)
        case "weak_d":
            yield f"50 % is a weak D's. {does_better}: it sees what the run's D does not, and G is not done."
            yield "Give D more: train.d_steps=2, a higher optimizer.discriminator.lr, or a larger network."
        case "not_at_half":
            if found.own.right < low:
                yield f"D is not at 50 %: right in {right}, less than a fair coin; G has moved past it."
            else:
                yield f"D is not at 50 %: right in {right}, more than a fair coin; it tells G's samples from the data."
            if found.d_gain.is_positive:
                yield f"{does_better}: the run's D is weaker than its kind allows."
            else:
                yield f"No D of this kind did better in {steps:,} updates: D is not weak, and G can learn more from it."
        case "cannot_tell":
            yield "Cannot tell. D is at 50 % and no other D did better; but"
            if found.control is None:
                yield "against an untrained G a fresh D left the finite numbers: try a smaller --lr."
            else:
                lr = config["optimizer"]["discriminator"].get("lr", "of its optimizer")
                yield (
                    f"in {steps:,} updates a fresh D does not tell an untrained G from the data either: too few, or "
                    f"D's learning rate ({printable(str(lr))}) is too small. Try --steps {10 * steps} or --lr."
                )


def _of_g(found: Findings) -> Iterator[str]:
    if found.g_gain is None or found.best_G is None:
        return
    if not found.g_gain.is_positive:
        yield "Nor does a G gain anything against this D: neither side has a better move."
        return
    yield (
        f"D alone would not hold G there: one that plays against the frozen D gains {found.g_gain.value:.4f}. It "
        "follows what slope D has left, which D would correct if it moved too."
    )


def plain(found: Findings) -> dict[str, Any]:
    """All figures as plain data."""

    def reading(r: Reading | None) -> dict[str, float | None] | None:
        if r is None:
            return None
        return {"d_loss": float(r.d.mean()), "g_loss": float(r.g.mean()), "right": r.right, "divergence": r.divergence}

    def estimate(e: Estimate | None) -> dict[str, float] | None:
        return None if e is None else {"value": e.value, "error": e.error}

    return {
        "verdict": found.verdict,
        "right": found.own.right,
        "fair_coin": list(found.coin),
        "pairs": found.pairs,
        "divergence": found.divergence,
        "held_out": len(found.own.d),
        "d_gain": estimate(found.d_gain),
        "d_gain_of": found.best_D,
        "g_gain": estimate(found.g_gain),
        "g_gain_of": found.best_G,
        "duality_gap": estimate(found.duality_gap),
        "d_loss_of_a_constant": found.knows_nothing,
        "own": reading(found.own),
        "D": {name: reading(r) for name, r in found.D.items()},
        "G": {name: reading(r) for name, r in found.G.items()},
        "control": reading(found.control),
    }


def _row(name: str, loss: Tensor, right: float, divergence: float | None = None) -> str:
    seen = "" if divergence is None else f"{divergence:.4f}"
    return f"  {name:<22}{float(loss.mean()):>9.4f}{_percent(right):>9}{seen:>12}".rstrip()


def _gain(name: str, gain: Estimate, note: str) -> str:
    digits = 4 if gain.error == 0 else min(6, max(4, 1 - math.floor(math.log10(gain.error))))  # two of the error
    return f"{name:<15}{gain.value:>9.{digits}f} {PM} {gain.error:.{digits}f}   {note}"


def _wrapped(text: str) -> list[str]:
    """Lines of the screen's width, none of which begins with a percent sign."""
    space = "\N{NO-BREAK SPACE}"
    return [line.replace(space, " ") for line in textwrap.wrap(text.replace(" %", f"{space}%"), WIDTH)]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
