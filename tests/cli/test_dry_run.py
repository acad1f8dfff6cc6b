"""What a dry run says of networks: every parameter once, whatever they are made of and whatever they are given."""

import io
import sys

import pytest
from conftest import make_run
from rich.console import Console

from gan_cli.cli.dry_run import dry_run, layer_shapes

DIGITS = ("dataset=digits", "prior.dim=4", "train.batch_size=8", "train.steps=2")
SMALL = {
    "mlp": ("model=mlp", "model.width=8", "model.discriminator.activation=maxout"),
    "dcgan": ("model=dcgan", "model.base_channels=4"),
    "resnet": ("model=resnet", "model.base_channels=4"),
    "r3gan": ("model=r3gan", "model.base_channels=16"),
}
EXTRA = [
    (),
    ("model.conditional=true",),
    ("model.conditional=true", "model.spectral_norm=true", "model.discriminator.minibatch_std=true"),
    ("model.pack=2", "model.spectral_norm=true"),
]


@pytest.mark.parametrize("extra", EXTRA[1:])
@pytest.mark.parametrize("family", SMALL)
def test_the_layers_have_all_parameters_between_them(family, extra):
    run = make_run(*DIGITS, *SMALL[family], *extra)
    x, y = run.reals.peek_labelled(8, "test")
    y = y if run.classes else None
    for net, given in ((run.G, run.z(8)), (run.D, run.see(x))):
        rows = layer_shapes(net, given, y)
        assert sum(parameters for *_, parameters in rows) == sum(p.numel() for p in net.parameters())
        assert not any("Spectral" in name or "Parametrized" in name for name, *_ in rows)


@pytest.mark.parametrize("extra", EXTRA[:3:2])
def test_a_dry_run_goes_through(extra):
    screen = Console(file=io.StringIO(), width=100)
    dry_run(make_run(*DIGITS, *SMALL["dcgan"], *extra), screen)
    text = screen.file.getvalue()
    assert "Conv2d" in text and "nothing was written" in text
    assert ("Embedding" in text) == ("model.conditional=true" in extra)


def test_where_no_memory_is_counted_a_dry_run_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    screen = Console(file=io.StringIO(), width=100)
    dry_run(make_run(*DIGITS, *SMALL["mlp"]), screen)
    assert "unknown on this system" in screen.file.getvalue()
