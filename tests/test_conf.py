"""Every choice that a user can make runs, alone and beside the others; what makes no sense is refused."""

import itertools

import pytest
from conftest import ROOT, choices, compose_plain, make_run

from gan_cli.errors import ConfigError
from gan_cli.loop import turn
from gan_cli.placement import thread_count
from gan_cli.settings import TrainConfig

SHARED = ROOT.parent / "shared" / "datasets"
SMALL = {
    "mlp": ("model.width=8",),
    "dcgan": ("model.base_channels=4", "dataset.size=8"),
    "resnet": ("model.base_channels=4",),
    "r3gan": ("model.base_channels=16",),
    "dirac": ("dataset=point",),
    "goodfellow": ("model.generator.width=8", "model.discriminator.width=8"),
    "infogan": ("model.base_channels=4", "model.dense=8", "dataset.size=8"),
    "sndcgan": ("model.base_channels=4",),
    "dcgan5x5": ("model.base_channels=4",),
}
QUICK = ("train.batch_size=8", "train.steps=2", "prior.dim=4")
POINTS = ("gaussian", "grid", "point", "ring", "spiral")


ALL = [*itertools.product(choices("loss"), choices("penalty"))]
OF_ONE_PAPER = ("dcgan5x5", "goodfellow", "infogan", "sndcgan")  # what a penalty asks of them is all that differs
SOME = [(loss, penalty) for loss, penalty in ALL if loss == "nonsaturating"]


@pytest.mark.parametrize(
    ("model", "loss", "penalty"),
    [(m, *pair) for m in choices("model") for pair in (SOME if m in OF_ONE_PAPER else ALL)],
)
def test_every_loss_goes_with_every_penalty_and_model(model, loss, penalty):
    run = make_run(f"loss={loss}", f"penalty={penalty}", f"model={model}", *SMALL[model], *QUICK)
    run.watching = True
    metrics = turn(run)
    assert all(float(value) == float(value) for value in metrics.values()), "no figure is NaN"
    assert {"loss/d", "loss/g", "grad_norm/d", "grad_norm/g"} <= metrics.keys()


@pytest.mark.parametrize("optimizer", choices("optimizer"))
@pytest.mark.parametrize("prior", choices("prior"))
def test_every_optimizer_goes_with_every_prior(optimizer, prior):
    run = make_run(f"optimizer={optimizer}", f"prior={prior}", "model=mlp", *SMALL["mlp"], *QUICK)
    before = [p.clone() for p in (*run.G.parameters(), *run.D.parameters())]
    turn(run)
    after = [*run.G.parameters(), *run.D.parameters()]
    assert all((a != b).any() for a, b in zip(before, after, strict=True)), "every weight moved"


@pytest.mark.parametrize("dataset", POINTS)
@pytest.mark.parametrize("loss", choices("loss"))
def test_every_density_goes_with_every_loss(dataset, loss):
    turn(make_run(f"dataset={dataset}", f"loss={loss}", "model=mlp", *SMALL["mlp"], *QUICK))


@pytest.mark.parametrize("dataset", POINTS)
def test_dcgan_refuses_points(dataset):
    with pytest.raises(ConfigError, match="use model=mlp"):
        make_run(f"dataset={dataset}", "model=dcgan")


def test_the_command_in_the_dcgan_file_makes_the_networks_of_the_tutorial():
    run = make_run("dataset.size=64", "dataset.channels=3", "model.base_channels=64", "penalty=none")
    assert [sum(p.numel() for p in net.parameters()) for net in (run.G, run.D)] == [3_576_704, 2_765_568]


def test_the_named_choices_are_the_defaults():
    assert compose_plain("loss=nonsaturating", "model=dcgan")[0] == compose_plain()[0]


def test_the_default_experiment_is_the_default():
    assert compose_plain("experiment=default")[0] == compose_plain()[0]


IN_COLOUR = ("dataset=digits", "dataset.size=32", "dataset.channels=3")  # in place of CIFAR-10
SHORTER = {  # the networks as they are, on less data
    "stacked_mnist_pacdcgan": ("dataset.examples=600", "train.batch_size=8"),
    "stacked_mnist_r3gan": ("dataset.examples=600", "train.batch_size=4"),
    "sndcgan_cifar10": (*IN_COLOUR, "train.batch_size=4"),
    "wgan_gp_cifar10": (*IN_COLOUR, "train.batch_size=2"),
}


@pytest.mark.parametrize("name", choices("experiment"))
def test_every_experiment_builds(name):
    config = compose_plain(f"experiment={name}", *SHORTER.get(name, ()))[0]
    needs_files = config["dataset"]["_target_"].endswith(("MNIST", "CIFAR10"))
    if needs_files and not SHARED.is_dir():
        pytest.skip("the data set is not here, and tests do not download")
    root = [f"dataset.root={SHARED}"] if needs_files else []
    turn(make_run(f"experiment={name}", *SHORTER.get(name, ()), *root))


def test_a_loss_brings_its_penalty_and_the_command_line_has_the_last_word():
    assert compose_plain("loss=wgan_gp")[0]["penalty"]["_target_"] == "gan_cli.penalties.GradientPenalty"
    assert compose_plain("loss=wasserstein")[0]["penalty"]["_target_"] == "gan_cli.penalties.Clip"
    assert compose_plain("loss=relativistic")[0]["penalty"]["_target_"] == "gan_cli.penalties.R1R2"
    assert compose_plain("loss=wgan_gp", "penalty=none")[0]["penalty"]["_target_"] == "gan_cli.penalties.NoPenalty"
    assert compose_plain("loss=wgan_gp")[0]["train"]["d_steps"] == 5
    assert compose_plain("loss=wgan_gp", "train.d_steps=1")[0]["train"]["d_steps"] == 1


def test_betas_may_be_whole_numbers():
    run = make_run("model=mlp", "model.width=8", "optimizer.betas=[0,0.9]")
    assert [*run.opt_D.defaults["betas"]] == [0.0, 0.9]


def test_one_learning_rate_moves_both_players_or_one():
    both = compose_plain("optimizer.lr=0.5")[0]["optimizer"]
    assert (both["generator"]["lr"], both["discriminator"]["lr"]) == (0.5, 0.5)
    one = compose_plain("optimizer.discriminator.lr=0.5")[0]["optimizer"]
    assert (one["generator"]["lr"], one["discriminator"]["lr"]) == (5e-4, 0.5)


def test_small_batches_get_one_thread_and_large_ones_all(monkeypatch):
    monkeypatch.setattr("gan_cli.placement._ALL_THREADS", 7)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    auto = TrainConfig(steps=1)
    assert thread_count(auto, (1, 16, 16)) == 1
    assert thread_count(auto, (1, 32, 32)) == 7
    assert thread_count(TrainConfig(steps=1, threads=3), (1, 16, 16)) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert thread_count(auto, (1, 32, 32)) == 2


def test_the_ring_and_the_grid_have_one_recipe():
    (ring, _), (grid, _) = compose_plain("experiment=ring"), compose_plain("experiment=grid")
    assert ring.pop("dataset") != grid.pop("dataset")
    assert ring == grid, "nothing is fitted to either of the two pictures"
