"""Whether a checkpoint is one of this run: looked at whole before any of it is taken over."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn, optim
from torch.optim import Optimizer

from gan_cli.errors import DataError, RunError

FORMAT = 2  # of a checkpoint's content; raised when an older reader would misread it
COUNTS = ("step", "cursor", "skipped", "rollbacks")
SHOWN = 10  # differences named in a message
_LATER = ("initial_lr", "initial_momentum")  # in a group: there from its first update on
_PLAIN = (optim.Adam, optim.AdamW, optim.RMSprop, optim.SGD)  # whose state has the shapes of the weights


def require_format(state: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another version.

    Raises:
        RunError: it has another format than this version writes.
    """
    if type(state.get("format")) is not int or state["format"] != FORMAT:
        raise RunError(f"the checkpoint has format {state.get('format')!r:.40}; this version reads format {FORMAT}")


def require_all(state: Mapping[str, Any], keys: Iterable[str]) -> None:
    """Refuse a checkpoint that cannot be whole.

    Raises:
        RunError: it has another format, or lacks some of these keys.
    """
    require_format(state)
    if missing := sorted({*keys, "offsets", "best"} - state.keys()):
        raise RunError(f"the checkpoint lacks {', '.join(missing)}: it was not written by this version")


def require_data(then: object, now: object, others_will_do: bool, standardised: bool) -> None:
    """Compare the fingerprints of the data that a run was trained on and of those that it is to go on with.

    Args:
        others_will_do: `other_data`.
        standardised: whether the networks work in units of the data.

    Raises:
        DataError: the data are other ones.
    """
    if then == now:
        return
    if not others_will_do:
        raise DataError(
            "the data set is not the one that the run was trained on\n"
            f"  then {then!s:.120}\n  now  {now}\n"
            "put the data back as they were, or go on with these by other_data=true\n"
            "(another version of what decodes images makes other pixels, too)"
        )
    if standardised:
        raise DataError(
            "the networks work in units of the data that they were trained on, and these are other data\n"
            "put the data back as they were, or start a run with model.standardise=false"
        )


def require_fit(
    state: Mapping[str, Any], nets: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]
) -> None:
    """Refuse a checkpoint of other networks and optimizers.

    Raises:
        RunError: something of the state does not belong to these.
    """
    if "ema" in nets and state["ema"] is None:
        raise RunError("the checkpoint holds no average of G; resume without train.ema_half_life_images")
    if wrong := misfits(state, nets, optimizers):
        raise RunError(f"the checkpoint does not fit this config:\n  {listed(wrong)}")


def misfits(
    state: Mapping[str, Any], nets: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]
) -> list[str]:
    """What of a state does not belong to these networks and optimizers, a line each; none where all fits."""
    wrong = [f"{key} is {state[key]!r:.40}" for key in COUNTS if not _is_count(state[key])]
    offsets = state["offsets"]
    if not isinstance(offsets, Mapping) or not all(_is_count(offsets.get(name)) for name in ("metrics", "timing")):
        wrong.append("offsets are no lengths of files")
    if not isinstance(state["last_penalty"], Tensor) or state["last_penalty"].ndim:
        wrong.append("last_penalty is no number")
    if state["best"] is not None and not _is_best(state["best"]):
        wrong.append("best is no figure and step")
    if state["device"] not in ("cpu", "cuda", "mps"):
        wrong.append("device is none")
    if not isinstance(state["machine"], Mapping):
        wrong.append("machine says nothing")
    for name, net in nets.items():
        wrong += _differences(name, state[name], net.state_dict())
    for name, optimizer in optimizers.items():
        wrong += _optimizer(name, state[name], optimizer)
    return wrong


def listed(lines: Sequence[str]) -> str:
    """The first of many lines, indented, and how many more there are."""
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n  ".join([*(line[:96] for line in lines[:SHOWN]), *more])


def _differences(name: str, saved: Any, own: Mapping[str, Any]) -> list[str]:
    if not isinstance(saved, Mapping):
        return [f"{name} is no network"]
    wrong = [f"{name} has no {key}" for key in own if key not in saved]
    wrong += [f"{name} has {key}, which the network has not" for key in saved if key not in own]
    for key in own.keys() & saved.keys():
        mine, its = own[key], saved[key]
        if isinstance(mine, Tensor) and (not isinstance(its, Tensor) or mine.shape != its.shape):
            found = list(its.shape) if isinstance(its, Tensor) else type(its).__name__
            wrong.append(f"{name}.{key} is {found}, and {list(mine.shape)} in the network")
    return sorted(wrong)


def _optimizer(name: str, saved: Any, own: Optimizer) -> list[str]:
    """Its groups, and where that is known the shapes of its state."""
    if not isinstance(saved, Mapping):
        return [f"{name} is no optimizer"]
    plain = isinstance(own, _PLAIN) and type(own).__module__.startswith("torch.optim.")  # no class of the user's own
    try:
        groups, numbered = saved["param_groups"], saved["state"]
        sizes = [len(group["params"]) for group in groups]
        if sizes != [len(group["params"]) for group in own.param_groups]:
            return [f"{name} moves {sizes} weights, and {[len(g['params']) for g in own.param_groups]} here"]
        if not all(isinstance(group["lr"], float | int) for group in groups):
            return [f"{name} has no learning rate"]
        for group, mine in zip(groups, own.param_groups, strict=True):
            numbers = [key for key, value in mine.items() if plain and type(value) in (int, float)]
            numbers = [key for key in numbers if key not in _LATER] + [key for key in _LATER if key in group]
            if none := [key for key in numbers if type(group.get(key)) not in (int, float)]:
                return [f"{name} has {group.get(none[0])!r:.40} for {none[0]}"]
        weights = dict(zip((i for g in groups for i in g["params"]), _weights(own), strict=True))
        if unknown := set(numbered) - set(weights):
            return [f"{name} has a state of weights that are not there: {sorted(unknown)[:3]}"]
        states = [(weights[i].shape, value) for i, kept in numbered.items() for value in kept.values()]
    except (TypeError, KeyError, IndexError, AttributeError, ValueError):
        return [f"{name} is no optimizer"]
    odd = [list(t.shape) for shape, t in states if isinstance(t, Tensor) and t.shape not in (shape, ())]
    return [f"{name} has a state of shape {odd[0]} for a weight of another"] if odd and plain else []


def _weights(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _is_best(value: Any) -> bool:
    kinds = [type(part) for part in value] if isinstance(value, tuple) else []
    return kinds == [str, str, float, int] and _is_count(value[3])
