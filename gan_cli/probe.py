"""Is D's 50 % real? Other players of the run's own kind against its frozen ones, and what they gain: the duality gap.

Grnarova et al. 2019 (arXiv:1811.05512): max over D' of V(D', G) minus min over G' of V(D, G'), 0 at an equilibrium and
nowhere else. Here V is minus D's loss, and both extremes are searched for a bounded number of steps, from fresh weights
and from the run's own: each gain is a bound from below.
"""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from gan_cli.builder import build
from gan_cli.data import Stream
from gan_cli.data.mixture import Mixture
from gan_cli.errors import DataError, Diverged, RunError
from gan_cli.fitting import require_format
from gan_cli.forward import call
from gan_cli.losses import Loss, accuracy, total
from gan_cli.pictures import fresh, unseen
from gan_cli.readouts import judging, why_not
from gan_cli.run import Metrics, Run
from gan_cli.seeds import derive, generator
from gan_cli.steps import discriminator_step, generator_step

Verdict = Literal["equilibrium", "weak_d", "not_at_half", "cannot_tell"]
Weights = Mapping[str, Any]
Each = Callable[[str, int], Iterable[int]]  # what a training is called and its steps, to a way through them
BEYOND = 2.0  # standard errors: chance alone goes so far up once in 44 times


@dataclass(frozen=True)
class Estimate:
    """A mean over held-out data, and its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Tensor) -> "Estimate":
        """From one value for each logit: [N]."""
        return cls(float(values.mean()), float(values.std() / math.sqrt(len(values))))

    @property
    def is_positive(self) -> bool:
        """Whether it lies above 0 by more than chance."""
        return self.value > BEYOND * self.error


@dataclass(frozen=True)
class Reading:
    """One D and one G, judged on held-out real data and as many new fakes, the same for all readings."""

    d: Tensor  # D's loss, [N]: of one real and one generated sample each
    g: Tensor  # G's loss, [N]
    right: float  # the share of D's right answers
    divergence: float | None  # None where the loss has no such read-out

    @property
    def is_finite(self) -> bool:
        """Whether there are figures to speak of."""
        return bool((self.d.isfinite() & self.g.isfinite()).all())


@dataclass(frozen=True)
class Findings:
    """What the run's players lose to others of their kind."""

    own: Reading  # the run's D and its G
    D: Mapping[str, Reading]  # other D against the run's G, by what they began from
    G: Mapping[str, Reading]  # other G against the run's D; none where G is the data
    knows_nothing: float  # D's loss where all its outputs are alike
    divergence: str | None  # its name in the log; None where it does not hold
    pairs: bool  # `right` is the share of pairs where D scores the real one higher: its scores have no zero
    control: Reading | None = None  # a fresh D against an untrained G, where it is needed for the verdict

    @property
    def best_D(self) -> str:
        """What the D of the least loss began from."""
        return min(self.D, key=lambda name: float(self.D[name].d.mean()))

    @property
    def best_G(self) -> str | None:
        """What the G of the least loss began from."""
        return min(self.G, key=lambda name: float(self.G[name].g.mean()), default=None)

    @property
    def d_gain(self) -> Estimate:
        """How much less D's loss could be: above 0, the run's D is not at its best."""
        return Estimate.of(self.own.d - self.D[self.best_D].d)

    @property
    def g_gain(self) -> Estimate | None:
        """How much less G's loss could be: above 0, the run's D alone does not hold its G where it is."""
        return None if self.best_G is None else Estimate.of(self.own.g - self.G[self.best_G].g)

    @property
    def duality_gap(self) -> Estimate | None:
        """V(best D, G) - V(D, best G)."""
        return None if self.best_G is None else Estimate.of(self.G[self.best_G].d - self.D[self.best_D].d)

    @property
    def coin(self) -> tuple[float, float]:
        """Where 95 % of the fair coins lie that are thrown as often as D answers."""
        answers = len(self.own.d) * (1 if self.pairs else 2)
        reach = 1.96 * 0.5 / math.sqrt(answers)
        return 0.5 - reach, 0.5 + reach

    def tells_apart(self, reading: Reading) -> bool:
        """Whether a D knows more than one whose outputs are all alike, beyond chance."""
        return Estimate.of(self.knows_nothing - reading.d).is_positive

    @property
    def verdict(self) -> Verdict:
        """What D's 50 % is. A gain alone does not make it a weak D's: outputs that are off by a constant cost loss and
        hide nothing. The other D must know what a coin does not.
        """
        low, high = self.coin
        if not low <= self.own.right <= high:
            return "not_at_half"
        if self.d_gain.is_positive and self.tells_apart(self.D[self.best_D]):
            return "weak_d"
        could_have = self.control is not None and self.tells_apart(self.control)
        return "equilibrium" if could_have else "cannot_tell"


def probe(
    config: dict[str, Any],
    state: Mapping[str, Any],
    steps: int,
    seed: int = 0,
    each: Each = lambda _, n: range(n),
    room: int | None = None,
) -> Findings:
    """Train other players against those of a checkpoint, one at a time, the other one frozen.

    The game is the one that the checkpoint stands in: the run's data, loss, penalty, aids and optimizers, at their full
    learning rates.

    Args:
        config: of the run, its targets checked. Its seed names its points, where they were drawn once, and no more.
        state: of the checkpoint.
        steps: updates of each player.
        seed: of fresh weights, the order of the data and the noise.
        each: shows progress.
        room: as for `build`.

    Raises:
        ConfigError, DataError: the run cannot be built here.
        DataError: the data are too few to judge on.
        RunError: the checkpoint is none of this version, or does not fit the config.
        Diverged: the run's own figures are not finite, or those of every other D.
    """
    run = build(config | {"seed": derive(seed, "probe")}, room=room)
    run.cfg = replace(run.cfg, fakes="fresh", lr_schedule="constant", lr_final=0.0, lr_warmup_steps=0)
    require_format(state)
    if missing := sorted({"G", "D", "step"} - state.keys()):
        raise RunError(f"the checkpoint lacks {', '.join(missing)}: it was not written by this version")
    if type(state["step"]) is not int or state["step"] < 0:
        raise RunError(f"the checkpoint is of step {state['step']!r:.40}: it was not written by this version")
    run.step = state["step"]  # aids change as the run goes on
    if isinstance(run.reals.data, Mixture) and run.reals.data.points is not None:
        run.reals = Stream(run.reals.data, run.cfg.batch_size, config.get("seed", 0), run.device)
        run.reals.seed = run.seed
        run.twin = run.reals.twin()
    new, own = copy.deepcopy((run.G.state_dict(), run.D.state_dict())), (state["G"], state["D"])
    table = _Table(run, each)
    reading = table.judged(*own)
    if not reading.is_finite:
        raise Diverged("the run's own players give figures that are not finite; resume or sample an older checkpoint")
    found = Findings(
        reading,
        D=table.trained("D", steps, {"trained on": own, "fresh": (own[0], new[1])}),
        G={} if run.cfg.g_is_data else table.trained("G", steps, {"trained on": own, "fresh": (new[0], own[1])}),
        knows_nothing=_constant(run.loss),
        divergence=None if why_not(run) else run.loss.divergence,
        pairs=run.loss.paired or run.loss.threshold is None,
    )
    if not found.D:
        raise Diverged("every D trained against the run's G left the finite numbers; try a smaller --lr")
    if found.verdict == "cannot_tell":  # nothing was found: would it have been?
        run.cfg = replace(run.cfg, g_is_data=False)
        control = table.trained("D", steps, {"control": new})
        found = replace(found, control=control.get("control"))
    return found


class _Table:
    """Where two players sit down: one run, into which the weights of both are put for each training."""

    def __init__(self, run: Run, each: Each) -> None:
        self.run, self._each = run, each
        self._unused = copy.deepcopy([optimizer.state_dict() for optimizer in (run.opt_G, run.opt_D)])

    def trained(
        self, player: Literal["G", "D"], steps: int, seats: Mapping[str, tuple[Weights, Weights]]
    ) -> dict[str, Reading]:
        """Readings after so many steps of one player alone, for each pair of weights to begin from; without those
        that left the finite numbers.
        """
        update: Callable[[Run, Tensor], Metrics] = discriminator_step if player == "D" else generator_step
        readings = {}
        for name, (G, D) in seats.items():
            self._seat(G, D)
            try:
                for _ in self._each(f"{player}, {name}", steps):
                    update(self.run, next(self.run.reals))
                self.run.guard.look(self.run.step, self.run.last_good)
            except Diverged:
                continue
            reading = self._judge()
            if reading.is_finite:
                readings[name] = reading
        return readings

    def judged(self, G: Weights, D: Weights) -> Reading:
        """A reading of these weights as they are."""
        self._seat(G, D)
        return self._judge()

    def _seat(self, G: Weights, D: Weights) -> None:
        """Both players, fresh optimizers, and the same data and noise for every training."""
        run = self.run
        try:
            run.G.load_state_dict(G)
            run.D.load_state_dict(D)
        except (RuntimeError, AttributeError, TypeError) as error:
            raise RunError(f"the checkpoint does not fit the networks of this config: {error}") from error
        for optimizer, unused in zip((run.opt_G, run.opt_D), self._unused, strict=True):
            optimizer.load_state_dict(unused)
        run.reals.cursor = 0
        run.noise = generator(run.seed, "noise", device=run.device)
        torch.manual_seed(derive(run.seed, "train"))

    @torch.no_grad()
    def _judge(self) -> Reading:
        run = self.run
        held = run.reals.held_out("probe")
        n = 0 if held is None else len(held.x) - len(held.x) % run.pack
        if held is None or n < 2 * run.pack:
            raise DataError("the data set is too small: nothing of it is held out to judge on; see train.held_out")
        y = held.y[:n] if run.classes is not None and held.y is not None else None
        with unseen(run), judging(run.G), judging(run.D):
            torch.manual_seed(derive(run.seed, "aids"))  # the same noise on what every D sees
            fake = call(run.D, run.see(fresh(run, n, y, "probe")), y).double()
            real = call(run.D, run.see(held.x[:n]), y).double()
        shares = accuracy(run.loss, real, fake) or {"pair": ((real - fake).sign() + 1).mean() / 2}
        each = list(zip(real.split(1), fake.split(1), strict=True))
        return Reading(
            torch.stack([total(run.loss.discriminator(r, f)) for r, f in each]).cpu(),
            torch.stack([run.loss.generator(f, r) for r, f in each]).cpu(),
            float(torch.stack([*shares.values()]).mean()),
            None if why_not(run) else float(run.loss.estimate(real, fake)),
        )


def _constant(loss: Loss) -> float:
    """D's loss where it says the same of all samples, that with which it loses least: where it decides."""
    output = torch.tensor([loss.threshold or 0.0], dtype=torch.float64)
    return float(total(loss.discriminator(output, output)))
