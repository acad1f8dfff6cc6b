"""Adversarial losses: pure functions of logits, returning named scalar parts.

Throughout, `real` is D(x) and `fake` is D(G(z)), both logits of shape [N]; sigma is the logistic function. Means are
over the batch. `discriminator` returns the named parts whose sum D descends; `generator` returns the scalar G descends.

A loss of your own is a class with these two methods; see CONTRIBUTING.md.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

Parts = dict[str, Tensor]


class Loss:
    """What the loop wants to know of a loss beside its two methods."""

    paired: ClassVar[bool] = False  # True: G's loss compares fakes with real samples, and gets D(x) too
    probabilities: ClassVar[bool] = False  # True: sigma(logit) estimates P(real)
    threshold: float | None = 0.0  # D calls a sample real above it; None: the scale has no such point
    divergence: ClassVar[str | None] = None  # what D's loss estimates, by its name in the log: theory/<divergence>

    def discriminator(self, real: Tensor, fake: Tensor) -> Parts:
        """Named parts of D's loss."""
        raise NotImplementedError

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """G's loss; `real` is given where `paired` is True."""
        raise NotImplementedError

    def estimate(self, real: Tensor, fake: Tensor) -> Tensor:
        """The divergence of p and p_G that these logits show, a scalar: its exact value where D is optimal, and below
        it where D is not. Of a loss with a `divergence`.
        """
        raise NotImplementedError

    def why_not(self) -> str | None:
        """Why `estimate` does not hold with these settings; None where it does."""
        return None

    def optimum(self, log_ratio: Tensor) -> Tensor | None:
        """D* on the scale of `opinion`, from log p(x) - log p_G(x); None where it is not known. Of a loss without a
        `threshold` it is D* after the constant was added to D's output that brings it nearest.
        """
        return None

    def opinion(self, output: Tensor) -> Tensor:
        """What D says of a sample, as it is drawn and compared with D*: from the network's output."""
        return output.sigmoid() if self.probabilities else output


def _label(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be a probability in [0, 1], got {value}")
    return value


class Minimax(Loss):
    """Goodfellow et al. 2014, equation 1 (arXiv:1406.2661): D ascends V and G descends it. The saturating loss.

    V(D, G) = E log D(x) + E log(1 - D(G(z))). With D sure of itself, G's slope dies away: at logit f it is -sigma(f).

    Args:
        real_label: the target of D(x). 0.9 is one-sided label smoothing (Salimans et al. 2016, section 3.4).
        fake_label: the target of D(G(z)). Above 0 the optimal D is no longer p/(p+q): leave it at 0.

    Raises:
        ValueError: a label is not in [0, 1], or the fake label is not below the real one.
    """

    probabilities = True
    divergence = "js"

    def __init__(self, real_label: float = 1.0, fake_label: float = 0.0) -> None:
        self.real_label = _label("real_label", real_label)
        self.fake_label = _label("fake_label", fake_label)
        if fake_label >= real_label:
            raise ValueError(f"fake_label must be below real_label, got {fake_label} and {real_label}")
        # At equilibrium D says the mean of both labels, and that is where it decides.
        middle = (self.real_label + self.fake_label) / 2
        self.threshold = math.log(middle / (1 - middle))

    def discriminator(self, real: Tensor, fake: Tensor) -> Parts:
        # -log sigma(r) = softplus(-r) and -log(1 - sigma(r)) = softplus(r): exact at any logit.
        # With target t the cross-entropy is t softplus(-r) + (1 - t) softplus(r) = softplus(-r) + (1 - t) r.
        return {
            "real": (softplus(-real) + (1 - self.real_label) * real).mean(),
            "fake": (softplus(fake) - self.fake_label * fake).mean(),
        }

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -softplus(fake).mean()  # E log(1 - sigma(f)), descended

    def value(self, real: Tensor, fake: Tensor) -> Tensor:
        """V(D, G) in nats, whatever the labels that D learned from."""
        return -(softplus(-real).mean() + softplus(fake).mean())

    @property
    def value_at_equilibrium(self) -> float:
        """V where p_G = p and D is at its optimum: -log 4, a little less with smoothed labels."""
        assert self.threshold is not None
        return -math.log1p(math.exp(-self.threshold)) - math.log1p(math.exp(self.threshold))

    def estimate(self, real: Tensor, fake: Tensor) -> Tensor:
        """The Jensen-Shannon divergence in nats: V(D*, G) = 2 JS - log 4, in [0, log 2]."""
        return ((self.value(real, fake) + math.log(4)) / 2).clamp(0, math.log(2))

    def why_not(self) -> str | None:
        if (self.real_label, self.fake_label) == (1.0, 0.0):
            return None
        labels = f"real_label={self.real_label:g}, fake_label={self.fake_label:g}"
        return f"with smoothed labels ({labels}) the optimal D is not p/(p+q), and V bounds no divergence"

    def optimum(self, log_ratio: Tensor) -> Tensor | None:
        # (t p + s q) / (p + q) with the labels t and s; p/(p+q) = sigma(log p - log q)
        return self.real_label * log_ratio.sigmoid() + self.fake_label * (-log_ratio).sigmoid()


class NonSaturating(Minimax):
    """Goodfellow et al. 2014, section 3: G maximises log D(G(z)).

    D's half is the minimax loss; only G's differs: its slope stays near -1 where D is sure the sample is fake,
    where minimax's slope dies away. At the same logit f the two slopes differ by the factor (1 - sigma(f)) / sigma(f).
    """

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return softplus(-fake).mean()


class LeastSquares(Loss):
    """Mao et al. 2017, equation 9 (arXiv:1611.04076), with the factors 1/2.

    Args:
        fake_label: a, the target of D for fakes.
        real_label: b, the target of D for real samples.
        target_label: c, what G wants D to say of fakes.

    Raises:
        ValueError: a equals b, so that D has nothing to tell apart.
    """

    divergence = "triangular"

    def __init__(self, real_label: float = 1.0, fake_label: float = 0.0, target_label: float = 1.0) -> None:
        if real_label <= fake_label:
            raise ValueError(f"fake_label must be below real_label, got {fake_label} and {real_label}")
        self.real_label, self.fake_label, self.target_label = real_label, fake_label, target_label
        self.threshold = (real_label + fake_label) / 2

    def discriminator(self, real: Tensor, fake: Tensor) -> Parts:
        return {
            "real": 0.5 * (real - self.real_label).square().mean(),
            "fake": 0.5 * (fake - self.fake_label).square().mean(),
        }

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return 0.5 * (fake - self.target_label).square().mean()

    def estimate(self, real: Tensor, fake: Tensor) -> Tensor:
        """The triangular discrimination, half of the integral of (p - q)^2 / (p + q): 0 equal, 1 separable.

        D's loss at its optimum (b p + a q) / (p + q) is (b - a)^2 / 4 times one minus it.
        """
        spread = (self.real_label - self.fake_label) ** 2
        return (1 - 4 * total(self.discriminator(real, fake)) / spread).clamp(0, 1)

    def optimum(self, log_ratio: Tensor) -> Tensor | None:
        return self.real_label * log_ratio.sigmoid() + self.fake_label * (-log_ratio).sigmoid()


class Hinge(Loss):
    """Lim and Ye 2017 (arXiv:1705.02894), as in Miyato et al. 2018, equations 16 and 17."""

    divergence = "tv"

    def discriminator(self, real: Tensor, fake: Tensor) -> Parts:
        return {"real": relu(1 - real).mean(), "fake": relu(1 + fake).mean()}

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -fake.mean()

    def estimate(self, real: Tensor, fake: Tensor) -> Tensor:
        """The total variation distance: D's loss at its optimum sign(p - q) is 2 (1 - TV)."""
        return (1 - total(self.discriminator(real, fake)) / 2).clamp(0, 1)

    def optimum(self, log_ratio: Tensor) -> Tensor | None:
        return log_ratio.sign()

    def opinion(self, output: Tensor) -> Tensor:
        return output.clamp(-1, 1)  # beyond it the loss no longer asks for anything


class Wasserstein(Loss):
    """Arjovsky et al. 2017, equation 2 (arXiv:1701.07875): D is a critic, its output a score and no logit.

    -(d_real + d_fake) estimates W1 up to the critic's Lipschitz constant, which a penalty or clipping must bound:
    `conf/loss/wasserstein.yaml` brings weight clipping, `conf/loss/wgan_gp.yaml` the gradient penalty.
    """

    threshold = None  # a critic's score is known up to a constant
    divergence = "critic_gap"

    def discriminator(self, real: Tensor, fake: Tensor) -> Parts:
        return {"real": -real.mean(), "fake": fake.mean()}

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -fake.mean()

    def estimate(self, real: Tensor, fake: Tensor) -> Tensor:
        """W1 times the critic's Lipschitz constant, at the most: a critic of slope K has a gap of at most K W1."""
        return real.mean() - fake.mean()


class Relativistic(Loss):
    """Jolicoeur-Martineau 2018 (arXiv:1807.00734), the paired form that R3GAN uses (Huang et al. 2024).

    D scores a real sample against a fake one: E softplus(-(D(x) - D(G(z)))). One part, since it has no halves.
    """

    paired = True
    threshold = None  # only differences of scores mean anything
    divergence = "relativistic_gap"

    def discriminator(self, real: Tensor, fake: Tensor) -> Parts:
        return {"pair": softplus(fake - real).mean()}

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        assert real is not None, "a paired loss gets D(x)"
        return softplus(real - fake).mean()

    def estimate(self, real: Tensor, fake: Tensor) -> Tensor:
        """What D's loss lacks of that of a D that knows nothing, log 2; in [0, log 2]."""
        return (math.log(2) - total(self.discriminator(real, fake))).clamp(0, math.log(2))

    def optimum(self, log_ratio: Tensor) -> Tensor | None:
        # A pair x, y is the right way round with the odds p(x) q(y) / (q(x) p(y)): the score is log p/q plus any c
        return log_ratio.sigmoid()

    def opinion(self, output: Tensor) -> Tensor:
        return output.sigmoid()


def total(parts: Parts) -> Tensor:
    """D's loss: the sum of its parts."""
    first, *others = parts.values()
    for part in others:
        first = first + part
    return first


def accuracy(loss: Loss, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """D's share of right answers: on real and on fake samples, or on pairs where the loss is paired.

    A logit exactly at the threshold says nothing and counts one half, so that a constant D scores 50 %.
    """
    def right(margin: Tensor) -> Tensor:
        return torch.sign(margin).add(1).div(2).mean()

    if loss.paired:
        return {"pair": right(real - fake)}
    if loss.threshold is None:
        return {}
    return {"real": right(real - loss.threshold), "fake": right(loss.threshold - fake)}
