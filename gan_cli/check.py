"""Every mistake in a composed config at once, one line each.

The schema is the constructors' signatures: each node with a `_target_` is compared with what that class takes. Ranges
are the constructors' own business and are checked when `factory.py` calls them.
"""

import difflib
import inspect
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, NamedTuple, Union

from gan_cli.errors import ConfigError
from gan_cli.settings import Settings
from gan_cli.targets import locate

GROUPS = ("dataset", "model", "prior", "optimizer", "penalty", "loss", "train", "aids", "health")
TRACKERS = "logger"  # the group of any number of parts, each under its own name; runs of old have none
LEAST, FLOAT32 = 1.1754943508222875e-38, 3.4028234663852886e38  # what 32 bits hold, and the networks calculate with
MOST = 20  # problems in one message
MISSING = "???"  # how OmegaConf writes a value that the user has to give
PLAYERS = ("generator", "discriminator")
_HYDRA_KEYS = frozenset({"_target_", "_partial_", "_convert_", "_recursive_"})

# What the builder passes, by the path of the node: it comes from another part and cannot be set twice.
INTERFACE: Mapping[str, Mapping[str, str]] = {
    "model.generator": {**dict.fromkeys(("shape", "classes", "moments"), "the data set"), "noise_dim": "prior.dim"},
    "model.discriminator": {
        **dict.fromkeys(("shape", "classes", "moments"), "the data set"),
        "penalised": "the penalty",
    },
    "penalty": {"std": "the data set"},
    "optimizer.generator": {"params": "the generator"},
    "optimizer.discriminator": {"params": "the discriminator"},
}

# What a model's node may say of its networks together, whatever their family; the builder's own business.
MODEL: Mapping[str, type] = {"pack": int, "conditional": bool, "spectral_norm": bool, "standardise": bool}


class Problem(NamedTuple):
    """A mistake: the dotted key, what was found, what to do."""

    path: str
    message: str

    def __str__(self) -> str:
        path = self.path if self.path.isprintable() else repr(self.path)[1:-1]
        return f"{path}: {self.message}" if path else self.message


def report(problems: Sequence[Problem]) -> ConfigError:
    """All mistakes as one error, the first 20 in words; what both players have wrong in the same way is said once."""
    merged: dict[Problem, None] = {}
    for problem in problems:
        twins = [Problem(_swapped(problem.path, *names), problem.message) for names in (PLAYERS, PLAYERS[::-1])]
        if any(twin != problem and twin in problems for twin in twins):
            problem = Problem(_without_player(problem.path), problem.message)
        merged[problem] = None
    if len(merged) == 1:
        return ConfigError(*map(str, merged))
    indented = [str(problem).replace("\n", "\n      ") for problem in list(merged)[:MOST]]
    more = [f"and {len(merged) - MOST} more"] if len(merged) > MOST else []
    return ConfigError("\n  ".join([f"{len(merged)} problems in this config:", *indented, *more]))


def _swapped(path: str, one: str, other: str) -> str:
    return ".".join(other if part == one else part for part in path.split("."))


def _without_player(path: str) -> str:
    return ".".join(part for part in path.split(".") if part not in PLAYERS)


def shown(value: Any, most: int = 60) -> str:
    """A value that a user gave, for a message: as Python writes it, cut where it is long.

    >>> shown("a" * 100, most=4)
    "'aaa... (100 characters)"
    """
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}... ({len(str(value)):,} characters)"


def check(
    plain: Mapping[str, Any], written: Mapping[str, Any] | None = None, given: Collection[str] = ()
) -> list[Problem]:
    """Compare a config with the signatures of the classes it names.

    Args:
        plain: the config, resolved, as plain containers.
        written: the same before resolving, where there is such a thing.
        given: the keys on the command line. One that two players share must be used by some `${...}`: it is skipped
            in silence otherwise, where both players have values of their own or it is misspelt.
    """
    settings = typing.get_type_hints(Settings)
    settings = {field.name: settings[field.name] for field in fields(Settings)}
    found: list[Problem] = []
    for key, value in plain.items():
        if key in settings:
            found += _fits(key, value, settings[key])
        elif key not in (*GROUPS, TRACKERS):
            found.append(Problem(key, f"no such key{did_you_mean(key, [*settings, *GROUPS, TRACKERS])}"))
    found += _trackers(plain.get(TRACKERS, {}), given)
    used = set(_interpolations(written))
    for group in GROUPS:
        node = plain.get(group)
        if not isinstance(node, Mapping):
            what = "is missing" if node is None else f"expected a choice of this group, got {shown(node)}"
            found.append(Problem(group, f"{what}; choose one with {group}=... (gan-train --help lists them)"))
        elif group in ("model", "optimizer"):
            typed = {".".join(key.split(".")[:2]) for key in given}
            unused = [key for key in node if f"{group}.{key}" in typed - used and key not in PLAYERS]
            found += _players(group, node, unused, given)
        else:
            found += _node(group, node, given)
    return found


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion to put behind a message.

    >>> did_you_mean("step", ["steps", "epochs"])
    "; did you mean 'steps'?"
    """
    known = list(known)
    if not known:
        return "; it takes none"
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(known)}"


def _players(
    path: str, node: Mapping[str, Any], unused: Iterable[str], given: Collection[str]
) -> list[Problem]:
    """A group of two players: a node for each, and values that they share by interpolation."""
    found: list[Problem] = []
    if path == "model":
        for key in MODEL.keys() & node.keys():
            found += _fits(f"{path}.{key}", node[key], MODEL[key])
        unused = [key for key in unused if key not in MODEL]
    for player in PLAYERS:
        child = node.get(player)
        if isinstance(child, Mapping):
            found += _node(f"{path}.{player}", child, given)
        else:
            found.append(Problem(f"{path}.{player}", f"expected a node with a _target_, got {shown(child)}"))
    for key in unused:
        known = [other for other in node if other not in unused]
        found.append(Problem(f"{path}.{key}", f"nothing in this choice uses it{did_you_mean(key, known)}"))
    return found


def _trackers(group: Any, given: Collection[str]) -> list[Problem]:
    """The group of trackers: a node for each, by its name."""
    if not isinstance(group, Mapping):
        return [Problem(TRACKERS, f"expected a choice of this group, got {shown(group)}")]
    found: list[Problem] = []
    for name, node in group.items():
        path = f"{TRACKERS}.{name}"
        if name.startswith("_") or not isinstance(node, Mapping):
            found.append(Problem(path, "a tracker stands under a name of its own: name: {_target_: ...}"))
        elif not (name.isidentifier() and name.isascii() and len(name) <= 40):
            found.append(Problem(path, "expected a name of letters, digits and _, at most 40"))
        elif "_target_" not in node:  # a setting of one that is not there
            found.append(Problem(path, f"nothing is logged there; add {TRACKERS}={name}"))
        else:
            found += _node(path, node, given)
    return found


def _node(path: str, node: Mapping[str, Any], given: Collection[str]) -> list[Problem]:
    """A node with a `_target_`, against the signature of the class."""
    name = node.get("_target_")
    if not isinstance(name, str):
        return [Problem(path, "has no _target_ that names its class; choose one with gan-train --help")]
    try:
        target = locate(name)
    except ConfigError as error:
        return [Problem(f"{path}._target_", str(error))]
    if not callable(target) or inspect.isbuiltin(target):
        return [Problem(f"{path}._target_", f"{name!r} is a {type(target).__name__} and not a class")]
    if problems := [*_about_hydra(path, node)]:
        return problems
    try:
        parameters = inspect.signature(target).parameters
    except ValueError:
        return [Problem(f"{path}._target_", f"{name!r} does not say what it takes; name a class written in Python")]
    interface = INTERFACE.get(path, {})
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    settable = [n for n, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    hints = _hints(target)
    found: list[Problem] = []
    for key, value in node.items():
        where = f"{path}.{key}"
        if key in _HYDRA_KEYS:
            continue
        if key in interface:
            found.append(Problem(where, f"comes from {interface[key]} and cannot be set here"))
        elif value == MISSING:
            found.append(Problem(where, f"needs a value; give one with {where}=..."))
        elif key in settable:
            found += _fits(where, value, hints.get(key, Any))
        elif not open_ended:
            known = [n for n in settable if n not in interface]
            elsewhere = f"; did you mean {key}=... at the top?" if key in Settings.__dataclass_fields__ else None
            suggestion = elsewhere or did_you_mean(str(key), known)
            recipe = "" if not given or where in given else " (a recipe or a file of the choice set it)"
            found.append(Problem(where, f"{name} has no such argument{suggestion}{recipe}"))
    for key in settable:
        if parameters[key].default is inspect.Parameter.empty and key not in node and key not in interface:
            found.append(Problem(f"{path}.{key}", f"{name} needs it; give it with +{path}.{key}=..."))
    return found


def _about_hydra(path: str, node: Mapping[str, Any]) -> Iterator[Problem]:
    """What a node says to Hydra of how its class is called."""
    later = path.startswith("optimizer.")  # called by the builder, with the parameters of a network
    if node.get("_partial_", False) is not later:
        found = shown(node.get("_partial_", False))
        yield Problem(f"{path}._partial_", f"must be {str(later).lower()} here, got {found}")
    for key, known in (("_recursive_", (True, False)), ("_convert_", ("none", "partial", "object", "all"))):
        if key in node and node[key] not in known:
            yield Problem(f"{path}.{key}", f"expected one of {', '.join(map(str, known))}; got {shown(node[key])}")


def _hints(target: Any) -> dict[str, Any]:
    """The type hints of a constructor; none where they cannot be resolved."""
    try:
        return typing.get_type_hints(getattr(target, "__init__") if isinstance(target, type) else target)  # noqa: B009
    except (NameError, TypeError, AttributeError):
        return {}


def _fits(path: str, value: Any, hint: Any) -> list[Problem]:
    if matches(value, hint):
        return []
    found = shown(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value == value and not _is_held(value) and matches(1.5, hint):
            return [Problem(path, f"expected a number that 32 bits hold, from 1.2e-38 to 3.4e38; got {found}")]
        if isinstance(value, int) and abs(value) >= 2**63 and matches(1, hint):
            return [Problem(path, f"expected a whole number below 2**63; got {found}")]
    return [Problem(path, f"expected {describe(hint)}; got {found}")]


def _is_held(value: float) -> bool:
    return value == 0 or LEAST <= abs(value) <= FLOAT32


def matches(value: Any, hint: Any) -> bool:
    """Whether a plain value can be what a type hint says. Hints that a config cannot express fit anything.

    >>> matches(1, float), matches(True, int), matches(float("nan"), float), matches([1, 2], tuple[float, float])
    (True, False, False, True)
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(matches(value, option) for option in arguments)
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in arguments)
    if hint is None or hint is type(None):
        return value is None
    if hint is bool or hint is str:
        return isinstance(value, hint)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if hint is float:  # a whole number is a float too; nan and inf are none that a user means
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_held(value)
    if origin is tuple and isinstance(value, list | tuple):
        if arguments[-1:] == (Ellipsis,):
            return all(matches(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(matches, value, arguments))
    if origin is tuple:
        return False
    if origin is not None and isinstance(origin, type) and issubclass(origin, Sequence):
        return isinstance(value, list | tuple) and all(matches(item, arguments[0]) for item in value)
    return not (isinstance(hint, type) and hint.__module__ == "torch" and hint.__name__ == "Tensor")


def describe(hint: Any) -> str:
    """A type hint in words.

    >>> describe(int | None), describe(Literal["a", "b"]), describe(tuple[float, float])
    ('a whole number or null', 'one of a, b', 'a list of 2: a number, a number')
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        options = [describe(option) for option in arguments if getattr(option, "__name__", "") != "Tensor"]
        return " or ".join(options)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple and arguments[-1:] != (Ellipsis,):
        return f"a list of {len(arguments)}: {', '.join(map(describe, arguments))}"
    if origin is not None and isinstance(origin, type) and issubclass(origin, Sequence):
        return f"a list, each {describe(arguments[0])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
    return names.get(hint, str(getattr(hint, "__name__", hint)))


def leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a plain config by its dotted key.

    >>> dict(leaves({"seed": 0, "train": {"steps": 10}}))
    {'seed': 0, 'train.steps': 10}
    """
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _interpolations(raw: Any) -> Iterable[str]:
    """Every key that some `${key}` in a config names."""
    if isinstance(raw, Mapping):
        for value in raw.values():
            yield from _interpolations(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from _interpolations(value)
    elif isinstance(raw, str) and "${" in raw:
        for piece in raw.split("${")[1:]:
            yield piece.split("}")[0].strip()
