"""A run's state to bytes and back: the same types, the same bits, no code; and its digest."""

import json
import math
import struct

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from gan_cli import state

EVERYTHING = {
    "step": 7,
    "ratio": 0.1 + 0.2,
    "odd": [math.inf, -math.inf, -0.0, 2**80, None, True, "text \u2028 \" \\", ""],
    "pair": (1, (2.5, [])),
    "numbered": {0: {"step": torch.tensor(3.0)}, 1: {}},
    "a.b": torch.arange(3),
    "a": {"b": torch.arange(4)},
    "kinds": [torch.zeros(0), torch.tensor(True), torch.ones(2, dtype=torch.bfloat16), torch.ones(2, 3).t()],
    "bytes": torch.arange(256, dtype=torch.uint8),
}


def there_and_back(tmp_path, value, **how):
    path = tmp_path / "x"
    path.write_bytes(state.to_bytes(value))
    return state.read(path, **how)


def test_what_was_written_is_what_is_read(tmp_path):
    found = there_and_back(tmp_path, EVERYTHING)
    assert state.digest(found) == state.digest(EVERYTHING)
    assert list(found) == list(EVERYTHING)
    assert found["pair"] == (1, (2.5, [])) and isinstance(found["pair"][1], tuple)
    assert list(found["numbered"]) == [0, 1]
    assert torch.equal(found["a.b"], torch.arange(3)) and torch.equal(found["a"]["b"], torch.arange(4))
    assert math.copysign(1, found["odd"][2]) == -1 and found["odd"][:2] == [math.inf, -math.inf]
    assert [t.dtype for t in found["kinds"]] == [torch.float32, torch.bool, torch.bfloat16, torch.float32]


def test_nan_survives(tmp_path):
    assert math.isnan(there_and_back(tmp_path, {"x": math.nan})["x"])


def test_shared_weights_and_views_are_written_as_they_are_seen(tmp_path):
    shared = nn.Linear(2, 2)
    net, view = nn.Sequential(shared, shared), torch.arange(9.0)[3:6]
    found = there_and_back(tmp_path, {"net": net.state_dict(), "view": view, "wide": torch.ones(1).expand(5)})
    net.load_state_dict(found["net"])
    assert found["view"].tolist() == [3, 4, 5] and found["wide"].tolist() == [1] * 5


def test_what_is_read_does_not_hang_on_the_file(tmp_path):
    found = there_and_back(tmp_path, {"x": torch.ones(5)})
    (tmp_path / "x").write_bytes(b"")
    found["x"] += 1
    assert found["x"].tolist() == [2] * 5


@pytest.mark.parametrize(
    "value", [object(), {1.5: 1}, {"a": {2, 3}}, torch.float32], ids=["object", "a float as key", "a set", "a dtype"]
)
def test_what_is_no_plain_data_is_refused_by_its_place(value):
    with pytest.raises(TypeError, match=r"^part(\.a)? is a .* neither a tensor nor plain data"):
        state.to_bytes({"part": value})


def raw(plan, size=4, shape=(1,)) -> bytes:
    """A safetensors file with one tensor `x` of as many bytes as `size` says."""
    metadata = {state.PLAN: plan if isinstance(plan, str) else json.dumps(plan)}
    head = json.dumps({"__metadata__": metadata, "x": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}})
    return struct.pack("<Q", len(head)) + head.encode() + bytes(size)


WHOLE = {"dict": {"part": {"tensor": "x"}}}
BAD = {
    "empty": b"",
    "a header longer than the file": struct.pack("<Q", 1 << 40) + b"{}",
    "a header of gigabytes": struct.pack("<Q", 1 << 31) + b"{}" * 100,
    "no JSON": struct.pack("<Q", 9) + b"not JSON!",
    "no plan": raw("nothing"),
    "a plan that is no state": raw([1, 2]),
    "a deep plan": raw("[" * 100_000),
    "an unknown tag": raw({"dict": {"part": {"module": "os"}}}),
    "odd pairs": raw({"dict": {"part": {"items": [[1, 2, 3]]}}}),
    "a tensor that is not there": raw({"dict": {"part": {"tensor": "y"}}}),
    "a shape of more than the file": raw(WHOLE, shape=(1 << 30,)),
    "a shape that overflows": raw(WHOLE, shape=(1 << 40, 1 << 40)),
    "a file cut off": raw(WHOLE)[:-1],
    "a file with more": raw(WHOLE) + b"x",
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_lies_is_refused_and_nothing_else_happens(tmp_path, name):
    (tmp_path / "x").write_bytes(BAD[name])
    with pytest.raises((ValueError, SafetensorError)):
        state.read(tmp_path / "x")


def test_the_same_file_without_lies_is_read(tmp_path):
    (tmp_path / "x").write_bytes(raw(WHOLE))
    assert state.read(tmp_path / "x")["part"].tolist() == [0.0]


def test_naming_one_tensor_a_thousand_times_makes_no_thousand_tensors(tmp_path):
    (tmp_path / "x").write_bytes(raw({"dict": {"part": [{"tensor": "x"}] * 1000}}))
    with pytest.raises(ValueError, match="its tensors take more than"):
        state.read(tmp_path / "x", limit=3999)
    with pytest.raises(ValueError, match="names a tensor twice"):
        state.read(tmp_path / "x")


def test_a_plan_of_a_million_parts_is_not_looked_at(tmp_path):
    (tmp_path / "x").write_bytes(raw({"dict": {"part": [[]] * 1_000_000}}))
    with pytest.raises(ValueError, match="it has no plan of a state"):
        state.read(tmp_path / "x")


CHANGES = {"step": 8}, {"a": {"b": torch.tensor([0, 1, 2, 4])}}, {"bytes": torch.zeros(256)}, {"more": None}


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_digest_sees_every_change(change):
    assert state.digest(EVERYTHING | change) != state.digest(EVERYTHING)


def test_the_digest_does_not_see_the_order_of_keys_or_how_a_tensor_lies_in_memory():
    x = torch.arange(6.0).reshape(2, 3)
    assert state.digest({"a": 1, "x": x}) == state.digest({"x": x.t().contiguous().t(), "a": 1})
    assert state.digest(torch.zeros(2, 1)) != state.digest(torch.zeros(1, 2)) != state.digest(torch.zeros(2))
