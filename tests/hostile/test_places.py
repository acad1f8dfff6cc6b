"""Links, pipes and other things in the place of a run's files: nothing is followed, waited for or written through."""

import os
import pickle
import socket
from pathlib import Path

import pytest
from hostile.world import OUTSIDE, World, thinned

READERS = ("gan-sample", "gan-probe", "gan-train")
FILES = ("run.json", "config.yaml", "status.json", "metrics.jsonl", "timing.jsonl", "generator/generator.json")
FOLDERS = ("checkpoints", "samples", "generator")


def out_of(world: World, path: Path) -> Path:
    """Move something of the run outside, as the one whom it belongs to has it there."""
    kept = world.outside / path.name
    path.rename(kept)
    return kept


def hollow(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 31)


PLACED = {
    "a link out": lambda world, path: path.symlink_to(out_of(world, path)),
    "a link to itself": lambda _, path: [path.unlink(), path.symlink_to(path.name)],
    "a pipe": lambda _, path: [path.unlink(), os.mkfifo(path)],
}


@pytest.mark.parametrize("what", PLACED)
@pytest.mark.parametrize("name", thinned(FILES, 3))
def test_nothing_but_a_file_is_a_file_of_a_run(world: World, name, what):
    PLACED[what](world, world.run / name)
    for command in READERS[:2]:
        assert world.call(command).code == 5
    assert world.call("gan-runs").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("what", PLACED)
@pytest.mark.parametrize("name", FILES)
def test_a_run_is_not_resumed_with_anything_else(world: World, name, what):
    PLACED[what](world, world.run / name)
    assert world.call("gan-train").code == 5


@pytest.mark.parametrize("readers", [READERS[:2], pytest.param(READERS[2:], marks=pytest.mark.slow)], ids=len)
@pytest.mark.parametrize("name", thinned(FILES, 3))
def test_two_gigabytes_of_nothing_are_no_file_of_a_run(world: World, name, readers):
    hollow(world.run / name)
    for command in readers:
        outcome = world.call(command)
        read = {"gan-sample": ("generator",), "gan-probe": ("config",), "gan-train": ("config", "metrics", "timing")}
        assert outcome.code == 0 or name.startswith(read[command]) or outcome.code == 5, (command, outcome.err)
    assert world.call("gan-runs").code == 0


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_elsewhere_is_no_folder_of_a_run(world: World, name):
    (world.run / name).symlink_to(out_of(world, world.run / name))
    for command in READERS:
        assert world.call(command).code == 5
    assert world.call("gan-runs").code == 0


@pytest.mark.parametrize("target", ["new", pytest.param("secret.txt", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", [".lock", ".tmp-status.json-1", "samples/step-000000008.png", "checkpoints/.tmp-8-1", "generator/.tmp-raw"]
)
def test_what_a_resume_would_write_is_not_written_elsewhere(world: World, name, target):
    (world.run / name).unlink(missing_ok=True)
    (world.run / name).symlink_to(world.outside / target)
    assert world.call("gan-train").code == 5


def test_a_log_with_a_second_name_is_not_written(world: World):
    os.link(out_of(world, world.run / "metrics.jsonl"), world.run / "metrics.jsonl")
    outcome = world.call("gan-train")
    assert outcome.code == 5
    assert "has a second name" in " ".join(outcome.err.split())


@pytest.mark.parametrize("name", ["metrics.jsonl", "status.json", "samples", ".lock"])
def test_a_fresh_run_does_not_write_through_a_link_either(world: World, name):
    (world.here / "new").mkdir()
    (world.here / "new" / name).symlink_to(world.outside / "secret.txt")
    outcome = world.call("gan-train", "hydra.run.dir=new", "dataset=gaussian", "model=mlp", "train.steps=1")
    assert outcome.code in (5, 6)
    assert [path.name for path in (world.here / "new").iterdir()] == [name]


def test_odd_names_are_no_pictures_and_no_checkpoints(world: World):
    for name in ("step-x.png", "step-.png", "step--1.png", "step-\N{SUPERSCRIPT TWO}.png", "step-\x1b[2J.png"):
        (world.run / "samples" / name).write_bytes(b"x")
    for name in ("step-000000009-0123456789abcdef.safetensors.x", "step-x-y.safetensors", "..safetensors"):
        (world.run / "checkpoints" / name).write_bytes(b"x")
    for command in (*READERS, "gan-runs"):
        assert world.call(command).code == 0


def test_links_and_pipes_that_are_no_part_of_a_run_are_left_alone(world: World):
    (world.run / "notes.txt").symlink_to(world.outside / "secret.txt")
    (world.run / "run.json.old").symlink_to("nowhere")
    (world.run / "samples" / "best.png").symlink_to("step-000000006.png")
    (world.run / "checkpoints" / "mine").symlink_to(world.outside)
    os.mkfifo(world.run / "generator" / "pipe")
    for command in READERS:
        assert world.call(command).code == 0
    assert (world.run / "notes.txt").is_symlink()


def test_a_socket_is_no_checkpoint(world: World, monkeypatch):
    monkeypatch.chdir(world.run / "checkpoints")  # the path of a socket may have 100 bytes
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("step-000000009-0123456789abcdef.safetensors")
        for command in READERS:
            assert world.call(command).code == 5


@pytest.mark.parametrize("target", ["OUT/run.json", "../../outside/run.json", "../run/../../outside/run.json"])
def test_a_directory_of_links_leads_only_to_a_run_beside_it(world: World, target):
    """As `outputs/latest` does; one of a stranger would let us write anywhere."""
    for path in world.run.iterdir():
        (world.outside / path.name).symlink_to(path)
    shown = world.here / "latest"
    shown.mkdir()
    for name in ("run.json", "config.yaml", "status.json", "checkpoints", "generator"):
        (shown / name).symlink_to(target.replace("OUT", str(world.outside)).replace("run.json", name))
    for command, words in (("gan-sample", ["latest"]), ("gan-probe", ["latest"]), ("gan-train", ["resume=latest"])):
        assert world.call(command, *words).code == 5
    assert world.call("gan-runs", "latest").code == 0


def test_the_directory_of_links_that_gan_train_makes_still_shows_the_newest_run(world: World):
    (world.here / "outputs").mkdir()
    world.run.rename(world.here / "outputs" / "a")
    shown = world.here / "outputs" / "latest"
    shown.mkdir()
    for path in (world.here / "outputs" / "a").iterdir():
        (shown / path.name).symlink_to(Path("../a") / path.name)
    assert world.call("gan-sample", "outputs/latest", "-n", "2").code == 0
    assert world.call("gan-train", "resume=outputs/latest", "train.steps=8").code == 0
    assert OUTSIDE not in (world.here / "outputs" / "a" / "status.json").read_text()


@pytest.mark.parametrize("flag", ["--experimental-rerun", "--experimental-rerun=x.pickle", "--exp", "--exp=x"])
def test_hydras_rerun_of_a_pickle_is_refused_also_in_short(world: World, flag):
    (world.here / "x.pickle").write_bytes(pickle.dumps(print))
    words = [flag] if "=" in flag else [flag, "x.pickle"]
    assert world.call("gan-train", *words).code == 2
