"""Checkpoints: whole or not at all, verified before use, newest first."""

import os

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
    (tmp_path / "step-000000009-0123456789abcdef.pt").mkdir()
    (tmp_path / "step-9.pt").touch()
    os.mkfifo(tmp_path / "step-000000008-0123456789abcdef.pt")
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


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    """A file with a right digest that would run code if it were unpickled in full."""
    import hashlib
    import io

    class Canary:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    buffer = io.BytesIO()
    torch.save({"step": 1, "x": Canary()}, buffer)
    data = buffer.getvalue()
    path = tmp_path / f"step-000000001-{hashlib.sha256(data).hexdigest()[:16]}.pt"
    path.write_bytes(data)
    with pytest.raises(RunError, match="is not a checkpoint of gan-cli"):
        checkpoint.load(path)
    assert not (tmp_path / "ran").exists()
