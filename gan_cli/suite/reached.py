"""Figures that were reached: those that are shipped with the suite, and those of the user's own newest run."""

from pathlib import Path

from gan_cli.console import duration
from gan_cli.errors import RunError
from gan_cli.files import write_json
from gan_cli.reading import JSON_LIMIT, is_regular, read_json
from gan_cli.suite import outcome as outcomes
from gan_cli.suite.outcome import Outcome, from_plain, lines, to_plain, verdict
from gan_cli.suite.rows import Row
from gan_cli.suite.tables import heading, number

SHIPPED = Path(__file__).with_name("reached.json")
MOST = 4  # figures of a row in the list
BRIEF = 3  # in a line of it


def shipped() -> dict[str, Outcome]:
    """By row.

    Raises:
        RunError: the file is damaged.
    """
    if not is_regular(SHIPPED):
        return {}
    return {name: from_plain(content, str(SHIPPED)) for name, content in read_json(SHIPPED, JSON_LIMIT).items()}


def record(outcome: Outcome) -> None:
    """Put an outcome in the place of the one that is shipped.

    Raises:
        RunError: the file is damaged, or cannot be written.
    """
    known = shipped() | {outcome.row: outcome}
    write_json(SHIPPED, {name: to_plain(one) for name, one in sorted(known.items())})


def own(out: Path, row: str) -> Outcome | None:
    """Of the user's newest run; None where there is none that can be read."""
    try:
        return outcomes.read(out / row / outcomes.NAME)
    except RunError:
        return None


def in_short(row: Row, outcome: Outcome | None) -> str:
    """The first figures of an outcome, and how they were come by."""
    if outcome is None:
        return "not run"
    words = [
        f"{line.variant} {heading(line.metric)} {number(line.metric, line.mean)}".strip()
        for line in lines(row, outcome)
        if line.mean is not None
    ]
    more = [f"and {len(words) - MOST} more"] if len(words) > MOST else []
    failed = [f"{len(outcome.failed)} of {len(outcome.samples)} jobs failed"] if outcome.failed else []
    how = f"{outcome.seeds} seed{'s' * (outcome.seeds != 1)}, {duration(outcome.seconds)}, {outcome.date}"
    how = ", ".join(filter(None, (how, _settings(outcome))))
    said = {"yes": "in its bands: ", "no": "not in its bands: ", "": ""}[verdict(row, outcome)]
    return f"{said}{', '.join([*words[:MOST], *more, *failed])} ({how})"


def headline(row: Row, outcome: Outcome | None) -> str:
    """What the bands say and the first figures, for a line: of several variants the first metric of each, and of many
    how many bands hold.
    """
    if outcome is None:
        return "not run"
    if outcome.failed:
        return f"no: {len(outcome.failed)} of {len(outcome.samples)} jobs failed"
    told = [line for line in lines(row, outcome) if line.mean is not None]
    told = [line for line in told if len(row.variants) == 1 or line.metric == told[0].metric]
    words = [f"{line.variant} {heading(line.metric)} {number(line.metric, line.mean)}".strip() for line in told[:BRIEF]]
    if len(row.variants) > BRIEF:
        held = [inside for line in lines(row, outcome) for *_, inside in line.bands]
        words = [f"{sum(held)} of {len(held)} bands hold"] if held else words
    return ": ".join(filter(None, (_settings(outcome), verdict(row, outcome), ", ".join(words))))


def _settings(outcome: Outcome) -> str:
    """The user's own, behind `--` in the command: they make other runs of a row."""
    behind = outcome.command.partition(" -- ")[2]
    return f"with {behind}" if behind else ""
