"""A checkpoint that is not what was written is never used: the run goes back to an older one and ends the same."""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.points import Point
from faults.same import differences
from faults.torn import KILLED, RECIPES, Run

from gan_cli import checkpoint
from gan_cli.errors import RunError

RECIPE = (*RECIPES["mlp"], "train.keep=3")
HEADER = 8  # bytes that say how long the JSON header is, as safetensors has it


@pytest.fixture(scope="module")
def torn(warm, tmp_path_factory) -> Path:
    """The working directory of a run that was killed after step 33, with checkpoints of steps 20, 25 and 30."""
    run = Run(warm, tmp_path_factory.mktemp("torn"), RECIPE)
    assert run.live(Point("turn", "33", done=1)).code == KILLED
    assert not run.problems
    return run.root


@pytest.fixture
def newest(torn, tmp_path) -> Path:
    """A copy of its newest checkpoint, to be harmed."""
    path = checkpoint.available(torn / "outputs/run/checkpoints")[0]
    checkpoint.load(path)
    return Path(shutil.copy(path, tmp_path))


def is_refused(path: Path) -> bool:
    try:
        checkpoint.load(path)
    except RunError as error:
        return path.name in str(error)
    return False


def test_300_of_300_flipped_bits_are_found(newest):
    chance, found = random.Random(0), 0
    with newest.open("r+b") as file:
        size = newest.stat().st_size
        for _ in range(300):
            at, bit = chance.randrange(size), 1 << chance.randrange(8)
            for flipped in (True, False):  # there and back
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ bit]))
                file.flush()
                found += is_refused(newest) == flipped
    assert found == 600


def lengths(size: int, header: int) -> set[int]:
    """Of every class that the format knows, and at random."""
    ends = {0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + header // 2}
    around = {end + by for end in (HEADER + header, size) for by in (-2, -1, 1, 2)}
    blocks = set(range(0, size, 4096)) | set(random.Random(1).sample(range(size), 100))
    return (ends | around | blocks | {HEADER + header}) - {size}


def test_every_other_length_is_found(newest):
    data = newest.read_bytes()
    for length in sorted(lengths(len(data), int.from_bytes(data[:HEADER], "little"))):
        newest.write_bytes((data + b"\0" * 8)[:length])
        assert is_refused(newest), length
    newest.write_bytes(data)
    assert not is_refused(newest)


def test_every_block_of_zeros_is_found(newest):
    data = newest.read_bytes()
    for start in range(0, len(data), 4096):
        zeroed = data[:start] + bytes(len(data[start : start + 4096])) + data[start + 4096 :]
        newest.write_bytes(zeroed)
        assert is_refused(newest) is (zeroed != data), start


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"garbage")


def zero(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:8192] = bytes(4096)
    path.write_bytes(data)


def swap(path: Path) -> None:
    """Two checkpoints under each other's names."""
    other = checkpoint.available(path.parent)[1]
    data = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(data)


@pytest.mark.parametrize("harm", [flip])
def test_a_run_goes_back_past_a_damaged_checkpoint_and_ends_the_same(warm, whole, torn, tmp_path, harm):
    check_harm(warm, whole, torn, tmp_path, harm)


@pytest.mark.faults
@pytest.mark.parametrize("harm", [cut, empty, append, zero, swap])
def test_so_it_does_whatever_the_damage(warm, whole, torn, tmp_path, harm):
    check_harm(warm, whole, torn, tmp_path, harm)


def check_harm(warm, whole, torn: Path, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    run = Run(warm, tmp_path, RECIPE)
    shutil.copytree(torn, run.root, dirs_exist_ok=True, symlinks=True)
    paths = checkpoint.available(run.directory / "checkpoints")
    assert [checkpoint.step_of(path) for path in paths] == [30, 25, 20]
    harm(paths[0])
    bad, back = (paths[:2], 20) if harm is swap else (paths[:1], 25)
    life = run.end(*run.start(), watched=False)
    assert life.code == 0, life.output
    assert life.said("going back") == life.said(f"going back to step {back}") == len(bad)
    assert all(life.said(path.name) == 1 for path in bad)
    assert life.steps("turn")[0] == back + 1
    assert expected(differences(whole("mlp"), run)) == []


def expected(found: list[str]) -> list[str]:
    """Without what `train.keep=3` means."""
    ours = re.compile(r"checkpoints/|config\.yaml|run (command|overrides)")
    return [difference for difference in found if not ours.match(difference)]


def test_with_all_of_them_damaged_nothing_starts_from_zero(warm, torn, tmp_path):
    run = Run(warm, tmp_path, RECIPE)
    shutil.copytree(torn, run.root, dirs_exist_ok=True, symlinks=True)
    paths = checkpoint.available(run.directory / "checkpoints")
    for path in paths:
        flip(path)
    contents = lambda: {p: p.read_bytes() for p in run.root.rglob("*") if p.is_file() and p.name != ".lock"}  # noqa: E731
    before = contents()
    life = run.end(*run.start(), watched=False)
    assert life.code == 5
    assert life.said("no checkpoint to go on from")
    assert all(life.said(f"{path.name}: damaged") for path in paths)
    assert contents() == before


def gone(directory: Path) -> None:
    shutil.rmtree(directory)


def harmed(directory: Path) -> None:
    for path in checkpoint.available(directory):
        flip(path)


@pytest.mark.parametrize(
    ("harm", "step", "more"),
    [
        (harmed, 2, ()),  # the checkpoint of step 0, and neither a log nor a status that tells of a step
        (gone, 7, ("train.log_every=40", "train.sample_every=40")),  # the status tells
        (gone, 7, ("train.checkpoint_every=40",)),  # the log tells
    ],
)
def test_nor_does_a_run_that_looks_as_if_it_had_not_begun(warm, tmp_path, harm, step, more):
    """Only one that was killed before its first checkpoint, that of step 0, may begin anew."""
    run = Run(warm, tmp_path, (*RECIPE, *more))
    assert run.live(Point("turn", str(step), done=1)).code == KILLED
    harm(run.directory / "checkpoints")
    life = run.end(*run.start(), watched=False)
    assert (life.code, life.steps("turn")) == (5, [])
    assert life.said("no checkpoint to go on from")
