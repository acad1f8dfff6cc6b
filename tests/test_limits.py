"""Limits are for strangers: whatever gan-train trains can be resumed and sampled without trust, and one's own code is
not counted.
"""

import pytest
import torch
from conftest import TINY, compose_plain
from omegaconf import OmegaConf
from torch import nn

from gan_cli import bounds, contracts
from gan_cli.bounds import ROOM, WORK, Counted, most_of_a_sample
from gan_cli.builder import build
from gan_cli.errors import ConfigError
from gan_cli.export import CHUNK
from gan_cli.models import r3gan
from gan_cli.record import read_or_empty, write_run
from gan_cli.settings import TrainConfig
from gan_cli.stored import stored_config

NUMBERS = [1 + i / 7 for i in range(10_000)]


@pytest.mark.parametrize(
    "overrides",
    [
        ("train.batch_size=70000",),
        ("train.held_out=10000000", "train.samples=10000", "train.threads=1024"),
        ("prior.dim=1000000",),
        ("model.width=100000",),
        pytest.param(
            ("dataset=ring", "dataset.modes=10000", f"dataset.weights={NUMBERS}"),
            marks=pytest.mark.slow,  # Hydra takes 20 seconds to read it
        ),
        ("dataset=array", "dataset.path=x.npy", "dataset.range=[-4000000000,4000000000]"),
        (
            "dataset=array",
            "dataset.path=x.npy",
            "dataset.label_key=y",
            f"dataset.classes={list(range(10**9, 10**9 + 999))}",
        ),
    ],
    ids=lambda overrides: overrides[-1][:30],
)
def test_what_trains_is_a_config_of_ours(tmp_path, overrides):
    config, _ = compose_plain(*TINY, *overrides)
    stored = {key: value for key, value in config.items() if key != "trust"}
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(stored)))
    assert stored_config(tmp_path, trust=False) == stored


def test_a_long_command_is_read_again(tmp_path):
    write_run(tmp_path, {"command": ["gan-train", f"dataset.weights={NUMBERS[:7000]}"]})
    assert "command" in read_or_empty(tmp_path / "run.json")


def test_the_widest_of_ours_is_sampled_where_there_is_memory_for_it(monkeypatch):
    monkeypatch.setattr(bounds, "memory", lambda _: 8e9)
    with torch.no_grad(), torch.device("meta"):
        G = r3gan.Generator((3, 256, 256), 64, base_channels=768, wide_up_to=64, blocks=2).eval()
        with Counted(most_of_a_sample(CHUNK)):
            assert G(torch.zeros(1, 64)).shape == (1, 3, 256, 256)
        monkeypatch.setattr(bounds, "memory", lambda _: 1e9)
        with pytest.raises(ValueError, match="has 25,165,824 numbers for one sample"), Counted(most_of_a_sample(CHUNK)):
            G(torch.zeros(1, 64))
    assert most_of_a_sample(CHUNK) == ROOM, "that much is never too much"


class Numpy(nn.Module):
    """A generator that looks at its weights while it is made, and takes its time."""

    def __init__(self, shape, noise_dim, **_):
        super().__init__()
        weight = torch.from_numpy(torch.randn(noise_dim, *shape).numpy() * 2)
        for _ in range(WORK + 1):
            weight = weight + 0
        self.weight = nn.Parameter(weight)

    def forward(self, z):
        return z @ self.weight


class Slow(nn.Module):
    """One that torch can make on paper, and that takes its time."""

    def __init__(self, shape, noise_dim, **_):
        super().__init__()
        weight = torch.randn(noise_dim, *shape)
        for _ in range(WORK + 1):
            weight = weight + 0
        self.weight = nn.Parameter(weight)

    def forward(self, z):
        return z @ self.weight


@pytest.mark.parametrize("name", ["Numpy", "Slow"])
def test_a_network_of_the_users_own_may_need_real_numbers_and_time(name):
    config, _ = compose_plain(*TINY)
    config["model"]["generator"] = {"_target_": f"{__name__}.{name}"}
    assert type(build(config).G).__name__ == name
    with pytest.raises(
        ConfigError, match=r"numpy|more than 16,384 operations; .*, or if the run is yours, add trust=true"
    ):
        build(config, room=1 << 28)


@pytest.mark.parametrize(("fakes", "kept"), [("fresh", 40 + 32), ("reused", 40 + 2 * 32)])
def test_a_step_keeps_what_its_larger_half_keeps(monkeypatch, fakes, kept):
    """Bytes of a sample: G puts out 10 numbers, D 6, 1 and 1; the inputs are 2 and 10."""
    G, D = nn.Linear(2, 10), nn.Sequential(nn.Linear(10, 6), nn.Linear(6, 1), nn.Flatten(0))
    put_out: dict[str, int] = {}
    inputs = {"model.generator": (2,), "model.discriminator": (10,)}
    assert [*contracts.maps("model.generator", G, (2, 2), (2, 10), None, put_out)] == []
    assert [*contracts.maps("model.discriminator", D, (2, 10), (2,), None, put_out)] == []
    need = 100 * (kept + 4 * 12)
    train = TrainConfig(steps=1, batch_size=100, fakes=fakes)
    for memory, problems in ((need, 0), (need - 1, 1)):
        monkeypatch.setattr(contracts, "memory", lambda _, memory=memory: float(memory))
        assert len([*contracts.batch(train, 1, put_out, inputs, torch.device("cpu"))]) == problems
