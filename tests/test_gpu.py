"""On an Nvidia GPU training is what it is on a CPU, exact where that is asked for, and waits for nothing in between.

Without one all of this is skipped; what a CPU can tell of it is in test_waits.py and test_guard.py.
"""

import json
import os

import pytest
import torch
from conftest import TINY, choices, make_run, train_in

from gan_cli import checkpoint
from gan_cli.data.stream import Stream
from gan_cli.errors import Diverged
from gan_cli.loop import average, train, turn
from gan_cli.run import Run
from gan_cli.seeds import generator

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic; read at its start

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")

GPU = "device=cuda"
IMAGES = ("dataset=digits", "dataset.size=16", "prior.dim=8", "train.batch_size=16", "train.samples=4")
NETWORKS = {"dirac": ("dataset=point", "prior.dim=1"), "mlp": (*IMAGES, "model.width=16")}
NETWORKS |= {"dcgan": (*IMAGES, "model.base_channels=8"), "resnet": (*IMAGES, "model.base_channels=8")}
NETWORKS["r3gan"] = (*IMAGES, "model.base_channels=16")
NETWORKS["goodfellow"] = (*IMAGES, "model.generator.width=16", "model.discriminator.width=16")
NETWORKS |= dict.fromkeys(("infogan", "sndcgan", "dcgan5x5"), (*IMAGES, "model.base_channels=8"))
SHORT = ("train.steps=8", "train.log_every=4", "train.sample_every=4", "train.checkpoint_every=4")


def tensors(net: torch.nn.Module) -> torch.Tensor:
    """All weights of a network in one vector of the CPU."""
    return torch.cat([p.detach().cpu().flatten().double() for p in net.parameters()])


def same_noise(run: Run) -> Run:
    """A run whose z are drawn on the CPU, so that a run on any device has the same ones."""
    g, draw = generator(run.seed, "noise of both"), run.prior.sample
    run.prior.sample = lambda n, _: draw(n, g).to(run.device)
    return run


def moved(*overrides: str) -> dict[str, torch.Tensor]:
    """How far one step of plain gradient descent moves each player: lr times its gradient."""
    run = same_noise(make_run(*overrides, "optimizer=sgd", "optimizer.momentum=0", "optimizer.lr=0.01"))
    before = {"G": tensors(run.G), "D": tensors(run.D)}
    turn(run)
    return {"G": tensors(run.G) - before["G"], "D": tensors(run.D) - before["D"]}


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [(("train.tf32=false",), 1e-3), (("train.tf32=true",), 5e-2), (("train.precision=bf16",), 0.4)],
    ids=["fp32", "tf32", "bf16"],
)
@pytest.mark.parametrize("model", choices("model"))
def test_a_step_is_the_one_of_the_CPU(model, settings, tolerance):
    tiny = (f"model={model}", *NETWORKS[model])
    cpu, gpu = moved(*tiny, "device=cpu"), moved(*tiny, *settings, GPU)
    for player in ("G", "D"):
        assert cpu[player].norm() > 0
        assert (cpu[player] - gpu[player]).norm() <= tolerance * cpu[player].norm(), player


@pytest.mark.parametrize("loss", choices("loss"))
def test_every_loss_has_the_gradient_that_it_has_on_the_CPU(loss):
    tiny = (*TINY, f"loss={loss}", "penalty=r1", "train.tf32=false")  # gp draws points, and devices draw others
    cpu, gpu = moved(*tiny, "device=cpu"), moved(*tiny, GPU)
    for player in ("G", "D"):
        assert (cpu[player] - gpu[player]).norm() <= 1e-3 * cpu[player].norm(), player


@pytest.mark.parametrize("resident", [True, False])
def test_batches_are_those_of_the_CPU_wherever_the_data_lie(resident):
    data = make_run("model=mlp", *IMAGES, "dataset.flip=true", "device=cpu").reals.data
    here, there = Stream(data, 100, 0, "cpu", "auto"), Stream(data, 100, 0, "cuda", "auto", resident)
    for _ in range(40):  # more than one epoch of 1,797
        assert torch.allclose(next(here), next(there).cpu(), atol=1e-6)
        assert torch.equal(here.labels, there.labels.cpu())


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True, warn_only=True)  # pictures and figures may have none
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.filterwarnings("ignore:.*deterministic")
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("model", ["mlp", "dcgan"])
def test_a_resume_is_exact_to_the_bit(tmp_path, model, precision):
    tiny = (f"model={model}", *NETWORKS[model], f"train.precision={precision}", *SHORT, GPU)
    whole = train_in(tmp_path / "whole", *tiny)
    train_in(tmp_path / "torn", *tiny, "train.steps=4")
    state = checkpoint.load_newest(tmp_path / "torn/checkpoints", print)
    torn = train_in(tmp_path / "torn", *tiny, state=state)
    assert whole.digest() == torn.digest()


def test_a_run_of_a_gpu_goes_on_on_a_cpu(tmp_path, capsys):
    tiny = ("model=dcgan", *NETWORKS["dcgan"], *SHORT)
    train_in(tmp_path, *tiny, "train.steps=4", GPU)
    state = checkpoint.load_newest(tmp_path / "checkpoints", print)
    run = train_in(tmp_path, *tiny, "device=cpu", state=state)
    assert run.step == 8
    assert "from cuda to cpu: another random generator, other bits" in " ".join(capsys.readouterr().out.split())


@pytest.fixture
def no_wait():
    """A switch: from when it is called on, PyTorch raises an error where the host would wait for the GPU."""
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


def play(run: Run, steps: int) -> None:
    for _ in range(steps):
        turn(run)
        run.step += 1
        average(run)


WAYS = [
    *((f"model={model}", *NETWORKS[model]) for model in choices("model")),
    *((*TINY, f"loss={loss}") for loss in choices("loss")),
    *((*TINY, f"penalty={penalty}") for penalty in choices("penalty")),
    *((*TINY, f"optimizer={optimizer}", "train.clip_grad_norm=1") for optimizer in choices("optimizer")),
    *((f"model={model}", *NETWORKS[model], "train.precision=bf16") for model in ("dcgan", "resnet", "r3gan")),
    (*TINY, "aids.instance_noise=0.1", "aids.label_flips=0.1", "aids.top_k=0.5", "aids.top_k_steps=1"),
    ("model=dcgan", *NETWORKS["dcgan"], "aids.augment=[translation,cutout,colour]", "dataset.flip=true"),
    ("model=dcgan", *NETWORKS["dcgan"], "model.conditional=true", "model.spectral_norm=true"),
    ("model=dcgan", *NETWORKS["dcgan"], "model.discriminator.minibatch_std=true", "train.fakes=reused"),
]


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("settings", WAYS, ids=lambda settings: " ".join((settings[0], settings[-1])))
def test_no_step_waits_for_the_gpu_between_two_logging_points(no_wait, settings):
    run = make_run(*settings, GPU)
    assert run.guard.defers
    play(run, 2)  # libraries begin, memory is found
    torch.cuda.synchronize()
    no_wait()
    play(run, 3)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_a_new_epoch_and_data_that_do_not_fit_are_waited_for_by_nobody(no_wait):
    run = make_run("model=mlp", *NETWORKS["mlp"], "dataset.flip=true", GPU)
    for resident in (True, False):
        torch.cuda.set_sync_debug_mode("default")
        reals = Stream(run.reals.data, 512, 0, "cuda", "auto", resident)
        next(reals)
        no_wait()
        for _ in range(8):  # more than two epochs
            next(reals)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_a_wait_is_seen(no_wait):
    run = make_run(*TINY, GPU)
    play(run, 2)
    run.guard.defers = False
    no_wait()
    with pytest.raises(RuntimeError, match="synchronizing CUDA operation"):
        turn(run)


def test_what_is_not_finite_is_found_at_the_next_logging_point_and_is_not_saved(tmp_path):
    run = make_run(*TINY, "train.steps=12", "train.log_every=5", "train.checkpoint_every=12", GPU)
    sound = run.loss.generator
    run.loss.generator = lambda *logits: sound(*logits) * (float("nan") if run.step == 6 else 1.0)
    with run.open(tmp_path), pytest.raises(Diverged, match=r"not finite in step 7, .* \(seen after step 10;") as error:
        train(run)
    run.log.close()
    assert error.value.step == 7
    assert [checkpoint.step_of(path) for path in checkpoint.available(tmp_path / "checkpoints")] == [0]


def test_a_profile_tells_how_busy_the_gpu_is_and_who_waits(tmp_path, capsys):
    train_in(tmp_path, "model=dcgan", *NETWORKS["dcgan"], "train.steps=22", "train.profile=true", GPU)
    said = capsys.readouterr().out
    for words in ("convolution, backward", "the device is busy for", "data wait", "host wait"):
        assert words in said
    assert (tmp_path / "profile.json.gz").stat().st_size > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
@pytest.mark.parametrize("fakes", ["fresh", "reused"])
@pytest.mark.parametrize("model", ["mlp", "dcgan"])
def test_compiled_networks_train_as_plain_ones(model, fakes):
    """Also when D is asked twice before it moves: a recorded graph must not write over what is still needed."""
    tiny = (f"model={model}", *NETWORKS[model], f"train.fakes={fakes}", "train.tf32=false", GPU)
    ends = []
    for compiled in ("off", "on"):
        run = same_noise(make_run(*tiny, f"train.compile={compiled}", "optimizer=sgd", "optimizer.lr=0.01"))
        said: list[str] = []
        run.forward.tell = said.append
        play(run, 6)
        run.guard.look(run.step, "none")
        assert said == []
        ends.append({"G": tensors(run.G), "D": tensors(run.D)})
    for player, plain in ends[0].items():
        assert (ends[1][player] - plain).norm() <= 1e-3 * plain.norm(), player


def test_equal_runs_on_the_gpu_draw_equal_noise():
    first, second = (make_run(*TINY, GPU) for _ in range(2))
    assert first.noise.device.type == "cuda"
    z = first.z(64)
    assert torch.equal(z, second.z(64))
    assert not torch.equal(z, first.z(64))


def test_rows_of_the_log_hold_numbers_and_the_grid_is_drawn(tmp_path):
    train_in(tmp_path, "model=dcgan", *NETWORKS["dcgan"], *SHORT, "train.precision=bf16", GPU)
    found = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in found] == [4, 8]
    assert all(isinstance(row["loss/d"], float) for row in found)
    assert (tmp_path / "samples/step-000000008.png").exists()
