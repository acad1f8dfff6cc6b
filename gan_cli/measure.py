"""A discriminator of our own, trained against a fixed G, and what it says: theory's table, measured.

The data are N(0, 1) and G's samples N(mu, 1), as in `theory.Row`. D is an MLP of `gan_cli.models`, and the losses are
those that every run descends.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.optim import Adam

from gan_cli.losses import Loss, Minimax, NonSaturating, total
from gan_cli.models.mlp import Discriminator
from gan_cli.optimizers import without_compiler
from gan_cli.seeds import derive, generator
from gan_cli.theory import LOG_4, Row

UNITS, STEPS, BATCH, LR = 8, 800, 512, 0.2
HELD_OUT = 200_000  # samples of each density


def train(mu: float, seed: int = 0, steps: int = STEPS) -> Discriminator:
    """D's half of Algorithm 1 for long enough, G standing still; minimax and non-saturating share it.

    Maxout as in Goodfellow et al. 2014. From mu = 3 on, hardly a sample of p lies where q does, and D's slope there is
    what its family makes of the slope nearby: at mu = 4 maxout was 2 % off at worst (30 seeds), leaky ReLU 7 % (10).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "measure", "weights"))
        D = Discriminator((1,), width=UNITS, depth=1, activation="maxout")
    optimizer = without_compiler(Adam)(D.parameters(), LR)
    loss, chance = NonSaturating(), generator(seed, "measure", "train")
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = LR * (1 + math.cos(math.pi * step / steps)) / 2
        real, fake = _stratified(chance), _stratified(chance) + mu
        optimizer.zero_grad()
        total(loss.discriminator(D(real), D(fake))).backward()
        optimizer.step()
    return D


def _stratified(chance: torch.Generator) -> Tensor:
    """Standard normal [BATCH, 1], one draw from each of BATCH equally likely parts: the last digits settle sooner."""
    u = (torch.arange(BATCH) + torch.rand(BATCH, generator=chance, dtype=torch.float64)) / BATCH
    z: Tensor = torch.special.ndtri(u)  # the inverse of the standard normal's distribution function
    return z.float()[:, None]


def measure(D: Discriminator, mu: float, seed: int = 0, n: int = HELD_OUT) -> tuple[Row, Row]:
    """What D says of n fresh samples of each density, and the standard error of each figure.

    The slopes are those that G's loss sends to the samples: their mean is d/dmu, since moving mu moves each by as much.
    """
    chance = generator(seed, "measure", "held out")
    real, z = (torch.randn(n, 1, generator=chance) for _ in range(2))
    with torch.no_grad():
        r, f = D(real).double(), D(z + mu).double()
    v, v_error = _sum_of_means(-softplus(-r), -softplus(f))  # log D(x) and log(1 - D(G(z)))
    right, right_error = _sum_of_means((r > 0).double() / 2, (f < 0).double() / 2)
    d_g_z, d_g_z_error = _sum_of_means(f.sigmoid())
    slopes = [_sum_of_means(_slopes(loss, D, z + mu)) for loss in (Minimax(), NonSaturating())]
    (minimax, minimax_error), (other, other_error) = slopes
    js = min(max(0.0, v + LOG_4) / 2, math.log(2))
    return (
        Row(mu, v, -v, js, right, d_g_z, abs(minimax), abs(other)),
        Row(mu, v_error, v_error, v_error / 2, right_error, d_g_z_error, minimax_error, other_error),
    )


def _slopes(loss: Loss, D: Discriminator, fake: Tensor) -> Tensor:
    """dL/dx of each sample: [N]."""
    fake = fake.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss.generator(D(fake)), fake)
    return slope[:, 0].double() * len(fake)


def _sum_of_means(*samples: Tensor) -> tuple[float, float]:
    """The sum of the means of independent samples, each [N], and its standard error."""
    variance = sum(float(sample.var()) / len(sample) for sample in samples)
    return sum(float(sample.mean()) for sample in samples), math.sqrt(variance)
