"""docs/results.md holds the figures that are shipped, and no others: a row that was not run says so."""

import importlib.util

from conftest import ROOT

from gan_cli.suite import reached
from gan_cli.suite.catalogue import ROWS


def suite():
    spec = importlib.util.spec_from_file_location("suite", ROOT / "docs" / "suite.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_that_of_the_shipped_figures():
    page = (ROOT / "docs" / "results.md").read_text()
    assert page == suite().written(page), "python docs/suite.py writes the table"


def test_a_row_without_figures_stands_among_those_that_were_not_run():
    run, rest = suite().table().split("Not run to their ends here:")
    for row in ROWS.values():
        assert (f"| `{row.name}` |" in rest) == (row.name not in reached.shipped())
        assert (f"| {row.name} |" in run) == (row.name in reached.shipped())
