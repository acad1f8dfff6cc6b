"""Checkpoints: whole or not at all, verified before use, newest first."""

import hashlib
import io
import os
from types import SimpleNamespace

import pytest
import torch

from gan_cli import checkpoint
from gan_cli.errors import RunError


def save(directory, step, keep=None):
    return checkpoint.save(directory, step, {"step": step, "weights": torch.arange(step + 1.0)}, keep)


def test_what_was_saved_is_what_is_loaded(tmp_path):
    state = checkpoint.load(save(tmp_path, 7))
    assert state["step"] == 7
    assert torch.equal(state["weights"], torch.arange(8.0))


def test_the_newest_are_kept(tmp_path):
    for step in (5, 10, 100, 1000):
        save(tmp_path, step, keep=2)
    assert [checkpoint.step_of(path) for path in checkpoint.available(tmp_path)] == [1000, 100]


def test_a_damaged_file_of_a_later_step_does_not_push_out_a_good_one(tmp_path):
    save(tmp_path, 6)
    save(tmp_path, 12).write_bytes(b"damaged")
    good = save(tmp_path, 8, keep=1)
    assert good.exists()
    assert checkpoint.load_newest(tmp_path, lambda _: None)["step"] == 8


def test_a_checkpoint_takes_the_place_of_a_damaged_one_of_its_step(tmp_path):
    damaged = save(tmp_path, 6)
    damaged = damaged.rename(damaged.with_name("step-000000006-ffffffffffffffff.safetensors"))
    good = save(tmp_path, 6, keep=1)
    assert checkpoint.available(tmp_path) == [good]


def test_a_prune_spares_the_best_and_what_lies_later(tmp_path):
    for step in (1, 2, 3, 4, 9):
        save(tmp_path, step)
    checkpoint.prune(tmp_path, 4, keep=2, best=1)
    assert [checkpoint.step_of(path) for path in checkpoint.available(tmp_path)] == [9, 4, 3, 1]


def test_null_keeps_all(tmp_path):
    for step in range(5):
        save(tmp_path, step)
    assert len(checkpoint.available(tmp_path)) == 5


@pytest.mark.parametrize("harm", ["bit", "truncate", "append", "empty", "swap"])
def test_damage_is_found_and_the_next_older_one_is_taken(tmp_path, harm):
    older, newer = save(tmp_path, 1), save(tmp_path, 2)
    data = bytearray(newer.read_bytes())
    if harm == "bit":
        data[len(data) // 2] ^= 1
    elif harm == "swap":
        data = bytearray(older.read_bytes())
    newer.write_bytes({"truncate": data[:-1], "append": data + b"x", "empty": b""}.get(harm, data))
    with pytest.raises(RunError, match="damaged: its contents do not match"):
        checkpoint.load(newer)
    lines: list[str] = []
    assert checkpoint.load_newest(tmp_path, lines.append)["step"] == 1
    assert len(lines) == 1
    assert newer.name in lines[0]
    assert "going back to step 1" in lines[0]


def test_with_none_left_nothing_starts_from_zero(tmp_path):
    save(tmp_path, 1).write_bytes(b"")
    with pytest.raises(RunError, match="no checkpoint to go on from"):
        checkpoint.load_newest(tmp_path, lambda _: None)
    with pytest.raises(RunError, match="no checkpoint to go on from"):
        checkpoint.load_newest(tmp_path / "nowhere", lambda _: None)


def test_what_is_no_checkpoint_is_passed_over(tmp_path):
    save(tmp_path, 1)
    (tmp_path / "step-000000009-0123456789abcdef.safetensors").mkdir()
    (tmp_path / "step-9.safetensors").touch()
    os.mkfifo(tmp_path / "step-000000008-0123456789abcdef.safetensors")
    assert [checkpoint.step_of(path) for path in checkpoint.available(tmp_path)] == [1]


def test_a_write_that_fails_leaves_the_older_one_and_no_litter(tmp_path, monkeypatch):
    save(tmp_path, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match="No space left on device"):
        save(tmp_path, 2)
    assert [path.name[:14] for path in tmp_path.iterdir()] == ["step-000000001"]


def test_an_unfinished_file_of_a_killed_process_is_cleared_away(tmp_path):
    (tmp_path / ".tmp-5-12345").write_bytes(b"half")
    save(tmp_path, 6)
    assert not list(tmp_path.glob(".tmp*"))


def named(directory, data: bytes, step: int = 1):
    """Bytes as a checkpoint with the right digest: what somebody can send who knows how we name files."""
    path = directory / f"step-{step:09d}-{hashlib.sha256(data).hexdigest()[:16]}.safetensors"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("force", [False, True])
def test_code_in_a_checkpoint_is_not_run(tmp_path, monkeypatch, force):
    """A file with a right digest that would run code if anything unpickled it."""
    if force:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")

    class Canary:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    buffer = io.BytesIO()
    torch.save({"step": 1, "x": Canary()}, buffer)
    with pytest.raises(RunError, match="is not a checkpoint of gan-cli"):
        checkpoint.load(named(tmp_path, buffer.getvalue()))
    assert not (tmp_path / "ran").exists()


def test_every_truncation_and_each_of_300_flipped_bits_is_found(tmp_path):
    path = save(tmp_path, 7)
    whole = path.read_bytes()
    harmed = [whole[:length] for length in range(len(whole))]
    for bit in torch.randperm(8 * len(whole), generator=torch.Generator().manual_seed(0))[:300].tolist():
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        harmed.append(bytes(data))
    for data in harmed:
        path.write_bytes(data)
        with pytest.raises(RunError, match="damaged"):
            checkpoint.load(path)
    path.write_bytes(whole)
    assert checkpoint.load(path)["step"] == 7


def test_parts_are_read_alone_and_sizes_are_bounded_before_memory_is_taken(tmp_path):
    path = checkpoint.save(tmp_path, 1, {"step": 1, "small": torch.ones(2), "large": torch.ones(1000)}, None)
    assert checkpoint.load(path, only={"small", "step"}, limit=8).keys() == {"small", "step"}
    with pytest.raises(RunError, match="its tensors take more than"):
        checkpoint.load(path, limit=4007)
    assert len(checkpoint.load(path, limit=4008)["large"]) == 1000


def test_the_best_is_kept_beside_the_newest(tmp_path):
    for step in range(1, 7):
        checkpoint.save(tmp_path, step, {"step": step}, keep=2, best=min(step, 2))
    assert [checkpoint.step_of(path) for path in checkpoint.available(tmp_path)] == [6, 5, 2]


def test_a_disk_without_room_is_found_before_a_byte_is_written(tmp_path, monkeypatch):
    good = save(tmp_path, 1)
    before = good.read_bytes()
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    line = r"the checkpoint of step 2 needs 1\.0 MB, 1\.0 MB are free; nothing was overwritten"
    with pytest.raises(RunError, match=line):
        save(tmp_path, 2, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == [good.name]
    assert good.read_bytes() == before


def test_checkpoints_of_an_earlier_version_are_called_by_their_name(tmp_path):
    (tmp_path / "step-000000060-0123456789abcdef.pt").write_bytes(b"PK")
    with pytest.raises(RunError, match="written by an earlier version of gan-cli"):
        checkpoint.load_newest(tmp_path, lambda _: None)
