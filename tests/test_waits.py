"""Between two logging points no step waits for the device: on one that has no values, every look at a value fails.

PyTorch's `meta` device computes shapes alone. Whatever makes the host wait for a GPU, a number that is read, a copy to
the CPU, an index by truth values, raises an error on it.
"""

from contextlib import nullcontext

import pytest
import torch
from conftest import TINY, choices, make_run

from gan_cli.data.stream import Stream
from gan_cli.ema import EMA
from gan_cli.loop import turn
from gan_cli.run import Run

META = torch.device("meta")
IMAGES = ("dataset=digits", "dataset.size=16", "prior.dim=4", "train.batch_size=8")
NETWORKS = {"dirac": ("dataset=point", "prior.dim=1"), "mlp": (*IMAGES, "model.width=4")}
NETWORKS |= {"dcgan": (*IMAGES, "model.base_channels=4"), "resnet": (*IMAGES, "model.base_channels=4")}
NETWORKS["r3gan"] = (*IMAGES, "model.base_channels=16")
NETWORKS["goodfellow"] = (*IMAGES, "model.generator.width=16", "model.discriminator.width=16")
NETWORKS |= dict.fromkeys(("infogan", "sndcgan", "dcgan5x5"), (*IMAGES, "model.base_channels=8"))


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch):
    """There is none for this device; it waits for nothing."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())


def on_meta(*overrides: str) -> Run:
    """A run whose networks, data, noise and optimizers are where there are no values."""
    run = make_run(*overrides)
    run.device, run.guard.defers, run.last_penalty = META, True, run.last_penalty.to(META)
    for net, optimizer in ((run.G.to(META), run.opt_G), (run.D.to(META), run.opt_D)):
        (group,) = optimizer.param_groups
        group |= {"params": [*net.parameters()], "fused": None}  # there is no fused kernel for it
    run.ema = EMA(run.G, 100) if run.ema else None
    run.reals = Stream(run.reals.data, run.cfg.batch_size, run.seed, META, run.cfg.held_out, resident=True)
    run.twin = run.reals.twin()
    draw = run.prior.sample
    run.prior.sample = lambda n, generator: draw(n, generator).to(META)
    return run


def play(run: Run, steps: int = 1) -> None:
    for _ in range(steps):
        turn(run)
        run.step += 1
        if run.ema:
            run.ema.update(run.step * run.cfg.batch_size, run.cfg.batch_size)


@pytest.mark.parametrize("loss", choices("loss"))
def test_no_loss_waits(loss):
    play(on_meta(*TINY, f"loss={loss}"))


@pytest.mark.slow
@pytest.mark.parametrize("penalty", choices("penalty"))
def test_no_penalty_waits(penalty):
    play(on_meta(*TINY, f"penalty={penalty}"))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", choices("optimizer"))
def test_no_optimizer_waits(optimizer):
    play(on_meta(*TINY, f"optimizer={optimizer}", "train.clip_grad_norm=1", "train.lr_schedule=cosine"))


@pytest.mark.parametrize("model", choices("model"))
def test_no_network_waits(model):
    play(on_meta(f"model={model}", *NETWORKS[model]))


@pytest.mark.slow
@pytest.mark.parametrize("prior", choices("prior"))
def test_no_prior_waits(prior):
    play(on_meta(*TINY, f"prior={prior}"))


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["gaussian", "grid", "point", "ring", "spiral"])
def test_no_density_waits(dataset):
    play(on_meta(*TINY, f"dataset={dataset}"))


AIDS = ("aids.instance_noise=0.1", "aids.label_flips=0.1", "aids.top_k=0.5", "aids.top_k_steps=1")
DCGAN = ("model=dcgan", *NETWORKS["dcgan"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        (*TINY, *AIDS),
        (*DCGAN, "aids.augment=[translation,cutout,colour]", "model.pack=2", "dataset.flip=true"),
        (*DCGAN, "model.spectral_norm=true", "model.discriminator.minibatch_std=true", "penalty.every=2"),
        (*DCGAN, "model.conditional=true", "train.fakes=reused", "loss=relativistic"),
        (*DCGAN, "penalty=none"),
        (*TINY, "train.updates=simultaneous"),
        (*TINY, "train.g_is_data=true"),
        (*TINY, "train.d_steps=3", "train.g_steps=2"),
    ],
    ids=lambda settings: settings[-1],
)
def test_no_aid_and_no_other_way_to_train_waits(settings):
    play(on_meta(*settings))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["r3gan", "resnet"])
@pytest.mark.parametrize("penalty", ["gp", "r1", "r1r2"])
def test_no_penalty_of_a_deep_network_waits(model, penalty):
    play(on_meta(f"model={model}", *NETWORKS[model], f"penalty={penalty}", "model.conditional=true"))


def test_a_wait_is_seen():
    run = on_meta(*TINY)
    run.guard.defers = False
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        turn(run)
    run = on_meta(*TINY)
    run.loss.generator = lambda fake, real=None: fake.mean() * (2.0 if fake.mean() > 0 else 1.0)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        turn(run)


def test_what_was_measured_is_looked_at_in_one_wait():
    run = on_meta(*TINY)
    play(run, 5)
    reads = []

    class Reading(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is torch.Tensor.tolist:
                reads.append(args[0].shape)
                return [0.0] * len(args[0])
            return function(*args, **(kwargs or {}))

    with Reading():
        run.guard.look(5, "none")
    assert len(reads) == 1


def test_data_that_do_not_fit_on_the_device_are_waited_for_by_nobody():
    run = on_meta("model=mlp", *NETWORKS["mlp"])
    run.reals = Stream(run.reals.data, run.cfg.batch_size, run.seed, META, resident=False)
    play(run, 3)
