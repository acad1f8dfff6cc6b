"""Conditional networks: what a label adds to each family, and that nothing changes where there is none."""

import pytest
import torch
from pytest import approx
from torch import nn

from gan_cli.models import dcgan, mlp, r3gan, resnet
from gan_cli.models.labels import ClassNorm, LabelledNoise, Projection

SHAPE, DIM, CLASSES = (1, 16, 16), 6, 3
FAMILIES = {
    "mlp": (lambda **a: mlp.Generator(SHAPE, DIM, 8, **a), lambda **a: mlp.Discriminator(SHAPE, 8, **a)),
    "dcgan": (lambda **a: dcgan.Generator(SHAPE, DIM, 4, **a), lambda **a: dcgan.Discriminator(SHAPE, 4, **a)),
    "resnet": (lambda **a: resnet.Generator(SHAPE, DIM, 4, **a), lambda **a: resnet.Discriminator(SHAPE, 4, **a)),
    "r3gan": (lambda **a: r3gan.Generator(SHAPE, DIM, 8, **a), lambda **a: r3gan.Discriminator(SHAPE, 8, **a)),
}
FEATURES = {"mlp": 8, "dcgan": 8 * 4 * 4, "resnet": 4, "r3gan": 8}  # in front of D's last layer


def made(make, **arguments):
    torch.manual_seed(0)
    return make(**arguments)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_labels_of_one_sample_differ_by_the_projection_of_its_features(family):
    """logit(x, y1) - logit(x, y2) = <v_y1 - v_y2, h(x)>: equation 3 of Miyato and Koyama, with D's other part gone."""
    D = made(FAMILIES[family][1], classes=CLASSES).eval()
    seen: list[torch.Tensor] = []
    last = next(m for m in reversed(D.net) if isinstance(m, nn.Linear | nn.Conv2d))
    last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(1)))
    x = torch.randn(5, *SHAPE)
    one, two = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([1, 1, 0, 2, 2])
    difference = D(x, one) - D(x, two)
    v = D.projection.embedding.weight
    assert v.shape == (CLASSES, FEATURES[family])
    torch.testing.assert_close(difference, ((v[one] - v[two]) * seen[0]).sum(1), atol=1e-5, rtol=1e-4)
    assert difference[1] == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_the_logit_is_that_of_D_without_labels_plus_the_projection(family):
    plain, conditional = made(FAMILIES[family][1]).eval(), made(FAMILIES[family][1], classes=CLASSES).eval()
    x, y = torch.randn(5, *SHAPE), torch.tensor([0, 1, 2, 0, 1])
    nn.init.zeros_(conditional.projection.embedding.weight)
    torch.testing.assert_close(conditional(x, y), plain(x), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_G_makes_something_else_of_one_z_for_another_class_and_learns_each_of_them(family):
    G = made(FAMILIES[family][0], classes=CLASSES)
    if family == "resnet":  # its scales and shifts start equal for all classes
        for norm in (m for m in G.modules() if isinstance(m, ClassNorm)):
            nn.init.normal_(norm.shift.weight)
    z = torch.randn(1, DIM).repeat(4, 1)
    images = G(z, torch.tensor([0, 0, 1, 2]))
    torch.testing.assert_close(images[0], images[1])
    assert (images[0] - images[2]).abs().max() > 1e-3
    images[3].sum().backward()
    tables = [m.weight.grad for m in G.modules() if isinstance(m, nn.Embedding)]
    assert tables and all(grad[2].abs().sum() > 0 for grad in tables)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("player", [0, 1])
def test_without_classes_there_is_nothing_of_them(family, player):
    make = FAMILIES[family][player]
    plain = made(make)
    assert not any(isinstance(m, nn.Embedding) for m in plain.modules())
    same = made(make, classes=None)
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), same.state_dict().values(), strict=True))


def test_a_class_stands_beside_z_as_a_vector_of_its_size():
    layer, z = LabelledNoise(3, 4), torch.randn(2, 4)
    out = layer(z, torch.tensor([2, 0]))
    assert torch.equal(out[:, :4], z)
    assert torch.equal(out[:, 4:], layer.embedding.weight[[2, 0]])


def test_class_norm_is_batch_norm_at_the_start_and_then_scales_each_class_on_its_own():
    x, y = 3 * torch.randn(6, 2, 4, 4) + 1, torch.tensor([0, 1, 0, 1, 1, 0])
    norm = ClassNorm(2, 2)
    normed = nn.BatchNorm2d(2)(x)
    torch.testing.assert_close(norm(x, y), normed)
    with torch.no_grad():
        norm.scale.weight[1, 0], norm.shift.weight[1, 0] = 5.0, -7.0
    expected = normed.clone()
    expected[y == 1, 0] = 5 * normed[y == 1, 0] - 7
    torch.testing.assert_close(norm(x, y), expected)


def test_a_projection_starts_with_the_variance_of_a_mean_of_squared_features():
    """4,096 classes with 64 features: the variance of 4,096 products, whose standard error is 2.2 %; four of them."""
    torch.manual_seed(0)
    projection, h = Projection(4096, 64), torch.randn(64)
    gains = projection(h.expand(4096, 64), torch.arange(4096))
    assert gains.var().item() == approx(h.square().mean().item(), rel=0.09)


@pytest.mark.parametrize("shape", [(1,), (2,)])
def test_points_have_classes_too(shape):
    y = torch.tensor([0, 1, 2])
    points = mlp.Generator(shape, DIM, 8, classes=CLASSES)(torch.randn(3, DIM), y)
    assert mlp.Discriminator(shape, 8, classes=CLASSES)(points, y).shape == (3,)
