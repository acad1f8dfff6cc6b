"""What `gan-eval` shows: a table, a verdict in words, and where the rest lies."""

import textwrap
from collections.abc import Mapping

from gan_cli.evaluation import Figure, Record

COLUMNS = 100
VERDICTS = {
    "copies": "COPIES: {copies:.1%} of {samples:,} samples are near copies of training images, and of held-out images "
    "{heldout_copies:.1%}: this generator returns what it was trained on, whatever its distances are",
    "closer": "CLOSER: samples are nearer to training images than held-out images are (P = {closer:.3f}, expected "
    "0.5): variations of training images, or blur, which is near to all; look at the picture",
    "clean": "no sign of copies: {copies:.1%} of {samples:,} samples are near copies of training images, "
    "{heldout_copies:.1%} of held-out images are; P(nearer than held-out images) = {closer:.3f}, 0.5 expected",
}


def one(name: str, record: Record, written: Mapping[str, str]) -> str:
    """The figures of one set of samples."""
    weights = {"ema": "averaged weights", "raw": "weights of the last step", "data": "data in G's place"}
    at = f": step {record.step:,}, {weights[record.weights or 'raw']}" if record.step is not None else ""
    rows = [["metric", "value", "floor", "better", "samples", "real"]]
    for figure in record.figures:
        real = f"{figure.n_real:,}" if figure.n_real else "density"
        rows.append([figure.metric, _value(figure), _number(figure.floor), figure.better, f"{figure.n_fake:,}", real])
    lines = [f"{name}{at}", *_drawn(rows), *_told(record)]
    if record.memory:
        lines += _wrapped(VERDICTS[record.memory["verdict"]].format(**record.memory))
    lines += [f"  {what:<8} {where}" for what, where in written.items()]
    return "\n".join(lines)


def several(records: Mapping[str, Record]) -> str:
    """A row for each run, and one for the floor."""
    first = next(iter(records.values()))
    metrics = [figure.metric for figure in first.figures]
    rows = [["run", "step", *metrics]]
    for name, record in records.items():
        step = "" if record.step is None else f"{record.step:,}"
        rows.append([name, step, *(_value(record[metric]) for metric in metrics)])
    rows.append(["floor", "", *(_number(first[metric].floor) for metric in metrics)])
    rows.append(["better", "", *(first[metric].better for metric in metrics)])
    return "\n".join([*_drawn(rows), *_told(first)])


def _told(record: Record) -> list[str]:
    """What was measured against what, once for all figures that have it in common."""
    spaces = dict.fromkeys(f"{figure.space} ({figure.digest[:8]})" for figure in record.figures if figure.digest)
    splits = dict.fromkeys(figure.split for figure in record.figures)
    floors: dict[str, list[str]] = {}
    for figure in record.figures:
        floors.setdefault(f"{figure.floor_of}, {figure.n_floor:,}", []).append(figure.metric)
    seeds = record.figures[0].seeds
    lines = [f"  features: {', '.join(spaces)}"] if spaces else []
    lines.append(f"  real: {'; '.join(splits)}: {record.real}")
    lines += [
        f"  floor: {what}" + (f" ({', '.join(metrics)})" if len(floors) > 1 else "") for what, metrics in floors.items()
    ]
    which = f", {seeds[0]} to {seeds[-1]}" if seeds[0] else ""
    lines += [f"  mean +- std over {len(seeds)} evaluation seeds{which}"] if len(seeds) > 1 else []
    lines += [f"  evaluation seed {seeds[0]}"] if len(seeds) == 1 and seeds[0] else []
    lines += [f"  {note}" for note in record.notes]
    return [part for line in lines for part in _wrapped(line, "    ")]


def _value(figure: Figure) -> str:
    return _number(figure.value) + (f" +- {_number(figure.std)}" if figure.std is not None else "")


def _number(value: float) -> str:
    """Four digits, whatever the size.

    >>> _number(8.0), _number(0.00139), _number(465.23), _number(26000.0)
    ('8', '0.00139', '465.2', '26,000')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _drawn(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"  {line}".rstrip() for line in lines]


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, COLUMNS, subsequent_indent=indent, break_on_hyphens=False) or [""]
