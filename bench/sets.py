"""What is measured: networks, data and batch sizes, and the goals that they are held to."""

from dataclasses import dataclass, field

PRECISIONS = ("fp32", "bf16")
Goal = tuple[float, float]  # at least so many times the tutorial's speed: by wall time, by CPU time (0: no goal)
BUSY = 0.9  # of a step an accelerator is to compute


@dataclass(frozen=True)
class Set:
    """One thing to train.

    Args:
        overrides: of `gan-train`, without the data. The networks of every contender come from them.
        shape: of a sample, [C, H, W] or [D].
        goals: by precision, or "cuda" for both; the tutorial-style loop runs in fp32, as it is written.
    """

    name: str
    title: str
    overrides: tuple[str, ...]
    shape: tuple[int, ...]
    batch: int
    d_steps: int = 1
    goals: dict[str, Goal] = field(default_factory=dict)
    dataset: str = "array"  # of gan-cli; "array": the made-up data that all contenders have

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3

    @property
    def critic(self) -> bool:
        """Whether D is a critic: no probabilities, a gradient penalty."""
        return "loss=wgan_gp" in self.overrides


_PLAIN = ("loss=nonsaturating", "penalty=none", "optimizer.lr=2e-4")


def _dcgan(side: int, channels: int, goals: dict[str, Goal]) -> Set:
    overrides = ("model=dcgan", "model.base_channels=64", *_PLAIN)
    title = f"DCGAN, {side} px, {channels} channel{'s' if channels > 1 else ''}, batch 128"
    return Set(f"dcgan{side}-{channels}", title, overrides, (channels, side, side), 128, goals=goals)


def _mlp(name: str, title: str, *more: str) -> Set:
    return Set(name, title, ("model=mlp", *more, *_PLAIN), (1, 28, 28), 64, goals={"fp32": (3.0, 2.7)})


_GOALS_32: dict[str, Goal] = {"bf16": (2.2, 2.2)}
_GOALS_64: dict[str, Goal] = {"fp32": (1.25, 1.25), "bf16": (2.5, 2.5), "cuda": (3.0, 0.0)}
# The wide one has about the weights of the networks that the collection PyTorch-GAN trains at 28 pixels.
_WIDE = ("model.generator.width=640", "model.generator.norm=batch", "model.discriminator.width=400")
_CRITIC = ("model=dcgan", "model.base_channels=64", "loss=wgan_gp", "optimizer.lr=2e-4")

SETS = {
    one.name: one
    for one in (
        _mlp("mlp28", "MLP of 256 units, 28 px, batch 64"),
        _mlp("mlp28-wide", "MLP of 640 and 400 units, 28 px, batch 64", *_WIDE),
        Set(
            *("ring", "MLP on a ring of Gaussians, batch 256", ("model=mlp", "prior.dim=2", *_PLAIN), (2,), 256),
            goals={"fp32": (2.0, 2.0)},
            dataset="ring",
        ),
        _dcgan(32, 1, _GOALS_32),
        _dcgan(32, 3, _GOALS_32),
        _dcgan(64, 1, _GOALS_64),
        _dcgan(64, 3, _GOALS_64),
        Set("wgan32", "WGAN-GP, DCGAN at 32 px, 5 steps of D, batch 64", _CRITIC, (1, 32, 32), 64, d_steps=5),
    )
}
DEFAULT = Set("default", "gan-train without a word", (), (1, 16, 16), 32, dataset="digits")
QUICK = ("mlp28", "mlp28-wide", "ring", "dcgan32-1", "dcgan64-3")
