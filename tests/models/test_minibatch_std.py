"""Minibatch standard deviation: by hand, at every batch size, under penalties, and in every family's D."""

import pytest
import torch
from pytest import approx

from gan_cli.models import dcgan, mlp, r3gan, resnet
from gan_cli.models.layers import MinibatchStd
from gan_cli.penalties import squared_slopes

IMAGES = {
    "mlp": lambda **a: mlp.Discriminator((1, 16, 16), 8, 2, **a),
    "dcgan": lambda **a: dcgan.Discriminator((1, 16, 16), 4, norm="none", **a),
    "resnet": lambda **a: resnet.Discriminator((1, 16, 16), 4, **a),
    "r3gan": lambda **a: r3gan.Discriminator((1, 16, 16), 8, **a),
}


def by_hand(x: torch.Tensor) -> list[float]:
    """Group i holds samples i, i + M, i + 2 M... of M = ceil(N / 4) groups."""
    groups = -(-len(x) // 4)
    spread = [x[i::groups].flatten(1).std(0, correction=0).mean().item() for i in range(groups)]
    return [spread[i % groups] for i in range(len(x))]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 11, 64])
@pytest.mark.parametrize("shape", [(3,), (2, 4, 5)])
def test_it_adds_the_mean_of_the_standard_deviations_over_each_group(n, shape):
    x = torch.randn(n, *shape)
    out = MinibatchStd()(x)
    assert out.shape == (n, shape[0] + 1, *shape[1:])
    assert torch.equal(out[:, :-1], x)
    for number, expected in enumerate(by_hand(x)):
        assert out[number, -1].flatten().tolist() == approx([expected] * out[number, -1].numel(), abs=2e-4)


def test_two_numbers_of_two_samples():
    out = MinibatchStd()(torch.tensor([[0.0, 10.0], [2.0, 16.0]]))
    assert out[:, 2].tolist() == approx([2.0, 2.0])  # the mean of 1 and 3


def test_samples_that_are_all_alike_get_nothing_and_finite_gradients():
    x = torch.ones(4, 3, requires_grad=True)
    spread = MinibatchStd()(x)[:, -1]
    assert spread.tolist() == approx([0.0] * 4, abs=1e-3)
    (first,) = torch.autograd.grad(spread.sum(), x, create_graph=True)
    first.square().sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("family", IMAGES)
def test_D_of_every_family_sees_that_fakes_are_alike(family):
    """The logit of one sample changes with what stands beside it, and only then."""
    torch.manual_seed(0)
    x, others = torch.randn(1, 1, 16, 16), torch.randn(3, 1, 16, 16)
    alike, varied = torch.cat([x, x, x, x]), torch.cat([x, others])
    plain, seeing = IMAGES[family](), IMAGES[family](minibatch_std=True)
    assert plain(alike)[0].item() == approx(plain(varied)[0].item(), abs=1e-5)
    assert abs(seeing(alike)[0] - seeing(varied)[0]).item() > 1e-4


@pytest.mark.parametrize("family", IMAGES)
def test_a_penalty_reads_the_slope_of_the_logits_of_a_group_and_of_no_other(family):
    """Of 8 samples, 0, 2, 4 and 6 are one group: what the penalty reads at sample 0 does not know of the others."""
    torch.manual_seed(0)
    D = IMAGES[family](minibatch_std=True)
    x = torch.randn(8, 1, 16, 16)
    moved = x.clone()
    moved[1::2] += 1.0
    before, after = squared_slopes(D, x), squared_slopes(D, moved)
    assert before[::2].tolist() == approx(after[::2].tolist(), rel=1e-4)
    assert before.isfinite().all()


def test_a_small_dcgan_sees_the_images_themselves():
    D = dcgan.Discriminator((1, 8, 8), 4, minibatch_std=True)
    assert [type(m).__name__ for m in D.net][:2] == ["MinibatchStd", "Conv2d"]
    assert D(torch.randn(5, 1, 8, 8)).shape == (5,)
