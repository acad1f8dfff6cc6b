"""What each alarm says: what was seen, why it is likely so, and which overrides to try. Reasons: docs/theory.md."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SAW = {
    "d_too_strong": "D tells all samples from real data, and G does not learn from it",
    "d_too_weak": "D is no better than a coin, and the samples are not like the data",
    "vanishing_gradient": "G's gradient is all but gone while D tells the samples apart",
    "mode_collapse": "the samples are far more alike than real data",
    "not_finite": "a loss or a gradient is not finite",
    "metric_regressing": "the samples were much closer to the data earlier in the run",
    "oscillating": "D and G overtake each other by turns, and the swings do not fade",
}
CAUSE = {
    "d_too_strong": "D learns faster than G can follow; what it knows has become too sharp to show G a way",
    "d_too_weak": "D learns too slowly, is too small or held back too much: its 50 % is no equilibrium",
    "vanishing_gradient": "the loss saturates where D is sure, or D is flat there",
    "mode_collapse": "G gives one answer to many z, and a D that judges samples one at a time need not mind",
    "not_finite": "steps too long for the slopes of the losses",
    "metric_regressing": "the learning rate is too high this late, or D has stopped learning or overfits",
    "oscillating": "the game circles around its equilibrium: nothing damps it, or momentum and step size feed it",
}
ALARMS = tuple(SAW)


@dataclass(frozen=True)
class Alarm:
    """One alarm, as `status.json` holds it."""

    name: str
    step: int
    saw: str
    evidence: str
    cause: str
    overrides: tuple[str, ...]

    def __str__(self) -> str:
        """For the screen."""
        return (
            f"alarm {self.name} at step {self.step:,}: {self.saw}\n"
            f"  evidence  {self.evidence}\n"
            f"  likely    {self.cause}\n"
            f"  try       {'  or  '.join(self.overrides)}"
        )

    def markdown(self) -> str:
        """For TensorBoard's Text tab."""
        tries = "\n".join(f"- `{override}`" for override in self.overrides)
        return f"**Step {self.step:,}: {self.saw}**\n\n{self.evidence}\n\nLikely: {self.cause}. Try one of\n\n{tries}"

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"overrides": list(self.overrides)}


def alarm(name: str, step: int, evidence: str, settings: Mapping[str, Any]) -> Alarm:
    """An alarm with the overrides that fit this run's settings, given by their dotted keys."""
    return Alarm(name, step, SAW[name], evidence, CAUSE[name], tuple(_overrides(name, settings)[:3]))


def _overrides(name: str, settings: Mapping[str, Any]) -> list[str]:
    """What to try, the likeliest first: each a word of a gan-train command."""
    loss = str(settings.get("loss._target_", "")).rpartition(".")[2]
    relativistic, critic = loss == "Relativistic", loss == "Wasserstein"
    lr_g: Any = settings.get("optimizer.generator.lr")
    lr_d: Any = settings.get("optimizer.discriminator.lr")
    gamma: Any = settings.get("penalty.gamma")
    penalty = str(settings.get("penalty._target_", "")).rpartition(".")[2]
    free = penalty in ("", "NoPenalty", "Clip")
    known = isinstance(lr_g, int | float) and isinstance(lr_d, int | float)
    tame_d = ["penalty=r1"] if free else [f"penalty.gamma={4 * gamma:g}"] if gamma else []
    even = [f"optimizer.discriminator.lr={lr_g:g}"] if known and lr_g != lr_d else []  # one time scale for both
    found: list[str] = []
    match name:
        case "d_too_strong":
            found += even if known and lr_d > lr_g else []
            found += ["train.d_steps=1"] if settings.get("train.d_steps", 1) > 1 else []
            found += [*tame_d, "aids.instance_noise=0.1", "optimizer.discriminator.lr=1e-4"]
        case "d_too_weak":
            found += ["aids.label_flips=0"] if settings.get("aids.label_flips") else []
            found += ["aids.instance_noise=0"] if settings.get("aids.instance_noise") else []
            found += even if known and lr_d < lr_g else []
            found += [f"penalty.gamma={gamma / 10:g}"] if gamma else []
            found += [f"train.d_steps={2 * settings.get('train.d_steps', 1)}"]
            sizes = [f"model.discriminator.{size}" for size in ("width", "base_channels")]
            found += [f"{size}={2 * settings[size]}" for size in sizes if size in settings]
        case "vanishing_gradient":
            found += ["loss=nonsaturating"] if loss == "Minimax" else []
            found += ["train.d_head_start=0"] if settings.get("train.d_head_start") else []
            found += [*tame_d, "aids.instance_noise=0.1", *([] if critic else ["loss=wgan_gp"])]
        case "mode_collapse":
            found += [f"optimizer.generator.lr={lr_d:g}"] if known and lr_g > lr_d else []
            found += [] if relativistic else ["loss=relativistic"]
            found += [] if settings.get("model.conditional") or settings.get("model.pack", 1) > 1 else ["model.pack=2"]
            found += ["penalty=r1r2"] if relativistic and penalty != "R1R2" else []
            found += [f"train.d_steps={2 * settings.get('train.d_steps', 1)}", "model.discriminator.minibatch_std=true"]
        case "metric_regressing":
            found += ["train.lr_schedule=cosine"] if settings.get("train.lr_schedule") == "constant" else []
            found += [f"optimizer.lr={min(lr_g, lr_d) / 2:g}"] if known else []
            found += tame_d
            found += [] if settings.get("train.ema_half_life_images") else ["train.ema_half_life_images=20000"]
        case "oscillating":
            found += ["train.updates=alternating"] if settings.get("train.updates") == "simultaneous" else []
            found += ["penalty=r1"] if penalty not in ("R1", "R1R2") else tame_d
            found += ["'optimizer.betas=[0.0,0.99]'"] if (settings.get("optimizer.betas") or [0])[0] else []
            found += [f"optimizer.lr={min(lr_g, lr_d) / 4:g}"] if known else []
            found += ["aids.instance_noise=0.1"]
        case "not_finite":
            found += [f"optimizer.lr={min(lr_g, lr_d) / 10:g}"] if known else []
            found += ["train.clip_grad_norm=1", *(["penalty=r1"] if free else [])]
    return found
