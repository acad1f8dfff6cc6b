"""The protocols of the papers' rows: what an experiment composes is what the paper's code runs."""

import pytest
from conftest import compose_plain, make_run
from pytest import approx

from gan_cli.loop import turn
from gan_cli.settings import TrainConfig

IN_COLOUR = ("dataset=digits", "dataset.size=32", "dataset.channels=3")  # in place of CIFAR-10


def schedule(name: str, *overrides: str) -> tuple[dict, TrainConfig]:
    """The config of an experiment, and its loop's settings."""
    config = compose_plain(f"experiment={name}", *overrides)[0]
    return config, TrainConfig(**{key: value for key, value in config["train"].items() if key != "_target_"})


def parameters(name: str, *overrides: str) -> list[int]:
    run = make_run(f"experiment={name}", "train.batch_size=8", *overrides)
    return [sum(p.numel() for p in net.parameters()) for net in (run.G, run.D)]


@pytest.mark.parametrize("name", ["pacgan_ring", "pacgan_grid"])
@pytest.mark.parametrize("pack", [1, 2, 4])
def test_pacgan_goes_400_times_through_so_many_batches_of_100_packs(name, pack):
    config, train = schedule(name, f"model.pack={pack}", f"train.batch_size={100 * pack}")
    assert train.steps == 400 * config["dataset"]["points"] / 100
    assert parameters(name, f"model.pack={pack}") == [484_802, 403_201 + 2000 * pack]


def test_pacgan_moves_both_players_by_gradients_of_the_same_fakes():
    run = make_run("experiment=pacgan_ring", "dataset.points=500", "model.pack=2", "train.batch_size=20")
    seen = []
    run.G.register_forward_hook(lambda _, __, out: seen.append(out))
    turn(run)
    assert len(seen) == 1, "one pass of G for both"
    assert len(run.reals.data.modes) == 8, "and samples are still counted against the modes"


def test_the_first_gans_rate_and_momentum_are_those_of_their_250_epochs():
    config, train = schedule("goodfellow_2014_mnist")
    assert train.steps * 2 == 250 * 500, "their batches go to D and to G in turn"
    rate = [0.1 * train.lr_factor(step, train.steps) for step in (0, 250, train.steps)]
    assert rate == approx([0.1, 0.1 / 1.000004**500, 0.1 / 1.000004**125_000], rel=1e-5)
    assert [config["optimizer"][player]["lr"] for player in ("generator", "discriminator")] == [0.1, 0.05]
    assert (config["optimizer"]["momentum"], train.momentum_final) == (0.5, 0.7)


@pytest.mark.parametrize("name", ["lucic_mnist_ns", "lucic_fashion_ns"])
def test_lucics_rows_are_20_epochs_of_50_000_images(name):
    config, train = schedule(name)
    assert train.steps == 20 * 50_000 // train.batch_size
    assert (config["prior"]["dim"], config["prior"]["low"], config["prior"]["high"]) == (64, -1, 1)
    with_penalty, train = schedule(name, "loss=wgan_gp", "penalty=gp", "train.steps=3125")
    assert with_penalty["penalty"]["_target_"].endswith("GradientPenalty")
    assert train.steps * train.d_steps == 15_625


def test_pacdcgan_goes_50_times_through_its_images():
    config, train = schedule("stacked_mnist_pacdcgan")
    assert train.steps * 64 == 50 * config["dataset"]["examples"]
    assert train.batch_size == 64 * config["model"]["pack"]
    assert (train.d_steps, train.g_steps) == (1, 2)


def test_cifar_10_has_the_networks_of_the_tables():
    assert parameters("wgan_gp_cifar10", *IN_COLOUR) == [4_276_739, 1_053_825]
    # 128 numbers to 4 x 4 x 512, batch norms, transposed 4x4s to 256, 128 and 64 channels, a 3x3 to RGB
    up = sum(a * b * 16 + 2 * b for a, b in ((512, 256), (256, 128), (128, 64)))
    assert parameters("sndcgan_cifar10", *IN_COLOUR)[0] == (128 + 2) * 8192 + up + 64 * 27 + 3 == 3_820_099
    run = make_run("experiment=sndcgan_cifar10", *IN_COLOUR, "train.batch_size=4")
    assert any("ParametrizationList" in type(m).__name__ for m in run.D.modules())


def test_r3gan_on_stacked_mnist_has_its_penalty_at_every_step():
    config, train = schedule("stacked_mnist_r3gan")
    assert config["penalty"]["_target_"].endswith("R1R2") and config["penalty"]["every"] == 1
    assert 2e-4 * train.lr_factor(train.steps, train.steps) == approx(5e-5)
