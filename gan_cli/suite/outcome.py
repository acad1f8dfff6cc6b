"""What came out of a row: the figures of every seed, how they were made, and what the bands say. A file keeps it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gan_cli.errors import RunError
from gan_cli.files import write_json
from gan_cli.reading import JSON_LIMIT, read_json
from gan_cli.suite.bands import Band, mean, standard_error
from gan_cli.suite.rows import Reading, Row

NAME = "result.json"
Verdict = Literal["yes", "no", ""]  # in all its bands; empty: it has none


@dataclass(frozen=True)
class Sample:
    """One seed of one variant: its figures, or why there are none.

    Args:
        seconds: of training and of measuring.
        error: the first line of what it said.
        data: whether it failed for want of its data.
        conditions: by metric, in which space, of how many and of which part it was measured, in words: figures with
            others are no figures of one kind. What was written by older versions has none, and is taken to be equal.
    """

    variant: str
    seed: int
    figures: Mapping[str, Reading]
    seconds: float = 0.0
    error: str | None = None
    data: bool = False
    conditions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """All seeds of all variants of a row.

    Args:
        command: of `gan-reproduce`, for this row alone.
        machine: its class.
        date: of the day.
        version: of gan-cli.
        recipes: by variant, a digest of what its runs were made with; of one whose seeds differ all of them, so that it
            is none. What was written by older versions has none.
    """

    row: str
    command: str
    seeds: int
    machine: str
    date: str
    version: str
    samples: tuple[Sample, ...]
    recipes: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of all seeds."""
        return sum(sample.seconds for sample in self.samples)

    @property
    def failed(self) -> list[Sample]:
        """Those without figures."""
        return [sample for sample in self.samples if sample.error is not None]

    def values(self, variant: str, metric: str) -> list[float]:
        """Of the seeds that have the metric."""
        return [sample.figures[metric][0] for sample in self._of(variant) if metric in sample.figures]

    def lacks(self, variant: str, metric: str) -> bool:
        """Whether a seed does not have the metric."""
        return any(metric not in sample.figures for sample in self._of(variant))

    def apart(self, metric: str) -> bool:
        """Whether samples have the metric of different spaces, numbers or parts, and must not be averaged."""
        return len({sample.conditions[metric] for sample in self.samples if metric in sample.conditions}) > 1

    def floors(self, variant: str, metric: str) -> list[float]:
        """What a perfect sampler would have had."""
        found = [sample.figures[metric][1] for sample in self._of(variant) if metric in sample.figures]
        return [floor for floor in found if floor is not None]

    def _of(self, variant: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.variant == variant]


@dataclass(frozen=True)
class Line:
    """A metric of a variant: what is told of it. Values of None are not known.

    Args:
        seeds: that have it.
        bands: each with the value of its statistic, and whether that lies inside.
        apart: whether its samples were measured differently: then nothing is known, and no band holds.
    """

    variant: str
    metric: str
    floor: float | None
    mean: float | None
    error: float | None
    seeds: int
    bands: tuple[tuple[Band, float, bool], ...]
    apart: bool = False

    @property
    def verdict(self) -> Verdict:
        """Whether all bands hold."""
        if self.apart:
            return "no"
        if not self.bands:
            return ""
        return "yes" if all(inside for *_, inside in self.bands) else "no"


def lines(row: Row, outcome: Outcome) -> list[Line]:
    """The table of a row: first the metrics of the bands, then others. What nobody has is left out, unless a band or a
    paper asks for it. A seed that failed, or that has no such figure, is outside of every band of its variant.
    """
    found = []
    for variant in row.variants:
        told = [paper for paper in row.published if paper.variant in ("", variant.name)]
        failed = any(sample.variant in ("", variant.name) for sample in outcome.failed)
        for metric in row.metrics:
            values, floors = outcome.values(variant.name, metric), outcome.floors(variant.name, metric)
            bands = [band for band in row.bands if band.metric == metric and band.concerns(variant.name)]
            judged = tuple(_judged(band, outcome, variant.name, failed) for band in bands)
            if values or bands or any(metric in paper.figures for paper in told):
                found.append(_line(variant.name, metric, values, floors, judged, outcome.apart(metric)))
    return found


def _line(
    variant: str,
    metric: str,
    values: Sequence[float],
    floors: Sequence[float],
    judged: tuple[tuple[Band, float, bool], ...],
    apart: bool,
) -> Line:
    if apart:
        judged = tuple((band, math.nan, False) for band, *_ in judged)
        return Line(variant, metric, None, None, None, len(values), judged, apart=True)
    middle, floor = mean(values) if values else None, mean(floors) if floors else None
    return Line(variant, metric, floor, middle, standard_error(values), len(values), judged)


def _judged(band: Band, outcome: Outcome, variant: str, failed: bool) -> tuple[Band, float, bool]:
    value = band.value(outcome.values(variant, band.metric))
    failed = failed or outcome.lacks(variant, band.metric)
    if band.minus:
        value -= band.value(outcome.values(band.minus, band.metric))
        failed = failed or outcome.lacks(band.minus, band.metric)
        failed = failed or any(sample.variant == band.minus for sample in outcome.failed)
    return band, value, band.holds(value) and not failed


def verdict(row: Row, outcome: Outcome) -> Verdict:
    """Whether a row is reproduced: all bands hold, and no seed failed."""
    if outcome.failed:
        return "no"
    told = [line.verdict for line in lines(row, outcome)]
    return "no" if "no" in told else "yes" if "yes" in told else ""


def write(path: Path, outcome: Outcome) -> None:
    """Keep an outcome in a file.

    Raises:
        RunError: it cannot be written.
    """
    write_json(path, to_plain(outcome))


def read(path: Path) -> Outcome:
    """An outcome from a file.

    Raises:
        RunError: it cannot be read, or is not as gan-reproduce writes it.
    """
    return from_plain(read_json(path, JSON_LIMIT), str(path))


def to_plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON has it."""
    return vars(outcome) | {"samples": [to_json(sample) for sample in outcome.samples]}


def from_plain(content: Any, path: str) -> Outcome:
    """The same back; `path` is for the message.

    Raises:
        RunError: it is something else.
    """
    try:
        samples = tuple(from_json(sample) for sample in content["samples"])
        words = {key: _typed(content[key], str) for key in ("row", "command", "machine", "date", "version")}
        recipes = {_typed(name, str): _typed(one, str) for name, one in content.get("recipes", {}).items()}
        return Outcome(seeds=_typed(content["seeds"], int), samples=samples, recipes=recipes, **words)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: is not as gan-reproduce writes it; move it away") from error


def to_json(sample: Sample) -> dict[str, Any]:
    """A sample as JSON has it: what is not finite is a word."""
    return vars(sample) | {"figures": {name: [*map(_word, reading)] for name, reading in sample.figures.items()}}


def from_json(content: Any) -> Sample:
    """The same back.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is something else.
    """
    figures = {
        _typed(name, str): (_number(value), None if floor is None else _number(floor))
        for name, (value, floor) in content["figures"].items()
    }
    error = content["error"]
    return Sample(
        _typed(content["variant"], str),
        _typed(content["seed"], int),
        figures,
        _number(content["seconds"]),
        None if error is None else _typed(error, str),
        _typed(content["data"], bool),
        {_typed(name, str): _typed(words, str) for name, words in content.get("conditions", {}).items()},
    )


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return value


def _word(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and value not in ("nan", "inf", "-inf")):
        raise TypeError("expected a number")
    return float(value)
