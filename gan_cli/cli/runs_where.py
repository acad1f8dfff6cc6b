"""`--where KEY=VALUE`: which runs of a list are meant."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from operator import ge, gt, le, lt
from typing import Any

from gan_cli.cli.runs_keys import MISSING, value_of
from gan_cli.errors import ConfigError
from gan_cli.listing import Entry

_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, ">": gt, "<=": le, ">=": ge}
_FORM = re.compile(r"\s*([^\s=<>!]+)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_ADVICE = "such as --where loss=hinge, --where 'seed!=1,2', --where 'eval/cfd<20', --where 'run=*ring*'"


@dataclass(frozen=True)
class Condition:
    """One condition.

    Args:
        key: of a fact about a run.
        sign: =, !=, <, >, <= or >=.
        values: any of which is meant, with * and ? for what may stand there; with an order, one number or date.
    """

    key: str
    sign: str
    values: tuple[str, ...]

    def holds(self, entry: Entry) -> bool:
        """Whether a run meets it. What has no such value meets none but `!=`."""
        found = value_of(entry, self.key)
        if self.sign in _ORDER:
            return _follows(found, self.sign, self.values[0], entry if self.key == "created" else None)
        several = found if self.key == "alarm" else [found]
        is_one = any(_is(one, value) for one in several if one is not MISSING for value in self.values)
        return is_one == (self.sign == "=")


def condition(text: str) -> Condition:
    """A condition as it is typed.

    Raises:
        ConfigError: it is none.

    >>> condition("loss=hinge,wgan*")
    Condition(key='loss', sign='=', values=('hinge', 'wgan*'))
    >>> condition("optimizer.betas=[0.5,0.999]").values
    ('[0.5,0.999]',)
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ConfigError(f"--where: {text!r} is no condition; a key, one of = != < <= > >=, and a value, {_ADVICE}")
    key, sign, value = form.groups()
    if value.startswith("=") or not value:
        raise ConfigError(f"--where: {text!r} has no value behind {key}{sign}, {_ADVICE}")
    if sign not in _ORDER:
        return Condition(key, sign, tuple(_alternatives(value)))
    if _number(value) is None and (key != "created" or _date(value) is None):
        what = "a date, such as 2026-11-22 or 2026-11-22T18:30" if key == "created" else "a number"
        raise ConfigError(f"--where: {text!r}: behind {sign} stands {what}, found {value!r}")
    return Condition(key, sign, (value,))


def _alternatives(text: str) -> Iterator[str]:
    """Parted at commas that are in no brackets."""
    return (part.strip() for part in re.split(r",(?![^\[]*\])", text))


def _is(found: Any, value: str) -> bool:
    text = as_text(found)
    if text == value.replace(" ", "") or fnmatchcase(text, value):
        return True
    if type(found) in (int, float):
        return float(found) == _number(value)
    return False


def _follows(found: Any, sign: str, value: str, dated: Entry | None) -> bool:
    if dated is not None and dated.created is not None:
        date = _date(value)
        return date is not None and _ORDER[sign](dated.time, date)
    return type(found) in (int, float) and _ORDER[sign](found, _number(value))


def as_text(value: Any) -> str:
    """A value as it is typed on a command line of gan-train.

    >>> as_text([0.5, True, None]), as_text(1e-05)
    ('[0.5,true,null]', '1e-05')
    """
    if value is MISSING:
        return ""
    if isinstance(value, list):
        return f"[{','.join(map(as_text, value))}]"
    return {"True": "true", "False": "false", "None": "null"}.get(str(value), str(value))


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return None if math.isnan(found) else found


def _date(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
