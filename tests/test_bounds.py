"""What a stranger describes is tried on paper: our own networks fit there, absurd ones end soon and take no memory."""

import inspect
import resource

import pytest
import torch
from conftest import choices, compose_plain

from gan_cli.bounds import MANY, ROOM, WORK, Counted, nbytes, on_paper, refuse_absurd, sizes
from gan_cli.models import mlp, r3gan
from gan_cli.targets import locate

SHAPES = {"dirac": (1,), "mlp": (1, 28, 28), "dcgan": (3, 256, 256), "resnet": (3, 64, 64), "r3gan": (3, 256, 256)}
SHAPES |= {"goodfellow": (1, 28, 28), "infogan": (1, 28, 28), "sndcgan": (3, 64, 64), "dcgan5x5": (3, 64, 64)}


def grown() -> int:
    """Bytes of the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("name", choices("model"))
@pytest.mark.parametrize("classes", [None, 10])
def test_every_network_of_ours_fits_on_paper(name, classes):
    config, _ = compose_plain(f"model={name}", *(["model.base_channels=256"] if name == "r3gan" else []))
    node = {key: value for key, value in config["model"]["generator"].items() if not key.startswith("_")}
    make = locate(config["model"]["generator"]["_target_"])
    shape = SHAPES[name]
    labels = {"classes": classes} if "classes" in inspect.signature(make).parameters else {}
    dim = 1 if name == "dirac" else 128
    before = grown()
    planned = on_paper(lambda: make(shape=shape, noise_dim=dim, **node, **labels)).state_dict()
    assert grown() - before < 10 << 20, "it took memory"
    G = make(shape=shape, noise_dim=dim, **node, **labels).eval()
    assert sizes(G.state_dict()) == sizes(planned)
    with torch.no_grad(), Counted(ROOM):
        y = [torch.zeros(1, dtype=torch.int64)] if labels.get("classes") else []
        assert G(torch.zeros(1, dim), *y).shape == (1, *shape)


def test_what_is_on_paper_has_the_sizes_of_the_real_one():
    made = mlp.Generator((2,), 4, width=8)
    planned = on_paper(lambda: mlp.Generator((2,), 4, width=8))
    assert sizes(made.state_dict()) == sizes(planned.state_dict())
    assert nbytes(made.state_dict()) == nbytes(planned.state_dict()) == 4 * (4 * 8 + 8 + 2 * (8 * 8 + 8) + 8 * 2 + 2)
    assert all(p.is_meta for p in planned.parameters())


@pytest.mark.parametrize(
    "make",
    [
        lambda: mlp.Generator((2,), 4, width=1, depth=1 << 16),
        lambda: [torch.zeros(1) for _ in range(WORK + 1)],
    ],
)
def test_absurd_ones_end_before_they_take_memory(make):
    before = grown()
    with pytest.raises(ValueError, match=f"take more than {WORK:,} operations"):
        on_paper(make)
    assert grown() - before < 50 << 20


def test_a_pass_that_makes_much_of_little_ends():
    before = grown()
    G = r3gan.Generator((1, 256, 256), 1, base_channels=144, wide_up_to=256, blocks=1).eval()
    with pytest.raises(ValueError, match="has 18,874,368 numbers for one sample"), torch.no_grad(), Counted(ROOM):
        G(torch.zeros(1, 1))
    assert grown() - before < 300 << 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 1 << 32}, "width is 4294967296"),
        ({"width": -(1 << 32)}, "width is -4294967296"),
        ({"shape": [1, [1 << 32]]}, "shape is 4294967296"),
        ({"a": {"b": {"c": 1 << 32}}}, "c is 4294967296"),
        ({"shape": [1] * (MANY + 1)}, "shape has 257 entries"),
        (dict.fromkeys(map(str, range(MANY + 1))), "it has 257 entries"),
    ],
)
def test_absurd_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        refuse_absurd(arguments, "it")
    refuse_absurd({"shape": [3, 256, 256], "norm": "batch", "low": -1e30, "cap": None, "flag": True}, "it")
