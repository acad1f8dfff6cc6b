"""One of several processes, looked at alone: its rows, its random numbers, what it may not be asked."""

import ast
import copy
import inspect

import pytest
import torch
from conftest import TINY, make_run
from torch import nn

from gan_cli import ranks as module
from gan_cli.aids import Aids
from gan_cli.data import Stream
from gan_cli.errors import ConfigError
from gan_cli.losses import Hinge, Loss
from gan_cli.penalties import GradientPenalty
from gan_cli.placement import thread_count
from gan_cli.ranks import Draws, Ranks
from gan_cli.settings import TrainConfig


class Numbers:
    """n images of two pixels, their number and 255, mirrored at random."""

    flip = True
    shape = (1, 1, 2)

    def __init__(self, n: int) -> None:
        self.n = n

    def load(self):
        from gan_cli.data import Examples

        number = torch.arange(self.n)
        return Examples(torch.stack([number, number * 0 + 255], 1).byte().view(-1, 1, 1, 2), number)


def test_every_row_of_a_batch_is_one_ranks_and_no_others():
    for size in (1, 2, 4, 8):
        taken = [i for rank in range(size) for i in range(16)[Ranks(rank, size).rows(16)]]
        assert taken == list(range(16))


def test_a_process_alone_shares_nothing_and_talks_to_nobody():
    alone, x = Ranks(), torch.zeros(3)
    assert alone.alone and alone.leads
    assert alone.share(x) is x
    assert alone.mean([x])[0] is x
    assert alone.agree(True, 0.5) == [True, 0.5]
    assert alone.broadcast_bytes(b"state") == b"state"
    assert alone.gather(x)[0] is x
    alone.align([x])
    alone.barrier()


def test_only_functions_that_talk_import_torch_distributed():
    top = [node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("distributed" in ast.unparse(node) for node in top)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("resident", [False, True])
def test_ranks_read_their_own_rows_of_the_same_batches(resident, flip):
    """Of 10 examples and 4 in a batch: batches straddle epochs."""
    data = Numbers(10)
    data.flip = flip
    whole = Stream(data, batch_size=4, seed=0)
    ranks = []
    for rank in range(2):
        stream = Stream(data, batch_size=4, seed=0, resident=resident)
        stream.mine = Ranks(rank, 2).rows(4)
        asked = []
        take = stream._rows._gather
        stream._rows._gather = lambda which, take=take, asked=asked: (asked.append(len(which)), take(which))[1]
        ranks.append((stream, asked))
    for _ in range(7):
        x = next(whole)
        parts = [next(stream) for stream, _ in ranks]
        assert torch.equal(torch.cat(parts), x)
        assert torch.equal(torch.cat([stream.labels for stream, _ in ranks]), whole.labels)
    assert {n for _, asked in ranks for n in asked} == {2}, "no rank reads what another one learns from"


def test_ranks_take_their_rows_of_the_same_density_draws():
    run = make_run(*TINY)
    x = next(run.reals)
    for rank in range(2):
        other = make_run(*TINY)
        other.reals.mine = Ranks(rank, 2).rows(16)
        assert torch.equal(next(other.reals), x[8 * rank : 8 * rank + 8])
        assert torch.equal(next(other.reals.twin()), next(run.reals.twin())[8 * rank : 8 * rank + 8])


def draws(rank: int, size: int) -> Draws:
    return Draws(Ranks(rank, size), torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    "draw",
    [
        lambda chance, n: chance.rand(n, 1, 1, dtype=torch.float64),
        lambda chance, n: chance.randint(0, 9, (n, 3)),
        lambda chance, n: chance.randn_like(torch.zeros(n, 3, 8, 8)),
        lambda chance, n: chance.randn_like(torch.zeros(n, 3, 8, 8).to(memory_format=torch.channels_last)),
        lambda chance, n: Aids(instance_noise=0.1, augment=("colour", "cutout")).see(torch.ones(n, 3, 8, 8), 0, chance),
        lambda chance, n: torch.stack(Aids(label_flips=0.4).tell(torch.zeros(n), torch.ones(n), chance), 1),
    ],
)
def test_what_ranks_draw_together_is_what_a_process_alone_draws(draw):
    torch.manual_seed(5)
    whole = draw(torch, 8)
    parts = [draw(draws(rank, 4), 2) for rank in range(4)]
    assert torch.equal(torch.cat(parts), whole)


def test_a_penaltys_points_are_rows_of_the_same_draw():
    penalty, seen = GradientPenalty(), []

    def D(x):
        seen.append(x.detach().clone())
        return x.sum(1)

    torch.manual_seed(5)
    real, fake = torch.zeros(4, 2), torch.ones(4, 2)
    penalty(D, real, fake)
    for rank in range(2):
        penalty.chance = draws(rank, 2)
        penalty(D, real[:2], fake[:2])
    assert torch.equal(torch.cat(seen[1:]), seen[0])


def test_a_rank_that_looks_by_itself_draws_as_a_process_alone_and_moves_nothing():
    chance = draws(1, 2)
    before = chance.generator.get_state()
    chance.paused = True
    torch.manual_seed(7)
    a, b, c = chance.rand(3), chance.randint(0, 5, (3,)), chance.randn_like(torch.zeros(3))
    torch.manual_seed(7)
    assert torch.equal(a, torch.rand(3))
    assert torch.equal(b, torch.randint(0, 5, (3,)))
    assert torch.equal(c, torch.randn(3))
    assert torch.equal(chance.generator.get_state(), before)


class Centred(Loss):
    """A loss that compares each logit with the mean of its batch: no mean over samples."""

    def discriminator(self, real, fake):
        return {"real": Hinge().discriminator(real - fake.mean(), fake)["real"]}

    def generator(self, fake, real=None):
        return -fake.mean()


MLP = ("model=mlp", "model.width=8", "dataset=gaussian", "prior.dim=2", "train.steps=2")


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (("train.batch_size=16", "train.devices=3"), "train.batch_size: 16 samples for 3 processes; take a multiple"),
        (("train.batch_size=16", "train.devices=8", "model.pack=4"), "multiple of 32: even shares of whole packs"),
        (("train.batch_size=16", "train.devices=2", "aids.top_k=0.5"), "aids.top_k: chooses among a whole batch"),
        (
            ("train.batch_size=8", "train.devices=4", "model.discriminator.minibatch_std=true"),
            "train.batch_size: minibatch_std compares 4 samples of a process; take 16 or more",
        ),
        (
            ("train.batch_size=4", "train.devices=4", "model.generator.norm=batch"),
            "batch norm needs more than 1 sample in each process",
        ),
        (("train.batch_size=8", "train.devices=2", "loss._target_=test_ranks_own.Centred"), "no mean over samples"),
        (("train.devices=0",), "train.devices: must be positive, got 0"),
    ],
)
def test_what_processes_cannot_share_is_refused(told, says, monkeypatch):
    own = type(module)("test_ranks_own")
    own.Centred = Centred
    Centred.__module__ = "test_ranks_own"
    monkeypatch.setitem(__import__("sys").modules, "test_ranks_own", own)
    more = ["~loss.real_label", "~loss.fake_label"] if any("Centred" in text for text in told) else []
    with pytest.raises(ConfigError) as error:
        make_run(*MLP, *told, *more)
    assert says in " ".join(str(error.value).split())


def test_all_losses_of_the_house_can_be_shared():
    for loss in ("minimax", "nonsaturating", "least_squares", "hinge", "wasserstein", "wgan_gp", "relativistic"):
        make_run(*MLP, f"loss={loss}", "train.batch_size=12", "train.devices=3")


def test_processes_on_one_machine_share_its_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("gan_cli.placement._ALL_THREADS", 8)
    auto = TrainConfig(steps=1, batch_size=64)
    assert thread_count(auto, (3, 64, 64), processes=4, here=4) == 2
    assert thread_count(auto, (3, 64, 64), processes=16, here=8) == 1
    assert thread_count(auto, (1, 32, 32), processes=4, here=4) == 1, "16 images of 32 pixels are a small batch"


def test_synchronised_batch_norm_waits_for_nobody_while_a_rank_looks_by_itself():
    run = make_run(*MLP, "train.batch_size=4")
    run.D = nn.Sequential(run.D, nn.SyncBatchNorm(1))
    run.ranks = Ranks(0, 2)
    run.ranks.__dict__["by_itself"] = "a group of one"
    run.reseed("train")
    own = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), run.by_itself():
        assert run.D[1].process_group == "a group of one"
        assert torch.equal(torch.get_rng_state(), run.draws.generator.get_state()), "it draws as one process would"
        raise ZeroDivisionError
    assert run.D[1].process_group is None
    assert not run.draws.paused
    assert torch.equal(torch.get_rng_state(), own)
    assert not torch.equal(own, run.draws.generator.get_state())


def test_synchronised_batch_norm_has_the_weights_that_the_optimizer_moves_and_their_names():
    run = make_run("dataset=digits", "dataset.size=8", "model.base_channels=4", "prior.dim=4", "train.steps=1")
    G = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(run.G))
    assert list(G.state_dict()) == list(run.G.state_dict()), "a checkpoint of GPUs is one of a CPU"
    G = nn.SyncBatchNorm.convert_sync_batchnorm(run.G)
    moved = {id(p) for group in run.opt_G.param_groups for p in group["params"]}
    assert {id(p) for p in G.parameters()} == moved
