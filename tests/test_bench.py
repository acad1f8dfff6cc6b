"""What is compared is comparable: the contenders of `python -m bench` do the same work but for what their names say."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench import __main__ as command
from bench import data, listing, overhead, peers, report, scaling
from bench.case import Case, make
from bench.contenders import make_contender
from bench.flop import Flop
from bench.sets import SETS, Set
from bench.tutorial import Pictures
from gan_cli.listing import newest_first
from gan_cli.optimizers import without_compiler

TINY = Set("tiny", "", ("model=mlp", "model.width=8", "loss=nonsaturating", "penalty=none"), (2,), 16)
CRITIC = Set("critic", "", ("model=mlp", "model.width=8", "loss=wgan_gp"), (2,), 16, d_steps=2)
NAMES = ("tutorial", "gan-cli", "gan-cli, reused fakes", "bare", "floor")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Contenders by set and name, each made when it is first asked for, without workers of the tutorial."""
    folder, found = tmp_path_factory.mktemp("bench"), {}

    def make(one, name):
        if (one.name, name) not in found:
            case = Case(one, data.write(one, folder, 200), folder / one.name / name.replace(" ", "-"))
            torch.set_num_threads(1)
            found[one.name, name] = make_contender(name, case)
        return found[one.name, name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.tutorial.WORKERS", 0)
        patch.setattr("bench.tutorial.Adam", without_compiler(torch.optim.Adam))  # the same numbers, seconds sooner
        yield make
    for contender in found.values():
        contender.close()


def players(contender):
    """G and D of any contender; the tutorial's D has a sigmoid on top."""
    holder = getattr(contender.contender, "loop", getattr(contender.contender, "r", contender.contender))
    return holder.G, holder.D


def updates(contender, monkeypatch):
    """How often each optimizer steps in three steps."""
    counts = []
    for name in ("opt_D", "opt_G"):
        holder = getattr(contender.contender, "loop", getattr(contender.contender, "r", contender.contender))
        optimizer, taken = getattr(holder, name), []
        step = optimizer.step
        monkeypatch.setattr(optimizer, "step", lambda step=step, taken=taken: (taken.append(1), step())[1])
        counts.append(taken)
    contender.run(3)
    return [len(taken) for taken in counts]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("one", [TINY, CRITIC], ids=lambda one: one.name)
def test_every_contender_makes_the_same_number_of_updates(made, monkeypatch, one, name):
    assert updates(made(one, name), monkeypatch) == [3 * one.d_steps, 3]


@pytest.mark.parametrize("name", NAMES)
def test_every_contender_trains_networks_of_the_same_parameters(made, name):
    ours = [[p.shape for p in net.parameters()] for net in players(made(TINY, "gan-cli"))]
    assert [[p.shape for p in net.parameters()] for net in players(made(TINY, name))] == ours
    assert all(p.dtype == torch.float32 for net in players(made(TINY, name)) for p in net.parameters())


@pytest.mark.parametrize("one", [TINY, CRITIC], ids=lambda one: one.name)
def test_nobody_computes_less_than_the_floor(made, one):
    least = made(one, "floor").flop()
    assert all(made(one, name).flop() >= least for name in NAMES)


def test_the_tutorial_computes_more_than_the_floor_by_the_slopes_of_ds_weights_in_gs_step(made):
    D = players(made(TINY, "floor"))[1]
    linear = [module for module in D.modules() if isinstance(module, nn.Linear)]
    slopes = sum(2 * TINY.batch * layer.weight.numel() for layer in linear)  # x^T dy of each layer
    assert made(TINY, "tutorial").flop() - made(TINY, "floor").flop() == slopes


def test_gan_cli_computes_more_than_the_floor_by_one_pass_of_g_and_with_reused_fakes_by_nothing(made):
    G = players(made(TINY, "floor"))[0]
    one_pass = sum(2 * TINY.batch * m.weight.numel() for m in G.modules() if isinstance(m, nn.Linear))
    assert made(TINY, "bare").flop() - made(TINY, "floor").flop() == one_pass
    assert made(TINY, "gan-cli").flop() == made(TINY, "bare").flop()
    assert made(TINY, "gan-cli, reused fakes").flop() == made(TINY, "floor").flop()


def test_operations_are_counted_as_pytorch_counts_them():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 6 * 6, 1))
    x, ours = torch.randn(4, 1, 8, 8), Flop()
    with FlopCounterMode(display=False) as theirs:
        net(x).sum().backward()
    with ours:
        net(x).sum().backward()
    assert ours.total == theirs.get_total_flops() > 0


def test_the_tutorials_pictures_are_those_that_gan_cli_trains_on(tmp_path):
    one = Set("pictures", "", TINY.overrides, (3, 8, 8), 4)
    case = Case(one, data.write(one, tmp_path, 20), tmp_path)
    stream = make([*case.overrides(), "train.held_out=2"]).reals
    theirs = Pictures(np.load(case.data))
    ours = stream.peek(18, "all")
    for x in (theirs[i][0] for i in range(3)):
        assert x.shape == (3, 8, 8)
        assert min((x - y).abs().max().item() for y in ours) < 1e-6


@pytest.mark.parametrize("one", [TINY, CRITIC], ids=lambda one: one.name)
def test_the_reference_learns(made, one):
    contender = made(one, "tutorial")
    weights = [p for net in players(contender) for p in net.parameters() if p.dim() == 2]
    before = [p.clone() for p in weights]
    contender.run(60)
    assert all((p != b).any() for p, b in zip(weights, before, strict=True))
    losses = contender.contender.loop.losses
    assert all(math.isfinite(value) for pair in losses for value in pair)
    if one is TINY:  # D tells a ring from what an untrained G makes
        assert losses[-1][0] < losses[0][0]


def test_a_slice_charges_what_is_due_now_and_then(made, monkeypatch):
    product = made(replace(TINY, name="images", shape=(1, 8, 8)), "gan-cli").contender
    monkeypatch.setattr(product, "due", None)
    plain, full = product._plain(2), product.timed(2)
    assert product.due is not None and product.due.wall > 0
    assert full.wall > product.due.wall and plain.wall > 0
    assert product.r.step % product.cycle == 2  # steps at which nothing is due


@pytest.mark.parametrize(
    "arguments", [["--sets", "mlp29"], ["--threads", "0"], ["--threads", "two"], ["--rounds", "0"], ["--out", "x.txt"]]
)
def test_mistakes_on_the_command_line_are_named(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        peers.parse(arguments)
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_an_unknown_measurement_lists_those_there_are(capsys):
    assert command.main(["pears"]) == 2
    assert "peers" in capsys.readouterr().err


def test_ratios_are_taken_round_by_round():
    from bench.clock import Seconds
    from bench.race import ratios

    slow, fast = [Seconds(2, 6), Seconds(20, 30)], [Seconds(1, 2), Seconds(10, 10)]  # a machine that was slower, then
    assert ratios(slow, fast) == ([2, 2], [3, 3])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_missed_goal_says_so(precision):
    result = report.Result("dcgan64-1", precision, 1, "cpu", {"tutorial": [(2.0, 2.0)], "gan-cli": [(1.0, 1.0)]})
    result.flop = dict.fromkeys(result.seconds, 10**9)
    words = {"fp32": "gan-cli: 2.00, reached; 2.00, reached", "bf16": "gan-cli: 2.00, missed; 2.00, missed"}
    assert words[precision] in report.table(result)


def test_an_exponent_is_that_of_the_upper_half():
    row = scaling.ROWS["batch"]
    from bench.clock import Seconds

    times = [Seconds(1, max(1.0, size**1.5)) for size in row.sizes]
    grown = scaling.Grown(row, list(row.sizes), times, list(row.sizes))
    assert grown.exponents() == pytest.approx((0, 1.5, 1))


def test_every_set_and_row_composes(tmp_path):
    for one in SETS.values():
        assert f"train.batch_size={one.batch}" in Case(one, tmp_path, tmp_path).overrides()
    for row in scaling.ROWS.values():
        case = scaling.case_of(row.what, row.sizes[0], tmp_path, "cpu")
        keys = [text.partition("=")[0] for text in case.overrides()]
        assert len(keys) == len(set(keys))
    assert overhead.GOAL == 0.03


def test_the_ways_to_list_runs_look_at_the_same_ones(tmp_path, capsys):
    listing.make(tmp_path, 6)
    for way in listing.WAYS.values():
        way(tmp_path)  # and finds something
    entries = newest_first(tmp_path, warn=pytest.fail)
    assert [entry.problem for entry in entries] == [None] * 6
    assert {len(entry.metrics) for entry in entries} == {29}
    assert listing.GOALS.keys() < listing.WAYS.keys()
