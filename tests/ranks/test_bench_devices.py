"""`python -m bench devices`: what it measures is what its table says."""

import pytest

from bench import __main__ as command
from bench.case import Case
from bench.devices import Both
from bench.sets import SETS


def test_the_bytes_of_a_step_are_those_of_every_gradient_that_is_sent(tmp_path):
    case = Case(SETS["ring"], tmp_path, tmp_path).with_("train.d_steps=3")
    both = Both(case, 1)
    r = both.together.first.run
    sent = 4 * (3 * sum(p.numel() for p in r.D.parameters()) + sum(p.numel() for p in r.G.parameters()))
    assert both.megabytes() == sent / 1e6
    together, silent = both.timed(2)
    assert together == silent, "a process alone has nobody to talk to"
    assert r.step == 2


@pytest.mark.slow
def test_two_processes_beside_one(capsys):
    command.main(["devices", "--sets", "ring", "--rounds", "1", "--seconds", "0.2"])
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()[4:]]
    assert [row[2].strip() for row in rows] == ["2", "2", "1"]
    assert [row[3].strip() for row in rows] == ["256", "512", "256"]
    assert rows[0][7].strip() == "1.1", "MB a step: the weights of both players, 4 bytes each"
