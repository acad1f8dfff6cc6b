"""Checkpoints and weights of strangers: no code, no memory, no hours, and one message."""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hostile.world import NASTY, World, checkpoint, raw, thinned

from gan_cli import state

READERS = ("gan-sample", "gan-probe", "gan-train")
BY = pytest.mark.parametrize(
    "commands",
    [
        pytest.param(READERS[:1], id="sample"),
        pytest.param((*READERS[1:], "gan-runs"), id="others", marks=pytest.mark.slow),
    ],
)
LARGE = ("a million tensors", "a million words", "a header of 100 MB", "a zip bomb", "a tensor 100,000 times")


class Sings:
    """Runs a command when it is unpickled."""

    def __init__(self, outside: Path) -> None:
        self.command = f"touch {outside / 'sang'}"

    def __reduce__(self):
        return os.system, (self.command,)


def torch_saved(value) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"G": {}}))
        archive.writestr("archive/data/0", bytes(1 << 28))
    return buffer.getvalue()


def tensor(shape, offsets, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def plan(node) -> dict[str, str]:
    return {"__metadata__": {state.PLAN: json.dumps(node)}}


PARTS = {"dict": {"G": {"dict": {"w": {"tensor": "x"}}}, "ema": None, "step": 6}}
ONE = tensor([2], [0, 8])
# Each is made by the test that takes it: some are large.
FILES = {
    "a pickle": lambda outside: pickle.dumps(Sings(outside)),
    "a pickle in torch's own file": lambda outside: torch_saved({"G": Sings(outside), "step": 6}),
    "an old torch file": lambda outside: pickle.dumps(0x1950A86A20F9469CFC6C) + pickle.dumps(Sings(outside)),
    "a tensor of expanded strides": lambda _: torch_saved({"G": torch.zeros(1).expand(1 << 30)}),
    "a zip bomb": lambda _: zip_bomb(),
    "nothing": lambda _: b"",
    "seven bytes": lambda _: b"\0" * 7,
    "a header of nothing": lambda _: raw(b""),
    "a header of 8 EiB": lambda _: raw(b"{}", size=(1 << 63) - 1),
    "a header of 2**64 - 1": lambda _: raw(b"{}", size=(1 << 64) - 1),
    "a header of 100 MB": lambda _: raw(b"{" + b" " * 100_000_000 + b"}"),
    "a header that is none": lambda _: raw(b"\xff\xfe{}"),
    "a header nested deeply": lambda _: raw(b'{"x":' + b"[" * 1_000_000),
    "a list as header": lambda _: raw([]),
    "a million tensors": lambda _: raw(plan(PARTS) | {str(i): tensor([0], [0, 0]) for i in range(100_000)}),
    "a million words": lambda _: raw({"__metadata__": {str(i): "" for i in range(500_000)}}),
    "offsets beyond the end": lambda _: raw(plan(PARTS) | {"x": tensor([2], [0, 1 << 40])}, bytes(8)),
    "offsets backwards": lambda _: raw(plan(PARTS) | {"x": tensor([2], [8, 0])}, bytes(8)),
    "offsets that overlap": lambda _: raw(plan(PARTS) | {"x": ONE, "y": ONE}, bytes(8)),
    "a hole between tensors": lambda _: raw(plan(PARTS) | {"x": ONE, "y": tensor([2], [16, 24])}, bytes(24)),
    "a shape of other size": lambda _: raw(plan(PARTS) | {"x": tensor([1 << 40], [0, 8])}, bytes(8)),
    "a shape that overflows": lambda _: raw(plan(PARTS) | {"x": tensor([1 << 62, 1 << 62], [0, 8])}, bytes(8)),
    "a shape that is NaN": lambda _: raw(plan(PARTS) | {"x": tensor([float("nan")], [0, 8])}, bytes(8)),
    "a shape below zero": lambda _: raw(plan(PARTS) | {"x": tensor([-2], [0, 8])}, bytes(8)),
    "a type that is none": lambda _: raw(plan(PARTS) | {"x": tensor([2], [0, 8], "O")}, bytes(8)),
    "no plan": lambda _: raw({"x": ONE}, bytes(8)),
    "a plan nested deeply": lambda _: raw({"__metadata__": {state.PLAN: '{"dict":' * 100_000}} | {"x": ONE}, bytes(8)),
    "a plan of a million parts": lambda _: raw(plan({"dict": {"G": [[]] * 1_000_000}}) | {"x": ONE}, bytes(8)),
    "a plan of long numbers": lambda _: raw(
        {"__metadata__": {state.PLAN: '{"dict": {"step": ' + "9" * 1_000_000 + "}}"}}
    ),
    "a tensor 100,000 times": lambda _: raw(
        plan({"dict": {"G": {"dict": {f"w{i}": {"tensor": "x"} for i in range(100_000)}}, "ema": None, "step": 6}})
        | {"x": tensor([1 << 20], [0, 1 << 22])},
        bytes(1 << 22),
    ),
    "a tensor that is not there": lambda _: raw(plan({"dict": {"G": {"tensor": "y"}, "ema": None, "step": 6}})),
    "weights of another network": lambda _: raw(plan(PARTS) | {"x": ONE}, bytes(8)),
    "names that a terminal obeys": lambda _: raw(
        plan({"dict": {"G": {"dict": {NASTY: {"tensor": NASTY}}}, "ema": None, "step": NASTY}}) | {NASTY: ONE}, bytes(8)
    ),
}


@BY
@pytest.mark.parametrize("name", thinned(FILES, 3, LARGE))
def test_a_checkpoint_that_is_none_is_refused(world: World, name, commands):
    checkpoint(world.run, FILES[name](world.outside))
    for command in commands:
        assert world.call(command).code == (5 if command in READERS else 0), command


@pytest.mark.parametrize("name", thinned(FILES, 5, LARGE))
def test_weights_that_are_none_are_refused(world: World, name):
    for weights in (world.run / "generator").glob("*.safetensors"):
        weights.write_bytes(FILES[name](world.outside))
    assert world.call("gan-sample").code == 5


def hollow(path: Path) -> None:
    """A terabyte that takes no room."""
    with path.open("wb") as file:
        file.truncate(1 << 40)
        file.write(raw(b"{}" + b" " * 100_000))


PLACES = {
    "a directory": lambda path, _: path.mkdir(),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a device": lambda path, _: path.symlink_to("/dev/zero"),
    "a link out": lambda path, outside: path.symlink_to(outside / "secret.txt"),
    "a link to itself": lambda path, _: path.symlink_to(path.name),
    "a link to nothing": lambda path, outside: path.symlink_to(outside / "new"),
    "a terabyte of holes": lambda path, _: hollow(path),
}


@BY
@pytest.mark.parametrize("what", PLACES)
def test_what_lies_in_the_place_of_a_checkpoint_is_not_waited_for_or_followed(world: World, what, commands):
    path = checkpoint(world.run, b"")
    path.unlink()
    PLACES[what](path, world.outside)
    for command in commands:
        assert world.call(command).code == (5 if command in READERS else 0), command


STATE = ("format", "step", "cursor", "skipped", "rollbacks", "data", "G", "D", "ema", "opt_G", "opt_D", "noise")
ODD = (None, -1, 1 << 200, 0.5, "x", NASTY, [], {}, [[]], {"a": {"b": [None]}}, torch.zeros(3), {"x": torch.zeros(2)})


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", [*STATE, "random", "random_device", "device", "last_penalty", "machine", "offsets", "best"]
)
def test_no_part_of_a_state_is_believed(world: World, part):
    good = state.read(next((world.run / "checkpoints").glob("step-000000006-*")))
    for odd in ODD:
        checkpoint(world.run, state.to_bytes(good | {part: odd}))
        for command in READERS:
            outcome = world.call(command)
            assert outcome.code in (0, 4, 5), (command, odd)
            if command == "gan-train":
                assert outcome.code or part in ("data", "random_device", "best", "machine"), odd


@BY
def test_a_thousand_bad_checkpoints_are_told_in_a_screen(world: World, commands):
    checkpoint(world.run, b"")
    for step in range(1, 1000):
        (world.run / "checkpoints" / f"step-{step:09d}-0123456789abcdef.safetensors").write_bytes(b"x")
    for command in set(commands) & set(READERS):
        outcome = world.call(command)
        assert outcome.code == 5
        assert "and 992 more" in outcome.err or "more lines" in outcome.err, "long paths take lines"
        assert 4 <= outcome.err.count("damaged:") <= 8
