"""What a profile's events say in words: which lines are dear, and where somebody waits.

An event lies inside others. It counts where a reader looks for it: as the call that the networks, the losses or the
optimizer made, or as the node of the graph that went backward, with all that these do inside.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

ROWS = 10

PARTS = ("data", "D's update", "G's update", "both updates", "average", "figures", "grid", "checkpoint")
_ALONE = {"data": "data wait: in next(reals)", "figures": "figures", "grid": "grid", "checkpoint": "checkpoint"}
_DATA, _HOST = _ALONE["data"], "host wait: for the device"
_BOUND = "\N{NO-BREAK SPACE}"
_PYTHON = "Python, between the calls of torch"

_WAIT = re.compile("Synchronize|Memcpy|_local_scalar_dense|nonzero")  # what makes the host wait for a GPU
_BACKWARD = "autograd::engine::evaluate_function: "
_WORDS = {  # how PyTorch calls it: what it is
    "AccumulateGrad": "adding up gradients",
    "add": "adding",
    "addmm": "linear layer",
    "cat": "putting tensors side by side",
    "conv2d": "convolution",
    "conv_transpose2d": "transposed convolution",
    "convolution": "convolution",
    "copy_": "copying",
    "cudaLaunchKernel": "starting kernels",
    "detach": "leaving the graph",
    "elu": "ELU",
    "embedding": "looking up classes",
    "gelu": "GELU",
    "group_norm": "layer norm",
    "index": "picking examples",
    "layer_norm": "layer norm",
    "leaky_relu": "leaky ReLU",
    "lerp": "average of weights",
    "linalg_vector_norm": "norm of gradients",
    "linear": "linear layer",
    "mul": "multiplying",
    "native_batch_norm": "batch norm",
    "native_group_norm": "layer norm",
    "native_layer_norm": "layer norm",
    "norm": "norm of gradients",
    "normal_": "drawing noise",
    "rand": "drawing noise",
    "randn": "drawing noise",
    "randperm": "shuffling",
    "relu": "ReLU",
    "silu": "SiLU",
    "slice": "cutting out",
    "t": "transposing",
    "to": "converting",
    "upsample_bilinear2d": "resizing",
    "upsample_nearest2d": "resizing",
}


@dataclass
class Line:
    """What one kind of call took: microseconds, of how many calls, and PyTorch's name for it."""

    time: float = 0.0
    calls: int = 0
    name: str = ""


def table(events: Iterable[Any], steps: int, waits: bool = False) -> str:
    """The dearest lines of a profile, each with its share, and what was waited for.

    Args:
        events: `torch.profiler.profile.events()`, of whole steps.
        steps: how many.
        waits: whether the host can wait for a device: it is another one than the CPU.
    """
    events = list(events)
    turns = [e for e in events if e.name.startswith("ProfilerStep") and _on_host(e)]
    whole = sum(e.time_range.elapsed_us() for e in turns)
    if not whole:
        return "PyTorch's profiler has seen no step"
    kernels = [e for e in events if not _on_host(e) and not _is_label(e)]
    busy = sum(e.time_range.elapsed_us() for e in kernels)
    host, device = _lines(events, {e.thread for e in turns}, waits)
    waited = {name: host.get(name, Line()) for name in (_DATA, _HOST)}
    shown, total = (device, busy) if kernels else (host, whole)
    rest = {name: line for name, line in shown.items() if name not in waited}
    dearest = sorted(rest, key=lambda name: -rest[name].time)[:ROWS]
    of = f"the {busy / steps / 1e3:,.3f} ms that the device is busy" if kernels else "that"
    rows = [f"{whole / steps / 1e3:,.3f} ms a step; shares are of {of}", "   share   ms/step   calls  what"]
    rows += [_row(name, rest[name], total, steps) for name in dearest]
    waiting = 0.0 if kernels else sum(line.time for line in waited.values())
    others = total - waiting - sum(rest[name].time for name in dearest)
    rows.append(_row(f"{max(0, len(rest) - ROWS)} other lines", Line(max(0.0, others)), total, steps))
    if kernels:
        rows.append(f"the device is busy for {busy / whole:.1%} of the time; of the time of the host:")
    rows += [_row(name, line, whole, steps) for name, line in waited.items()]
    spent = {name: sum(e.time_range.elapsed_us() for e in events if e.name == name and _on_host(e)) for name in PARTS}
    parts = [f"{name} {time / whole:.1%}".replace(" ", _BOUND) for name, time in spent.items() if time]
    rows += textwrap.wrap(f"by part: {', '.join(parts)}", 79, subsequent_indent=" " * 9)
    return "\n".join(rows).replace(_BOUND, " ")


def _row(name: str, line: Line, whole: float, steps: int) -> str:
    calls = f"{line.calls / steps:8.1f}" if line.calls else " " * 8
    told = f"{line.time / whole:6.1%} {line.time / steps / 1e3:10.3f}{calls}  {name:<31}"
    return f"{told} {line.name[: 78 - len(told)]}".rstrip()


def _lines(events: Iterable[Any], main: set[int], waits: bool) -> tuple[dict[str, Line], dict[str, Line]]:
    """The time of the host and of the device in microseconds, by what it went into."""
    host: dict[str, Line] = {}
    device: dict[str, Line] = {}
    for event in events:
        if not _on_host(event):
            continue
        chain = list(_outwards(event))
        if event.thread in main and not chain[-1].name.startswith("ProfilerStep"):
            continue  # between the last step and the profile's end
        what, name, begins = _what(chain)
        is_wait = waits and what != _DATA and _WAIT.search(event.name) is not None
        for lines, time, key in (
            (host, event.self_cpu_time_total, _HOST if is_wait else what),
            (device, event.self_device_time_total, what),
        ):
            line = lines.setdefault(key, Line(name="" if key == _HOST else name))
            line.time += time
            line.calls += key == _HOST or begins
    return host, {key: line for key, line in device.items() if line.time}


def _outwards(event: Any) -> Iterator[Any]:
    while event is not None:
        yield event
        event = event.cpu_parent


def _what(chain: list[Any]) -> tuple[str, str, bool]:
    """What an event belongs to, how PyTorch calls that, and whether it begins with this event.

    Args:
        chain: the event, what it lies in, and so on.
    """
    for event in reversed(chain):
        if event.name in _ALONE:
            return _ALONE[event.name], "", event is chain[0]
    for event in reversed(chain):
        if event.name not in PARTS and not event.name.startswith("ProfilerStep"):
            return in_words(event.name), _short(event.name), event is chain[0]
    return _PYTHON, "", False


def in_words(name: str) -> str:
    """What PyTorch's name of a call means.

    >>> in_words("aten::conv2d"), in_words("Optimizer.step#Adam.step"), in_words("aten::_foreach_add_")
    ('convolution', "Adam's update", 'adding')
    >>> in_words("autograd::engine::evaluate_function: ConvolutionBackward0")
    'convolution, backward'
    >>> in_words("autograd::engine::evaluate_function: ConvolutionBackwardBackward0")
    'convolution, backward twice'
    """
    short = _short(name)
    if found := re.fullmatch(r"Optimizer\.(step|zero_grad)#(\w+)\.\w+", name):
        return f"{found[2]}'s update" if found[1] == "step" else "forgetting the last gradients"
    if not name.startswith(_BACKWARD):
        return _word(short)
    node, times, _ = re.fullmatch(r"(\w*?)((?:Backward)*)(\d*)", short).groups()  # type: ignore[union-attr]
    snake = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", node).lower()
    word = _WORDS.get(node) or _word(snake)
    return word + {0: "", 1: ", backward"}.get(len(times) // len("Backward"), ", backward twice")


def _word(name: str) -> str:
    bare = name.removeprefix("_foreach_").removeprefix("cudnn_").removeprefix("miopen_")
    return _WORDS.get(bare) or _WORDS.get(bare.strip("_")) or bare.strip("_").replace("_", " ")


def _short(name: str) -> str:
    return name.removeprefix(_BACKWARD).partition("#")[2] or name.removeprefix(_BACKWARD).rsplit("::", 1)[-1]


def _is_label(event: Any) -> bool:
    """Whether this is the shadow that a name of ours, or of an optimizer, has among the kernels."""
    named = event.name in PARTS or event.name.startswith(("ProfilerStep", "Optimizer."))
    return named or getattr(event, "is_user_annotation", False)


def _on_host(event: Any) -> bool:
    return bool(event.device_type.name == "CPU")
