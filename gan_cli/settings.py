"""What the loop and the command are told, as frozen dataclasses that check their own ranges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gan_cli.scores import PREFIX, SCORES, direction, tag

# More than these is a slip of the finger: a step or a grid that never ends, threads that no machine has.
MOST = {"steps": 10**9, "d_head_start": 10**6, "held_out": 10**8, "threads": 1024, "devices": 4096}
MOST |= dict.fromkeys(("d_steps", "g_steps", "d_warmup", "samples"), 10_000)
MOST |= {"eval_samples": 10**6}


# Keys at the top that no run is made of.
OF_THE_COMMAND = ("dry_run", "resume", "trust", "other_data", "retry", "timeout_minutes")


@dataclass(frozen=True)
class Settings:
    """The keys at the top of a config.

    Raises:
        ValueError: a value is out of range.
    """

    seed: int = 0
    device: str = "auto"
    dry_run: bool = False
    resume: str | None = None
    trust: bool = False
    other_data: bool = False
    retry: bool = False
    timeout_minutes: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be in [0, 2**63), got {self.seed}")
        if self.resume is not None and not self.resume.strip():
            raise ValueError("resume needs a run directory, such as resume=outputs/latest")
        if self.timeout_minutes is not None and self.timeout_minutes <= 0:
            raise ValueError(f"timeout_minutes must be positive or null, got {self.timeout_minutes}")


@dataclass(frozen=True)
class TrainConfig:
    """How the loop runs. A step is one turn of Algorithm 1: `d_steps` updates of D, then `g_steps` of G.

    Raises:
        ValueError: a value is out of range, or two contradict each other.
    """

    steps: int | None = None
    epochs: float | None = None
    images: int | None = None
    batch_size: int = 64
    d_steps: int = 1
    g_steps: int = 1
    d_head_start: int = 0
    d_warmup: int = 100
    d_warmup_steps: int = 0
    g_is_data: bool = False
    fakes: Literal["fresh", "reused"] = "fresh"
    updates: Literal["alternating", "simultaneous"] = "alternating"
    ema_half_life_images: float | None = None
    ema_ramp: float = 0.05
    clip_grad_norm: float | None = None
    lr_schedule: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    lr_warmup_steps: int = 0
    lr_final: float = 0.0
    momentum_final: float | None = None
    held_out: int | Literal["auto"] = "auto"
    devices: int = 1
    restarts: int = 0
    threads: int | Literal["auto"] = "auto"
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    tf32: bool = True
    channels_last: bool | Literal["auto"] = "auto"
    compile: bool | Literal["on", "off"] = False
    profile: bool = False
    log_every: int = 100
    sample_every: int = 500
    checkpoint_every: int = 500
    keep: int | None = 2
    keep_best: str | None = None
    best_is: Literal["auto", "smallest", "largest"] = "auto"
    patience: int | None = None
    eval_every: int | None = None
    eval_samples: int | None = None
    eval_metrics: Sequence[str] | None = None
    on_not_finite: Literal["stop", "rollback"] = "stop"
    rollbacks: int = 3
    samples: int = 64
    stop_on: Sequence[str] = ()

    def __post_init__(self) -> None:
        lengths = {name: getattr(self, name) for name in ("steps", "epochs", "images")}
        given = {name: value for name, value in lengths.items() if value is not None}
        if len(given) != 1:
            found = ", ".join(f"{name}={value}" for name, value in given.items()) or "none of them"
            raise ValueError(f"say how long with one of steps, epochs and images; got {found}")
        counts = ("batch_size", "d_steps", "d_warmup", "g_steps", "devices", "samples")
        for name in (*given, *counts, "log_every", "sample_every", "checkpoint_every"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name, most in MOST.items():
            value = getattr(self, name)
            if isinstance(value, int) and value > most:
                raise ValueError(f"{name} must be at most {most:,}, got {value}")
        if self.threads != "auto" and self.threads < 1:
            raise ValueError(f"threads must be auto or at least 1, got {self.threads}")
        for name in ("ema_half_life_images", "clip_grad_norm", "keep", "patience", "eval_every"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive or null, got {value}")
        if self.held_out != "auto" and self.held_out < 2:
            raise ValueError(f"held_out must be auto or at least 2 examples, got {self.held_out}")
        rates = ("ema_ramp", "lr_warmup_steps", "lr_final")
        for name in ("d_head_start", "d_warmup_steps", *rates, "rollbacks", "restarts"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.lr_final and self.lr_schedule == "constant":
            raise ValueError(f"lr_final={self.lr_final} is where a schedule ends; lr_schedule is constant")
        if not self.lr_final and self.lr_schedule == "exponential":
            raise ValueError("lr_schedule=exponential never reaches 0; set lr_final to where it ends, such as 0.1")
        if self.momentum_final is not None and not 0 <= self.momentum_final < 1:
            raise ValueError(f"momentum_final must be in [0, 1) or null, got {self.momentum_final}")
        self._check_evaluation()
        if self.updates == "simultaneous" and (self.d_steps, self.g_steps, self.d_warmup_steps) != (1, 1, 0):
            raise ValueError(
                f"updates=simultaneous moves both players once a step; got d_steps={self.d_steps}, "
                f"g_steps={self.g_steps}, d_warmup_steps={self.d_warmup_steps}. Set them to 1, 1 and 0, or "
                "updates=alternating"
            )
        if self.fakes == "reused" and self.g_steps != 1:
            raise ValueError(
                f"fakes=reused hands D's fakes to one update of G; got g_steps={self.g_steps}. "
                "Set g_steps=1, or fakes=fresh"
            )

    def _check_evaluation(self) -> None:
        if self.eval_samples is not None and self.eval_samples < 2:
            raise ValueError(f"eval_samples must be at least 2 or null, got {self.eval_samples}")
        by, evaluates = self.keep_best, tag(self.keep_best or "").startswith(PREFIX)
        if evaluates and self.eval_every is None:
            raise ValueError(f"keep_best={by} is found by evaluating, and eval_every is null; set eval_every=500, say")
        if evaluates and self.best_is == "auto" and by and direction(by) is None and by.removeprefix(PREFIX) in SCORES:
            near = SCORES[by.removeprefix(PREFIX)].better
            raise ValueError(f"keep_best={by} is best {near}; say best_is=smallest or best_is=largest")
        if self.patience is not None and not evaluates:
            raise ValueError(
                f"patience={self.patience} counts evaluations without a better keep_best, which is {by}; set "
                "eval_every=500, say, and keep_best to a figure of the evaluation, such as cfd or reverse_kl"
            )

    def total_steps(self, examples: int | None) -> int:
        """The number of steps.

        Args:
            examples: in the data set; None where it is endless.

        Raises:
            ValueError: epochs of an endless data set, or more steps than any run has.
        """
        if self.steps is not None:
            return self.steps
        if self.images is not None:
            return self._steps_for(self.images / self.batch_size)
        if examples is None:
            raise ValueError("this data set is endless and has no epochs; use train.steps or train.images")
        assert self.epochs is not None
        return self._steps_for(self.epochs * examples / self.batch_size)

    def _steps_for(self, batches: float) -> int:
        """The steps in which D sees so many batches, the last one begun counted."""
        first = self.d_warmup * self.d_warmup_steps
        if batches <= first:
            steps = math.ceil(batches / self.d_warmup)
        else:
            steps = self.d_warmup_steps + math.ceil((batches - first) / self.d_steps)
        if steps > MOST["steps"]:
            raise ValueError(f"that is {steps:.3g} steps; {MOST['steps']:,} are the most")
        return steps

    @property
    def judge(self) -> tuple[str, Literal["smallest", "largest"]] | None:
        """The logged figure that `keep_best` means, and which value of it is the best."""
        if self.keep_best is None:
            return None
        best_is = direction(self.keep_best) or "smallest" if self.best_is == "auto" else self.best_is
        return tag(self.keep_best), best_is

    def is_better(self, value: float, best: float) -> bool:
        """Whether a value of `keep_best` beats the best so far."""
        assert self.judge is not None
        return value < best if self.judge[1] == "smallest" else value > best

    def d_updates(self, step: int) -> int:
        """k of Algorithm 1 at a step: `d_warmup` in the first `d_warmup_steps`, then `d_steps`."""
        return self.d_warmup if step < self.d_warmup_steps else self.d_steps

    def batches(self, steps: int) -> int:
        """Batches of real data that D sees in the first so many steps, its head start not counted.

        >>> TrainConfig(steps=10, d_steps=5, d_warmup=100, d_warmup_steps=2).batches(4)
        210
        """
        warm = min(steps, self.d_warmup_steps)
        return warm * self.d_warmup + (steps - warm) * self.d_steps

    def lr_factor(self, step: int, steps: int) -> float:
        """What the learning rate is multiplied with at a step in [0, steps): warm-up, then the schedule.

        >>> TrainConfig(steps=10, lr_warmup_steps=4).lr_factor(0, 10)
        0.25
        >>> TrainConfig(steps=10, lr_schedule="linear").lr_factor(5, 10)
        0.5
        >>> TrainConfig(steps=10, lr_schedule="exponential", lr_final=0.01).lr_factor(5, 10)
        0.1
        """
        warm = min(1.0, (step + 1) / self.lr_warmup_steps) if self.lr_warmup_steps else 1.0
        done = step / steps
        match self.lr_schedule:
            case "constant":
                return warm
            case "linear":
                left = 1 - done
            case "cosine":
                left = (1 + math.cos(math.pi * done)) / 2
            case "exponential":
                return warm * math.pow(self.lr_final, done)
        return warm * (self.lr_final + (1 - self.lr_final) * left)
