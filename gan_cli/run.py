"""The `Run` that the loop works on: both players, their optimizers, the data and the noise, and how to save it all."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_cli import chance, checkpoint
from gan_cli.aids import Aids, pack
from gan_cli.alarms import Alarm
from gan_cli.best import Best
from gan_cli.console import Console
from gan_cli.data import Stream
from gan_cli.data.moments import Moments
from gan_cli.ema import EMA
from gan_cli.errors import Diverged, RunError
from gan_cli.fitting import FORMAT, require_all, require_data, require_fit
from gan_cli.forward import Forward, call, like_weights
from gan_cli.guard import Guard
from gan_cli.health import Health
from gan_cli.history import columns
from gan_cli.logbook import Logbook
from gan_cli.losses import Loss
from gan_cli.machine import machine, not_finite, size_of
from gan_cli.models.layers import MinibatchStd
from gan_cli.parts import part
from gan_cli.penalties import Penalty
from gan_cli.priors import Prior
from gan_cli.ranks import Draws, Ranks
from gan_cli.record import Status
from gan_cli.remarks import of_device, of_ranks, of_ways
from gan_cli.seeds import generator
from gan_cli.settings import TrainConfig
from gan_cli.silent import Silent
from gan_cli.state import digest, from_bytes, to_bytes
from gan_cli.trackers import About, Feed, Tracker

Metrics = dict[str, Tensor | float | str]  # what a step logs


@dataclass
class Run:
    """Everything that one run moves, and the step it has reached."""

    cfg: TrainConfig
    seed: int
    device: torch.device
    steps: int
    reals: Stream
    prior: Prior
    G: nn.Module
    D: nn.Module
    loss: Loss
    penalty: Penalty
    opt_G: Optimizer
    opt_D: Optimizer
    ema: EMA | None
    aids: Aids = field(default_factory=Aids)
    pack: int = 1  # samples in one input of D
    forward: Forward = field(default_factory=Forward)  # how the networks are called in training
    classes: int | None = None  # of conditional networks
    moments: Moments | None = None  # of the data, where both networks standardise by them
    other_data: bool = False  # whether a resume may go on with other data
    ranks: Ranks = field(default_factory=Ranks)  # the processes that train this run together
    health: Health = field(default_factory=Health)
    trackers: Mapping[str, Tracker] = field(default_factory=dict)  # besides TensorBoard, by their names
    step: int = 0
    committed: int | None = None  # the step of the last checkpoint
    rollbacks: int = 0  # so far, of train.on_not_finite
    damaged: Sequence[Path] = ()  # checkpoints that a resume passed over; the next one takes their place
    infinite: frozenset[str] = frozenset()  # parts of the networks that are not finite from the start
    saving: float = 0.0  # seconds spent on checkpoints by this process
    stopping: bool = False  # set from a signal handler, or by an alarm; the step ends first
    signal: int = 0  # the one that came, on any rank
    agreed: tuple[bool, bool] = (False, False)  # of several processes: to end before the last step; to keep this one
    stopped_by: Alarm | None = None  # of train.stop_on
    evaluator: object = None  # of train.eval_every, made when it is first needed
    watching: bool = False  # whether this step's figures will be logged
    fakes: Tensor | None = None  # D's last fakes with their graph, where G's update uses them again
    twin: Stream = field(init=False)  # the same data in another order, for `g_is_data`
    noise: torch.Generator = field(init=False)
    draws: Draws | None = field(init=False, default=None)  # of penalties and aids, where there are several processes
    guard: Guard = field(init=False)
    best: Best = field(init=False)
    norms: dict[str, Tensor] = field(default_factory=dict)  # of both players' last gradients
    last_penalty: Tensor = field(init=False)  # of the last update that had one: a lazy penalty skips updates
    line_every: float = 10.0  # seconds between two lines on a screen that has no bar
    config: Mapping[str, Any] = field(default_factory=dict)  # what it was built from, for whoever trains it
    log: Logbook = field(init=False)
    console: Console = field(init=False)
    status: Status = field(init=False)
    directory: Path = field(init=False)

    def __post_init__(self) -> None:
        if not self.ranks.alone:
            self.reals.mine = self.ranks.rows(self.cfg.batch_size)
            self.reseed("train")
        self.twin = self.reals.twin()
        self.noise = generator(self.seed, "noise", device=self.device)
        self.last_penalty = torch.zeros((), device=self.device)
        self.best = Best(self.cfg)
        self.guard = Guard(defers=self.device.type != "cpu")

    def align(self) -> None:
        """Before its first step: all ranks begin with the weights of rank 0. Alike by their seed they are already, but
        for the last bits of a spectral norm's first products on another machine.
        """
        nets = [self.G, self.D, *([self.ema.G] if self.ema else [])]
        self.ranks.align([t for net in nets for t in net.state_dict().values() if t.is_floating_point()])

    def reseed(self, *key: str | int) -> None:
        """Start anew what dropout, penalties and aids draw from."""
        self.draws = chance.seeded(self.seed, self.ranks, self.device, *key)

    @property
    def chance(self) -> Any:
        """What penalties and aids draw by: `torch`, or this rank's rows of what all draw."""
        return self.draws or torch

    def by_itself(self) -> AbstractContextManager[None]:
        """This process draws and normalises without the others, as it would alone; nothing it draws moves the run."""
        return nullcontext() if self.draws is None else chance.by_itself(self.draws, self.device, self.G, self.D)

    def z(self, n: int) -> Tensor:
        """Noise for n samples: [n, dim]."""
        return self.ranks.share(self.prior.sample(n * self.ranks.size, self.noise))

    @property
    def labels(self) -> Tensor | None:
        """Of the last real batch, [N], and of the fakes that go with it; None where the networks know no classes."""
        return None if self.classes is None else self.reals.labels

    def generate(self, n: int, y: Tensor | None = None) -> Tensor:
        """n samples of G, [n, *shape], of the classes y; of the data itself where `g_is_data`."""
        if self.cfg.g_is_data:
            # One batch for each update of D: no state of its own to save.
            self.twin.cursor = self.reals.position
            return next(self.twin)
        return self.forward(self.G, self.z(n), y)

    def judge(self, y: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """D of samples of the classes y: from what `see` returns to logits, as fast as the run is to be."""
        return lambda x: self.forward(self.D, x, y)

    def judge_plainly(self, y: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """The same in float32 and uncompiled: a penalty's second derivative needs digits, and a graph of its own."""
        return lambda x: call(self.D, x, y)

    def see(self, x: Tensor) -> Tensor:
        """Samples [N, *shape] as D sees them now: with its aids, in packs."""
        return pack(self.aids.see(x, self.step, self.chance), self.pack)

    @property
    def is_single(self) -> bool:
        """Whether D judges each sample by itself: not a pack, nor by what stands beside it or its class."""
        minded = any(isinstance(module, MinibatchStd) for module in self.D.modules())
        return self.pack == 1 and self.classes is None and not minded

    @property
    def reuses_fakes(self) -> bool:
        """Whether G's next update takes the fakes of this update of D: the last one before it."""
        cfg, updates = self.cfg, self.reals.cursor - self.cfg.d_head_start  # of D, this one included, since step 0
        warm = cfg.d_warmup * cfg.d_warmup_steps
        k, since = (cfg.d_warmup, updates) if updates <= warm else (cfg.d_steps, updates - warm)
        return cfg.fakes == "reused" and since > 0 and since % k == 0

    @property
    def history(self) -> dict[str, list[float]]:
        """The figures that were logged so far: of `loss/d` its values, and of `step` the steps that they are of."""
        return columns(self.directory / "metrics.jsonl")

    def due(self, every: int) -> bool:
        """Whether something that happens every so many steps, and at the last one, happens now."""
        return self.step % every == 0 or self.step == self.steps

    def open(self, directory: Path, state: dict[str, Any] | None = None) -> AbstractContextManager[Console]:
        """Start writing to a run directory: from scratch, or from the state of a checkpoint.

        Returns:
            The screen, to be entered as a context. Of several processes, all but rank 0 write and say nothing.
        """
        self.directory = directory
        if state is not None:
            self.restore(state)
        self.infinite = frozenset(self._not_finite(self.state()))  # the -inf of an attention's mask, say
        if not self.ranks.leads:
            self.log, self.status, self.console = cast(tuple[Any, Any, Any], (Silent(), Silent(), Silent()))
            return self.console
        if state is not None:
            # What the commit of this step was to remove, had it not been killed.
            checkpoint.prune(directory / "checkpoints", self.step, self.cfg.keep, self.best.step)
            found = checkpoint.available(directory / "checkpoints")
            self.damaged = [path for path in found if checkpoint.step_of(path) > self.step]  # passed over
        self.log = Logbook(directory, self.step, state["offsets"] if state else None)
        try:
            harm = self.watch_again()
            self.status = Status(directory, self.steps)
            self.status.alarms = [alarm.plain() for alarm in self.health.raised.values()]
            self.status.write("running", self.step)
        except BaseException:
            self.log.close()
            raise
        images = self.cfg.batch_size
        self.console = Console(
            self.step, self.steps, lambda steps: images * self.cfg.batches(steps), interval=self.line_every
        )
        if harm:
            self.console.say(f"{harm}; alarms judge by what is logged from here on")
        said = [*of_device(state, self.device)] if state else []
        said += of_ranks(self.ranks, self.cfg.batch_size, self.G, self.D)
        for line in [*said, *(of_ways(state, self._ways) if state else [])]:
            self.console.say(line)
        self.forward.tell = self.console.say
        return self.console

    def follow(self, config: Mapping[str, Any], group: str | None = None) -> None:
        """Let the trackers begin, and tell them of all that is logged from here on.

        Args:
            config: resolved; without what is of the command alone.
            group: the name of the sweep.

        Raises:
            RunError: one cannot begin, and no step is taken yet.
        """
        followed = self.trackers.items() if self.ranks.leads else ()  # one process speaks for all
        feeds = [Feed(name, tracker, self.console.say) for name, tracker in followed]
        for feed in feeds:
            feed.begin(About(self.directory, config, self.step, group))
            self.log.follow([feed])  # one by one: what has begun is ended, whatever becomes of the next

    def watch_again(self) -> str | None:
        """Let a new watcher take in the log, which was cut back to the last checkpoint.

        Returns:
            What is wrong with the log, if anything.
        """
        self.health = self.health.anew()
        try:
            self.health.replay(self.directory / "metrics.jsonl")
        except RunError as error:
            return str(error)
        return None

    def from_lead(self, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A state that rank 0 reads, on all ranks: the others may be where its files are not."""
        if self.ranks.alone:
            return read()
        state = read() if self.ranks.leads else {}
        data = self.ranks.broadcast_bytes(to_bytes(state) if self.ranks.leads else None)
        return state if self.ranks.leads else from_bytes(data)

    def agree(self) -> None:
        """Let all ranks know what one of them alone does: a signal, an alarm or the end of patience, that a figure is
        the best. They end after the same step, and save the same one.
        """
        if not self.ranks.alone:
            ends = self.stopping or self.best.out_of_patience is not None
            number, ending, best = map(int, self.ranks.agree(self.signal, ends, self.best.is_found))
            self.signal = self.signal or number  # one may have come meanwhile
            self.agreed = bool(ending), bool(best)

    @property
    def is_ending(self) -> bool:
        """Whether there is a reason to end before the last step, of which all ranks know."""
        return self.stopping or self.best.out_of_patience is not None if self.ranks.alone else self.agreed[0]

    @property
    def found_best(self) -> bool:
        """Whether this step's evaluation is the best so far: its checkpoint is kept, and no later one."""
        return self.best.is_found if self.ranks.alone else self.agreed[1]

    def sound(self, alarm: Alarm, aloud: bool = True) -> None:
        """Say an alarm wherever the run is looked at, on the screen if `aloud`; end the run if it was to end on it."""
        self.log.alarm(alarm.step, alarm.name, alarm.markdown())
        if aloud:
            self.console.say(str(alarm))
        self.status.alarms.append(alarm.plain())
        self.status.write("running", self.step)
        if alarm.name in self.cfg.stop_on and not self.stopping:
            self.stopping, self.stopped_by = True, alarm

    @part("checkpoint")
    def save(self) -> None:
        """Commit: make the logs durable, then write a checkpoint that says how far they go. Of several processes rank 0
        does, and the others wait with what follows until they hear from it.

        Raises:
            Diverged: a loss, a gradient, a weight or a statistic is not finite; nothing is written.
            RunError: it cannot be written; older checkpoints are untouched.
        """
        began = time.perf_counter()
        self.guard.look(self.step, self.last_good)
        state = self.state()
        bad = [name for name in self._not_finite(state) if name not in self.infinite]
        if self.ranks.agree(bool(bad))[0]:
            bad = bad or ["something of another process"]
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            raise Diverged(
                f"not finite after step {self.step:,}: {', '.join(bad[:3])}{more}; {self.last_good}\n"
                "try a smaller optimizer.lr, or train.clip_grad_norm=1",
                step=self.step,
                batch=self.reals.position,
            )
        if not self.ranks.alone:
            state["randoms"] = self.ranks.gather(chance.own_state(self.device))
        if self.ranks.leads:
            self._commit(state)
        self.committed, self.best.figure, self.damaged = self.step, None, ()
        self.status.write("running", self.step)
        self.saving += time.perf_counter() - began

    def _commit(self, state: dict[str, Any]) -> None:
        state |= self.best.commit(self.step) | {"offsets": self.log.commit()}
        place, keep = self.directory / "checkpoints", self.cfg.keep
        checkpoint.save(place, self.step, state, keep, self.best.step, self.damaged)

    def _not_finite(self, state: Mapping[str, Any]) -> list[str]:
        return not_finite(**{name: state[name] for name in ("G", "D", "ema", "opt_G", "opt_D") if state[name]})

    @property
    def last_good(self) -> str:
        """Where a run that goes wrong now can go on from, in words."""
        return "none is saved" if self.committed is None else f"the last good checkpoint is of step {self.committed:,}"

    def checkpoint_size(self) -> int:
        """Bytes of a checkpoint at the most: with the moments of Adam, which are not there before the first step."""
        players = [*self.G.parameters(), *self.D.parameters()]
        nets = [self.G.state_dict(), self.D.state_dict(), *([self.ema.G.state_dict()] if self.ema else [])]
        return size_of(*nets) + 2 * sum(p.numel() * p.element_size() for p in players) + checkpoint.SPARE

    def digest(self) -> str:
        """SHA-256 of all that two equal runs have in common at their ends: both players, the average, both optimizers,
        the random generators, the position in the data and the step.
        """
        return digest({key: value for key, value in self.state().items() if key != "machine"})

    def state(self) -> dict[str, Any]:
        """All that decides how the run goes on. Of several processes it is the same on all, but for dropout."""
        return {
            "format": FORMAT,
            "step": self.step,
            "cursor": self.reals.cursor,
            "skipped": self.reals.skipped,
            "rollbacks": self.rollbacks,
            "data": self.reals.fingerprint,
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "ema": self.ema.G.state_dict() if self.ema else None,
            "opt_G": self.opt_G.state_dict(),
            "opt_D": self.opt_D.state_dict(),
            "noise": self.noise.get_state(),
            **chance.states(self.draws, self.device),
            "device": self.device.type,
            "last_penalty": self.last_penalty,
            "machine": machine() | self._ways,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint, after a look at all of it.

        Raises:
            RunError: it does not belong to this run.
            DataError: the data are other ones.
        """
        require_all(state, self.state())
        require_data(state["data"], self.reals.fingerprint, self.other_data, self.moments is not None)
        nets = {"G": self.G, "D": self.D} | ({"ema": self.ema.G} if self.ema else {})
        optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}
        require_fit(state, nets, optimizers)
        try:
            for name, part in (nets | optimizers).items():
                part.load_state_dict(state[name])
            for optimizer in optimizers.values():
                like_weights(optimizer)
            if state["device"] == self.device.type:
                self.noise.set_state(state["noise"])
            else:  # generators of different devices have different states
                self.noise = generator(self.seed, "noise", self.step, device=self.device)
            self.draws = chance.restored(state, self.seed, self.ranks, self.device)
        except Exception as error:  # the file may be somebody else's: anything can be in it
            raise RunError(f"the checkpoint does not fit this config: {str(error)[:300]}") from error
        self.step, self.reals.cursor, self.reals.skipped = state["step"], state["cursor"], state["skipped"]
        self.committed, self.rollbacks = self.step, state["rollbacks"]
        self.best.restore(state)
        self.last_penalty = state["last_penalty"].to(self.device)

    @property
    def _ways(self) -> dict[str, Any]:
        """How it is computed, as far as bits depend on it."""
        ways: dict[str, Any] = {"precision": self.forward.precision, "compiled": self.forward.compiled}
        return ways if self.ranks.alone else ways | {"processes": self.ranks.size}
