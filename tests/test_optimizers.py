"""torch.optim without torch's compiler: the same updates to the bit, the same state, the same classes for a reader."""

import functools
import inspect

import pytest
import torch
from torch import Tensor, nn, optim
from torch.optim import Optimizer

from gan_cli.optimizers import without_compiler

KINDS = [
    (optim.Adam, {"lr": 0.1, "betas": (0.5, 0.999), "fused": True}),
    (optim.Adam, {"lr": 0.1, "amsgrad": True, "foreach": True}),
    (optim.AdamW, {"lr": 0.1, "fused": True}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "fused": True}),
    (optim.RMSprop, {"lr": 0.1, "centered": True}),
    (optim.Adagrad, {}),
    (optim.NAdam, {}),
    (optim.RAdam, {}),
    (optim.Adafactor, {}),
]
MARKED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict", "step")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the compiler's own, at its import


def weights() -> list[nn.Parameter]:
    chance = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=chance)) for shape in ((8, 3), (5,))]


def move(optimizer: Optimizer, seed: int, steps: int = 3) -> None:
    """Steps with drawn gradients."""
    chance = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        for p in optimizer.param_groups[0]["params"]:
            p.grad = torch.randn(p.shape, generator=chance)
        optimizer.step()


def same(ours: Optimizer, theirs: Optimizer) -> bool:
    """Whether weights and states are equal to the bit."""

    def plain(optimizer: Optimizer) -> tuple[list[Tensor], list[tuple[str, object]]]:
        states = [*optimizer.state_dict()["state"].values()]
        items = [(k, v.tolist() if isinstance(v, Tensor) else v) for state in states for k, v in state.items()]
        return [p.detach().clone() for p in optimizer.param_groups[0]["params"]], items

    (a, a_state), (b, b_state) = plain(ours), plain(theirs)
    return all(map(torch.equal, a, b)) and a_state == b_state


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
def test_updates_and_states_are_equal_to_the_bit(kind, options):
    ours, theirs = without_compiler(kind)(weights(), **options), kind(weights(), **options)
    move(ours, 1)
    move(theirs, 1)
    assert same(ours, theirs)
    assert ours.state_dict()["param_groups"] == theirs.state_dict()["param_groups"]


@pytest.mark.parametrize(("first", "second"), [(optim.Adam, without_compiler), (without_compiler, optim.Adam)])
def test_one_goes_on_where_the_other_left_off(first, second):
    def make(how):
        return (how(optim.Adam) if how is without_compiler else how)(weights(), lr=0.1, fused=True)

    whole, before, after = make(first), make(first), make(second)
    move(whole, 1)
    move(before, 1)
    after.load_state_dict(before.state_dict())
    for p, q in zip(after.param_groups[0]["params"], before.param_groups[0]["params"], strict=True):
        p.data.copy_(q)
    move(whole, 2)
    move(after, 2)
    assert same(whole, after)


def test_it_is_the_class_that_was_named():
    made = without_compiler(optim.Adam)(weights())
    assert isinstance(made, optim.Adam)
    assert (type(made).__name__, type(made).__module__) == ("Adam", "torch.optim.adam")
    assert repr(made) == repr(optim.Adam(weights()))
    assert inspect.signature(type(made).step) == inspect.signature(optim.Adam.step)


@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW, optim.SGD, optim.RMSprop])
def test_every_mark_of_this_torch_is_known(kind):
    assert set(MARKED) <= vars(without_compiler(kind)).keys()


def test_a_class_of_somebody_else_stays_as_it_is():
    class Mine(optim.Adam):
        pass

    assert without_compiler(Mine) is Mine


def test_a_mark_that_is_not_known_stays(monkeypatch):
    calls = []
    covered = Optimizer.zero_grad

    @functools.wraps(covered)
    def inner(*args: object, **kwargs: object) -> object:  # the name of torch's own, in another module
        calls.append(args)
        return covered(*args, **kwargs)

    monkeypatch.setattr(Optimizer, "zero_grad", inner)
    kind = without_compiler(optim.SGD)
    assert "zero_grad" not in vars(kind)
    move(kind(weights()), 1, steps=2)
    assert len(calls) == 2


def test_hooks_are_called_once_a_step():
    optimizer, steps = without_compiler(optim.SGD)(weights()), []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    move(optimizer, 1)
    assert len(steps) == 3


def test_a_step_leaves_no_graph_unless_asked_for_one():
    p = nn.Parameter(torch.ones(2))
    optimizer = without_compiler(optim.SGD)([p], lr=0.5)
    p.grad = torch.ones(2)
    optimizer.step()
    assert p.grad_fn is None
    assert torch.is_grad_enabled()

    start = torch.ones(2, requires_grad=True)
    moved = start.clone()
    moved.grad = 2 * start
    without_compiler(optim.SGD)([moved], lr=0.25, differentiable=True).step()  # start - 0.25 * 2 start
    assert torch.autograd.grad(moved.sum(), start)[0].tolist() == [0.5, 0.5]


def test_a_closure_is_evaluated_with_gradients():
    p = nn.Parameter(torch.ones(2))
    optimizer = without_compiler(optim.SGD)([p], lr=1.0)

    def closure() -> Tensor:
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2.0
    assert p.tolist() == [-1.0, -1.0]
