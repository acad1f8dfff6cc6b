"""The table of docs/results.md, from the figures that are shipped with `gan-reproduce`: python docs/suite.py

`gan-reproduce ROW --record` renews the figures of a row; this writes them between the marks in the page.
"""

from pathlib import Path

from gan_cli.console import duration
from gan_cli.suite import reached
from gan_cli.suite.catalogue import ROWS
from gan_cli.suite.outcome import Outcome, lines, verdict
from gan_cli.suite.rows import Row
from gan_cli.suite.tables import HEADINGS, cells, published_words
from gan_cli.suite.tables import table as markdown_table

PAGE = Path(__file__).with_name("results.md")
FIRST, LAST = "<!-- suite: written by docs/suite.py -->", "<!-- end of suite -->"


def table() -> str:
    """Rows that were run, how they were run, and rows that were not."""
    known = reached.shipped()
    run = [(row, known[row.name]) for row in ROWS.values() if row.name in known]
    told = [cell for row, outcome in run for cell in _figures(row, outcome)]
    made = [_made(row, outcome) for row, outcome in run]
    rest = [
        (f"`{row.name}`", row.about, row.cost, "; ".join(published_words(row)[:2]) or "–")
        for row in ROWS.values()
        if row.name not in known
    ]
    parts = [
        markdown_table(HEADINGS, told),
        "How they were run. Times are of training and measuring all seeds, with other programs beside them.",
        markdown_table(("row", "in its bands?", "seeds", "time", "machine", "command"), made),
        "Not run to their ends here:",
        markdown_table(("row", "what", "cost", "papers"), rest),
    ]
    return "\n\n".join(parts)


def _figures(row: Row, outcome: Outcome) -> list[tuple[str, ...]]:
    """The cells of a row; one line of those that take seconds, of which all stand in its result.json."""
    if row.cost != "seconds":
        return cells(row, outcome)
    held = [inside for line in lines(row, outcome) for *_, inside in line.bands]
    return [(row.name, f"{len(held)} figures", "theory", "", "", f"{sum(held)} hold", verdict(row, outcome))]


def _made(row: Row, outcome: Outcome) -> tuple[str, ...]:
    said = verdict(row, outcome) or "none"
    return (row.name, said, str(outcome.seeds), duration(outcome.seconds), outcome.machine, f"`{outcome.command}`")


def written(page: str) -> str:
    """The page with the table as it should be."""
    before, _, rest = page.partition(FIRST)
    return f"{before}{FIRST}\n\n{table()}\n\n{LAST}{rest.partition(LAST)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
