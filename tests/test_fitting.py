"""A checkpoint is looked at whole before any of it is taken over: anything can be in somebody else's."""

import copy

import pytest
import torch
from conftest import TINY, make_run, train_in

from gan_cli.errors import RunError
from gan_cli.fitting import SHOWN, misfits


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    run = train_in(tmp_path_factory.mktemp("run"), *TINY)
    return run.state() | {"best": None, "offsets": {"metrics": 0, "timing": 0}}


def found_in(state) -> list[str]:
    run = make_run(*TINY)
    nets = {"G": run.G, "D": run.D, "ema": run.ema.G}
    return misfits(state, nets, {"opt_G": run.opt_G, "opt_D": run.opt_D})


def test_a_state_of_its_own_fits(state):
    assert found_in(state) == []


ODD = {
    "step": [-1, "7", 1.0, True, None, 1 << 63],
    "cursor": [-1],
    "rollbacks": [None],
    "offsets": [None, {}, {"metrics": -1}, {"metrics": "0"}, [1]],
    "last_penalty": [0.0, torch.zeros(2)],
    "best": [(1, 2), ("a", "b", 1.0, -1), "theory/js", ("a", "b", 1, 3), ("a", "b", 1.0, 2.0)],
    "machine": [None, "x"],
    "G": [None, {}, {"main.0.weight": 1}],
    "ema": [None, []],
    "opt_G": [None, {}, {"state": {}, "param_groups": []}, {"state": {}, "param_groups": [{}]}],
    "opt_D": [{"state": [], "param_groups": [{"params": [0]}]}],
}


@pytest.mark.parametrize(("part", "value"), [(part, value) for part in ODD for value in ODD[part]], ids=str)
def test_what_is_odd_is_named(state, part, value):
    found = found_in(state | {part: value})
    assert found and all(line.startswith(part) for line in found)


def test_moments_of_another_shape_are_found_before_an_update_meets_them(state):
    odd = copy.deepcopy(state)
    odd["opt_D"]["state"][0]["exp_avg"] = torch.zeros(3, 3)
    assert found_in(odd) == ["opt_D has a state of shape [3, 3] for a weight of another"]
    odd["opt_D"]["state"][99] = {}
    assert found_in(odd) == ["opt_D has a state of weights that are not there: [99]"]


@pytest.mark.parametrize("key", ["initial_lr", "initial_momentum", "weight_decay"])
@pytest.mark.parametrize("value", ["x", [1, 2], None, True])
def test_a_setting_of_an_optimizer_that_is_no_number_is_named(state, key, value):
    odd = copy.deepcopy(state)
    odd["opt_D"]["param_groups"][0][key] = value
    assert found_in(odd) == [f"opt_D has {value!r} for {key}"]
    odd["opt_D"]["param_groups"][0][key] = 0.5
    assert found_in(odd) == []


@pytest.mark.parametrize("part", ["noise", "random"])
def test_a_random_state_that_is_none_is_refused(state, part, tmp_path):
    with pytest.raises(RunError, match="the checkpoint does not fit this config"):
        make_run(*TINY).open(tmp_path, state | {part: torch.zeros(3)})


def test_a_message_of_many_differences_stays_on_a_screen(state, tmp_path):
    with pytest.raises(RunError) as caught:
        make_run(*TINY, "model.depth=40").open(tmp_path, state)
    lines = str(caught.value).splitlines()
    assert len(lines) == SHOWN + 2 and lines[-1].startswith("  and ") and max(map(len, lines)) <= 100
