"""Outcomes in words: the table *paper | floor | ours | in the band?*, as cells, Markdown and CSV."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from gan_cli.console import duration
from gan_cli.errors import RunError
from gan_cli.suite.outcome import Line, Outcome, Sample, lines, verdict
from gan_cli.suite.rows import Reading, Row

HEADINGS = ("row", "figure", "paper", "floor", "ours", "band", "in it?")
PERCENT = ("hq", "accuracy", "precision", "recall", "coverage", "confidence", "memorised")  # shares in [0, 1]
_MADE = ("row", "reproduced", "seeds", "time", "machine", "date", "version", "command")
APART = "no: measured in different spaces; --measure-again"
_CSV = ("row", "variant", "seed", "metric", "value", "floor", "seconds", "error")


def cells(row: Row, outcome: Outcome) -> list[tuple[str, ...]]:
    """The table of a row: a line for each metric of each variant, under HEADINGS."""
    return [
        (
            f"{row.name} {line.variant}".strip(),
            heading(line.metric),
            paper(row, line.variant, line.metric),
            number(line.metric, line.floor),
            _ours(line, outcome.seeds),
            ", ".join(band.words(_unit(line.metric)) for band, *_ in line.bands),
            _verdict(line, outcome.seeds),
        )
        for line in lines(row, outcome)
    ]


def _unit(metric: str) -> float:
    return 100 if metric in PERCENT else 1


def heading(metric: str) -> str:
    """A metric's name, with its unit where that is no 1."""
    return f"{metric} %" if metric in PERCENT else metric


def number(metric: str, value: float | None) -> str:
    """A figure as the table has it.

    >>> number("hq", 0.9889), number("reverse_kl", 0.00144), number("fid", None)
    ('98.9', '0.00144', '')
    """
    if value is None:
        return ""
    if metric in PERCENT and math.isfinite(value):
        return f"{100 * value:.1f}"
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"


def paper(row: Row, variant: str, metric: str) -> str:
    """What papers have, each with its source."""
    told = [(p.source, p.figures[metric]) for p in row.published if p.variant in ("", variant) and metric in p.figures]
    return "; ".join(f"{_with_error(metric, *figure)} {source}" for source, figure in told)


def _with_error(metric: str, value: float, error: float | None) -> str:
    return number(metric, value) + (f" ± {_unit(metric) * error:.2g}" if error is not None else "")


def _ours(line: Line, seeds: int) -> str:
    if line.apart:
        return "not averaged"
    if line.mean is None:
        return "none"
    of = f" ({line.seeds} of {seeds} seeds)" if line.seeds < seeds else ""
    return _with_error(line.metric, line.mean, line.error) + of


def _verdict(line: Line, seeds: int) -> str:
    """Yes, or which statistic is where."""
    if line.apart:
        return APART
    if line.verdict != "no":
        return line.verdict
    if line.seeds < seeds:
        return f"no: {line.seeds} of {seeds} seeds"
    missed = [f"{band.statistic} {number(line.metric, value)}" for band, value, inside in line.bands if not inside]
    return f"no: {', '.join(missed)}"


def markdown(results: Iterable[tuple[Row, Outcome]], pictures: Iterable[str] = ()) -> str:
    """One page: the table, and how each row was made.

    Args:
        pictures: by row, where they are from the page on.
    """
    results = list(results)
    shown = [cell for row, outcome in results for cell in cells(row, outcome)]
    text = ["# gan-reproduce", "", table(HEADINGS, shown), ""]
    text += ["Ours: mean over seeds ± standard error. The floor is what real data score against real data.", ""]
    text += [table(_MADE, _made(results)), ""]
    for row, outcome in results:
        text += [f"- {row.name}, {_who(sample)}: failed: {sample.error}" for sample in outcome.failed]
    text += [f"\n![{place}]({place})" for place in pictures]
    return "\n".join(text).rstrip() + "\n"


def _who(sample: Sample) -> str:
    return f"{sample.variant} seed {sample.seed}".strip()


def _made(results: Sequence[tuple[Row, Outcome]]) -> list[tuple[str, ...]]:
    return [
        (
            row.name,
            verdict(row, outcome) or "no band",
            str(outcome.seeds),
            duration(outcome.seconds),
            outcome.machine,
            outcome.date,
            outcome.version,
            f"`{outcome.command}`",
        )
        for row, outcome in results
    ]


def published_words(row: Row) -> list[str]:
    """The figures of each paper in one line."""
    lines = []
    for told in row.published:
        figures = ", ".join(f"{heading(name)} {_with_error(name, *figure)}" for name, figure in told.figures.items())
        lines.append(f"{told.source}{f' ({told.variant})' * bool(told.variant)}: {figures}")
    return lines


def band_words(row: Row) -> list[str]:
    """The bands, those of a variant in one line."""
    found: dict[str, list[str]] = {}
    for band in row.bands:
        found.setdefault(band.variant, []).append(f"{heading(band.metric)} {band.words(_unit(band.metric))}")
    return [f"{f'{variant}: ' * bool(variant)}{', '.join(words)}" for variant, words in found.items()]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their headings, in Markdown."""
    lined = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lined)


def to_csv(outcomes: Iterable[Outcome]) -> str:
    """Every figure of every seed; of a seed that failed one line, without a metric."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for outcome in outcomes:
        for sample in outcome.samples:
            who = (outcome.row, sample.variant, sample.seed)
            for metric, (value, floor) in sample.figures.items():
                writer.writerow((*who, metric, repr(value), "" if floor is None else repr(floor), sample.seconds, ""))
            if sample.error is not None:
                writer.writerow((*who, "", "", "", sample.seconds, sample.error))
    return text.getvalue()


def from_csv(text: str) -> dict[str, dict[tuple[str, int], dict[str, Reading]]]:
    """The figures of a table of `to_csv`: by row, by variant and seed, by metric.

    Raises:
        RunError: it is none.
    """
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != _CSV:
        raise RunError(f"expected the columns {', '.join(_CSV)}; got {', '.join(reader.fieldnames or ())}")
    found: dict[str, dict[tuple[str, int], dict[str, Reading]]] = {}
    for line in reader:
        figures = found.setdefault(line["row"], {}).setdefault((line["variant"], int(line["seed"])), {})
        if line["metric"]:
            figures[line["metric"]] = float(line["value"]), float(line["floor"]) if line["floor"] else None
    return found
