"""docs/theory.md knows every figure that runs log, and its exact numbers are those of theory.py."""

import re

import pytest
from conftest import ROOT, TINY, choices, make_run

from gan_cli import dirac
from gan_cli.loop import turn
from gan_cli.pictures import generated, judged
from gan_cli.readouts import read_out
from gan_cli.theory import optimum

PAGE = (ROOT / "docs" / "theory.md").read_text()
RUNS = {loss: (*TINY, f"loss={loss}") for loss in choices("loss")} | {
    "a mixture": (*TINY, "dataset=ring"),
    "labels": (*TINY, "dataset=digits"),
    "Dirac": ("experiment=dirac/minimax", "train.steps=6"),
}


@pytest.mark.parametrize("name", RUNS)
def test_every_figure_of_a_run_is_explained(name):
    run = make_run(*RUNS[name])
    run.watching = True
    metrics = turn(run)
    logged = {*metrics, *read_out(run, metrics), *judged(run, generated(run)), *dirac.figures(run)}
    assert len(logged) > 10
    section = PAGE.split("\n## Every number on the page\n")[1].split("\n## ")[0]
    assert sorted(tag for tag in logged | {"theory/d_gap"} if f"`{tag}`" not in section) == []


def test_the_table_has_theorys_numbers():
    """In each cell the first number is exact."""
    rows = re.findall(r"^\| ([\d.]+) \| (−[\d.]+ · .*) \|$", PAGE, re.MULTILINE)
    assert [float(mu) for mu, _ in rows] == [0, 0.5, 1, 2, 3, 4, 8]
    for mu, cells in rows:
        row = optimum(float(mu))
        exact = (row.value, row.js, row.accuracy, row.d_g_z, row.slope_minimax, row.slope_nonsaturating)
        shown = [float(cell.split(" · ")[0].replace("−", "-")) for cell in cells.split(" | ")]
        assert shown == pytest.approx(exact, abs=0.51e-4)
