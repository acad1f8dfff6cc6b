"""A run's state as one block of bytes without code: its tensors in safetensors' format, all else as JSON beside them.

State is made of tensors, None, booleans, numbers, strings, lists, tuples and dicts, as PyTorch's `state_dict`s are.
"""

import hashlib
import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

PLAN = "state"  # the key of the JSON in the file's metadata: where each tensor belongs
HEADER = 1 << 23  # bytes: a network of a thousand tensors has 200 kB
ITEMS = 1 << 18  # lists and dicts in a plan: memory is ten times their text


def to_bytes(state: Mapping[str, Any]) -> bytes:
    """The state as a safetensors file. What is on a device is fetched.

    Raises:
        TypeError: something in it is neither a tensor nor plain data; the message says where.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    plan = _plan(dict(state), "", tensors)
    return save(tensors, {PLAN: json.dumps(plan)})


def read(path: Path, only: Container[str] | None = None, limit: int | None = None) -> dict[str, Any]:
    """The state in a file, or some of its parts, on the CPU.

    Nothing of the file is believed: sizes are looked at before memory is taken, and no code comes out of it.

    Args:
        only: the keys at the top to read; tensors of the others stay on the disk.
        limit: bytes of tensors at most.

    Raises:
        ValueError: it is no such file, or holds more than `limit`.
        SafetensorError, OSError: it cannot be read.
    """
    from safetensors import safe_open

    size = path.stat().st_size
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if not 2 <= header <= min(HEADER, size - 8):
        raise ValueError(f"its header is said to have {header:,} bytes, in a file of {size:,}")
    with safe_open(path, framework="pt") as file:
        try:
            text = (file.metadata() or {})[PLAN]
            if text.count("{") + text.count("[") > ITEMS:
                raise ValueError
            plan = json.loads(text)["dict"]
        except (KeyError, TypeError, ValueError, RecursionError):
            raise ValueError("it has no plan of a state") from None
        wanted = {key: node for key, node in plan.items() if only is None or key in only}
        names = _names(wanted)
        if limit is not None and sum(_size(file.get_slice(name)) for name in names) > limit:
            raise ValueError(f"its tensors take more than {limit / 1e6:,.1f} MB")
        if len(set(names)) < len(names):
            raise ValueError("its plan of a state names a tensor twice")
        return {key: _filled(node, file) for key, node in wanted.items()}


def from_bytes(data: bytes) -> dict[str, Any]:
    """The state that `to_bytes` gave to another process of the run, which is believed."""
    from safetensors.torch import load

    class Parts(dict[str, Tensor]):
        get_tensor = dict.__getitem__

    length = int.from_bytes(data[:8], "little")
    plan = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][PLAN])["dict"]
    tensors = Parts(load(data))
    return {key: _filled(node, tensors) for key, node in plan.items()}


def digest(state: Any) -> str:
    """SHA-256 over content: equal for equal values in equal places, whatever bytes a file has for them."""
    sha = hashlib.sha256()
    _eat(state, sha)
    return sha.hexdigest()


_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
_BYTES |= {"I8": 1, "U8": 1, "BOOL": 1}


def _size(part: Any) -> int:
    """Bytes of a tensor that is still on the disk."""
    return torch.Size(part.get_shape()).numel() * _BYTES.get(part.get_dtype(), 8)


def _plan(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """What JSON says of a value; its tensors go to `tensors`, named by their place.

    Every JSON object is one of ours: {"tensor": name}, {"dict": {}}, {"items": [[key, value]]} or {"tuple": []}.
    """
    if isinstance(value, Tensor):
        name = path if path not in tensors else f"{path}#{len(tensors)}"  # a key may have dots of its own
        # A copy: the format has no word for two names of one storage, and a G may share weights.
        tensors[name] = value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, Mapping):
        below = {key: _plan(inner, f"{path}.{key}" if path else str(key), tensors) for key, inner in value.items()}
        if all(isinstance(key, str) for key in below):
            return {"dict": below}
        if all(type(key) in (str, int) for key in below):  # an optimizer numbers its parameters
            return {"items": [[key, inner] for key, inner in below.items()]}
    elif type(value) in (list, tuple):
        items = [_plan(inner, f"{path}.{i}", tensors) for i, inner in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    elif value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{path} is a {type(value).__name__}, which is neither a tensor nor plain data")


def _filled(node: Any, file: Any) -> Any:
    """The value that a plan describes.

    Raises:
        ValueError: it is no plan.
    """
    match node:
        case {"tensor": str(name)}:
            return file.get_tensor(name).clone()  # not a view of a file that may be gone tomorrow
        case {"dict": dict(below)}:
            return {key: _filled(inner, file) for key, inner in below.items()}
        case {"items": list(pairs)} if all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            return {key: _filled(inner, file) for key, inner in pairs if isinstance(key, str | int)}
        case {"tuple": list(items)}:
            return tuple(_filled(inner, file) for inner in items)
        case list(items):
            return [_filled(inner, file) for inner in items]
        case None | bool() | int() | float() | str():
            return node
    raise ValueError("its plan of a state is damaged")


def _names(node: Any) -> list[str]:
    """The tensors that a plan, or a dict of plans, names."""
    match node:
        case {"tensor": str(name)}:
            return [name]
        case dict(below):
            return [name for inner in below.values() for name in _names(inner)]
        case list(items):
            return [name for inner in items for name in _names(inner)]
    return []


def _eat(value: Any, sha: Any) -> None:
    if isinstance(value, Tensor):
        plain = value.detach().cpu().contiguous()
        sha.update(repr((str(plain.dtype), tuple(plain.shape))).encode())
        sha.update(plain.view(torch.uint8).numpy() if plain.numel() and plain.ndim else repr(plain.tolist()).encode())
    elif isinstance(value, Mapping):
        sha.update(b"{")
        for key in sorted(value, key=str):
            sha.update(repr(key).encode())
            _eat(value[key], sha)
        sha.update(b"}")
    elif isinstance(value, list | tuple):
        sha.update(b"[")
        for inner in value:
            _eat(inner, sha)
        sha.update(b"]")
    else:
        sha.update(repr(value).encode())
