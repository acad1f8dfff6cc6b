"""Every family's D under a spectral norm: each weight, as the paper's matrix, has 1 as its largest singular value."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gan_cli.models import dcgan, dcgan5x5, goodfellow, infogan, mlp, r3gan, resnet, sndcgan
from gan_cli.models.spectral import spectral_norm

SHAPE = (1, 16, 16)
FAMILIES = {
    "mlp": lambda: mlp.Discriminator(SHAPE, 32, classes=4, minibatch_std=True),
    "maxout": lambda: mlp.Discriminator(SHAPE, 16, activation="maxout"),
    "dcgan": lambda: dcgan.Discriminator(SHAPE, 8, classes=4, minibatch_std=True),
    "resnet": lambda: resnet.Discriminator(SHAPE, 8, classes=4, minibatch_std=True),
    "goodfellow": lambda: goodfellow.Discriminator(SHAPE, 16, input_dropout=0.0, dropout=0.0),
    "infogan": lambda: infogan.Discriminator(SHAPE, 8, 32, norm="none"),
    "sndcgan": lambda: sndcgan.Discriminator(SHAPE, 8),
    "dcgan5x5": lambda: dcgan5x5.Discriminator(SHAPE, 8, norm="none"),
    "r3gan": lambda: r3gan.Discriminator(SHAPE, 16, classes=4, minibatch_std=True),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_has_a_largest_singular_value_of_1(family):
    """After 300 batches, each with one power iteration."""
    torch.manual_seed(0)
    D = FAMILIES[family]()
    weighed = [m for m in D.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
    before = torch.cat([torch.linalg.svdvals(m.weight.flatten(1))[:1] for m in weighed]).tolist()
    assert max(abs(value - 1) for value in before) > 0.1, "it would be nothing to find 1 afterwards"
    spectral_norm(D)
    x, y = torch.randn(4, *SHAPE), torch.tensor([0, 1, 2, 3])
    for _ in range(300):
        logits = D(x, y) if getattr(D, "projection", None) is not None else D(x)
    assert logits.isfinite().all()
    D.eval()
    assert all(is_parametrized(m) for m in weighed)
    for module in weighed:
        largest = torch.linalg.svdvals(module.weight.detach().flatten(1))[0].item()
        assert largest == pytest.approx(1.0, abs=0.02), module


@pytest.mark.parametrize("family", FAMILIES)
def test_its_gradients_reach_the_weights_underneath(family):
    D = FAMILIES[family]()
    spectral_norm(D)
    x, y = torch.randn(4, *SHAPE, requires_grad=True), torch.tensor([0, 1, 2, 3])
    logits = D(x, y) if getattr(D, "projection", None) is not None else D(x)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    (logits.square().sum() + slope.square().sum()).backward()
    assert all(p.grad.isfinite().all() for p in D.parameters() if p.grad is not None)
    assert sum(p.grad is not None and bool(p.grad.any()) for p in D.parameters() if p.dim() > 1) > 2
