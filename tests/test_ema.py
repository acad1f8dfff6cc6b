"""The average of G."""

import pytest
import torch
from pytest import approx
from torch import nn

from gan_cli.ema import EMA


def net(value: float) -> nn.Module:
    module = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.constant_(module[0].weight, value)
    return module


def test_after_a_half_life_half_of_it_is_new():
    G = net(0.0)
    ema = EMA(G, half_life_images=640, ramp=0.0)
    nn.init.constant_(G[0].weight, 1.0)
    for step in range(10):
        ema.update(64 * (step + 1), 64)
    assert ema.G[0].weight.item() == approx(0.5, rel=1e-6)


def test_early_on_the_half_life_is_a_share_of_the_images_seen():
    ema = EMA(net(0.0), half_life_images=1e6, ramp=0.05)
    assert ema.decay(images=1000, batch_size=50) == approx(0.5)  # half-life 0.05 * 1000 = 50 images
    assert ema.decay(images=10**9, batch_size=10**6) == approx(0.5)


def test_running_statistics_are_averaged_and_counts_are_copied():
    G = net(0.0)
    ema = EMA(G, half_life_images=64, ramp=0.0)
    G[1].running_mean.fill_(2.0)
    G[1].num_batches_tracked.fill_(7)
    ema.update(64, 64)
    assert ema.G[1].running_mean.item() == approx(1.0)
    assert ema.G[1].num_batches_tracked.item() == 7


def test_the_average_takes_no_gradient_and_leaves_G_alone():
    G = net(3.0)
    ema = EMA(G, half_life_images=64)
    before = {k: v.clone() for k, v in G.state_dict().items()}
    ema.update(64, 64)
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())
    assert not any(p.requires_grad for p in ema.G.parameters())
    assert not ema.G.training


@pytest.mark.parametrize(("half_life", "ramp"), [(0, 0.05), (-1, 0.05), (10, -0.1)])
def test_settings_out_of_range_are_refused(half_life, ramp):
    with pytest.raises(ValueError, match=r"half-life|ramp"):
        EMA(net(0.0), half_life, ramp)
