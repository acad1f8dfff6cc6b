"""The `Run` that the loop works on: both players, their optimizers, the data and the noise, and how to save it all."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_cli import checkpoint
from gan_cli.aids import Aids, pack
from gan_cli.alarms import Alarm
from gan_cli.console import Console
from gan_cli.data import Stream
from gan_cli.ema import EMA
from gan_cli.errors import RunError
from gan_cli.health import Health
from gan_cli.logbook import Logbook
from gan_cli.losses import Loss
from gan_cli.models.layers import MinibatchStd
from gan_cli.penalties import Penalty
from gan_cli.priors import Prior
from gan_cli.record import Status
from gan_cli.seeds import generator
from gan_cli.settings import TrainConfig

Metrics = dict[str, Tensor | float | str]  # what a step logs
FORMAT = 1  # of a checkpoint's content; raised when an older reader would misread it


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
    classes: int | None = None  # of conditional networks
    health: Health = field(default_factory=Health)
    step: int = 0
    committed: int | None = None  # the step of the last checkpoint
    stopping: bool = False  # set from a signal handler, or by an alarm; the step ends first
    stopped_by: Alarm | None = None  # of train.stop_on
    watching: bool = False  # whether this step's figures will be logged
    fakes: Tensor | None = None  # D's last fakes with their graph, where G's update uses them again
    twin: Stream = field(init=False)  # the same data in another order, for `g_is_data`
    noise: torch.Generator = field(init=False)
    norms: dict[str, Tensor] = field(default_factory=dict)  # of both players' last gradients
    last_penalty: Tensor = field(init=False)  # of the last update that had one: a lazy penalty skips updates
    log: Logbook = field(init=False)
    console: Console = field(init=False)
    status: Status = field(init=False)
    directory: Path = field(init=False)

    def __post_init__(self) -> None:
        self.twin = self.reals.twin()
        self.noise = generator(self.seed, "noise", device=self.device)
        self.last_penalty = torch.zeros((), device=self.device)

    def z(self, n: int) -> Tensor:
        """Noise for n samples: [n, dim]."""
        return self.prior.sample(n, self.noise)

    @property
    def labels(self) -> Tensor | None:
        """Of the last real batch, [N], and of the fakes that go with it; None where the networks know no classes."""
        return None if self.classes is None else self.reals.labels

    def generate(self, n: int, y: Tensor | None = None) -> Tensor:
        """n samples of G, [n, *shape], of the classes y; of the data itself where `g_is_data`."""
        if self.cfg.g_is_data:
            self.twin.cursor = self.reals.cursor  # one batch for each update of D: no state of its own to save
            return next(self.twin)
        return call(self.G, self.z(n), y)

    def judge(self, y: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """D of samples of the classes y: from what `see` returns to logits."""
        return lambda x: call(self.D, x, y)

    def see(self, x: Tensor) -> Tensor:
        """Samples [N, *shape] as D sees them now: with its aids, in packs."""
        return pack(self.aids.see(x, self.step), self.pack)

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

    def due(self, every: int) -> bool:
        """Whether something that happens every so many steps, and at the last one, happens now."""
        return self.step % every == 0 or self.step == self.steps

    def open(self, directory: Path, state: dict[str, Any] | None = None) -> AbstractContextManager[Console]:
        """Start writing to a run directory: from scratch, or from the state of a checkpoint.

        Returns:
            The screen, to be entered as a context.
        """
        self.directory = directory
        if state is not None:
            self._restore(state)
        self.log = Logbook(directory, self.step, state["offsets"] if state else None)
        self.health.replay(directory / "metrics.jsonl")  # cut to the last checkpoint
        self.status = Status(directory, self.steps)
        self.status.alarms = [alarm.plain() for alarm in self.health.raised.values()]
        self.status.write("running", self.step)
        self.console = Console(self.step, self.steps, self.cfg.batch_size * self.cfg.d_steps)
        if state is not None and state["device"] != self.device.type:
            self.console.say(f"from {state['device']} to {self.device.type}: another random generator, other bits")
        return self.console

    def sound(self, alarm: Alarm, aloud: bool = True) -> None:
        """Say an alarm wherever the run is looked at, on the screen if `aloud`; end the run if it was to end on it."""
        self.log.alarm(alarm.step, alarm.name, alarm.markdown())
        if aloud:
            self.console.say(str(alarm))
        self.status.alarms.append(alarm.plain())
        self.status.write("running", self.step)
        if alarm.name in self.cfg.stop_on and not self.stopping:
            self.stopping, self.stopped_by = True, alarm

    def save(self) -> Path:
        """Commit: make the logs durable, then write a checkpoint that says how far they go."""
        state = self._state() | {"offsets": self.log.commit()}
        path = checkpoint.save(self.directory / "checkpoints", self.step, state, self.cfg.keep)
        self.committed = self.step
        self.status.write("running", self.step)
        return path

    def _state(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "step": self.step,
            "cursor": self.reals.cursor,
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "ema": self.ema.G.state_dict() if self.ema else None,
            "opt_G": self.opt_G.state_dict(),
            "opt_D": self.opt_D.state_dict(),
            "noise": self.noise.get_state(),
            "random": torch.get_rng_state(),
            "random_device": device_random(self.device),
            "device": self.device.type,
            "last_penalty": self.last_penalty,
            "machine": machine(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        if state.get("format") != FORMAT:
            raise RunError(f"the checkpoint has format {state.get('format')}; this version reads format {FORMAT}")
        missing = sorted((self._state().keys() | {"offsets"}) - state.keys())
        if missing:
            raise RunError(f"the checkpoint lacks {', '.join(missing)}: it was not written by this version")
        if self.ema and state["ema"] is None:
            raise RunError("the checkpoint holds no average of G; resume without train.ema_half_life_images")
        try:
            self.G.load_state_dict(state["G"])
            self.D.load_state_dict(state["D"])
            if self.ema:
                self.ema.G.load_state_dict(state["ema"])
            self.opt_G.load_state_dict(state["opt_G"])
            self.opt_D.load_state_dict(state["opt_D"])
        except (RuntimeError, ValueError) as error:
            raise RunError(f"the checkpoint does not fit the networks of this config: {error}") from error
        self.step, self.reals.cursor = state["step"], state["cursor"]
        self.committed = self.step
        self.last_penalty = state["last_penalty"].to(self.device)
        torch.set_rng_state(state["random"])
        if state["device"] != self.device.type:  # generators of different devices have different states
            self.noise = generator(self.seed, "noise", self.step, device=self.device)
            return
        self.noise.set_state(state["noise"])
        set_device_random(self.device, state["random_device"])


def call(net: nn.Module, x: Tensor, y: Tensor | None) -> Tensor:
    """A network of one argument, or of two where there are classes."""
    out: Tensor = net(x) if y is None else net(x, y)
    return out


def device_random(device: torch.device) -> Tensor | None:
    """The state of the device's own random generator; None on a CPU, which has the global one."""
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None


def set_device_random(device: torch.device, state: Tensor | None) -> None:
    """Put back what `device_random` gave."""
    if state is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    elif state is not None and device.type == "mps":
        torch.mps.set_rng_state(state)


def machine() -> dict[str, Any]:
    """What the last bits of a result depend on, beside the seed."""
    return {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
