"""Disks that are full, gone or refuse: a clean error, no good checkpoint lost, and the run goes on later."""

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults_process.conftest import RUN, is_clean, with_
from faults_process.disk import Disk

from gan_cli import checkpoint, loop
from gan_cli.cli import job

FULL = os.strerror(errno.ENOSPC)
OLDER = 5  # committed before the third checkpoint, of step 10, is written


def checkpoints() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in checkpoint.available(Path("run/checkpoints"))}


def fails(gan_train, *command: str, words: str) -> str:
    """The command ends with exit code 5 and a message that a user should see; returns that."""
    code, _, err = gan_train(*command)
    assert code == 5
    assert is_clean(err), err
    assert words in " ".join(err.split()), "the first line, which a long path breaks"
    return err


MOMENTS = {  # of the run: what fails, where, the how manyeth
    "checkpoint, first bytes": ("write", "run/checkpoints/.tmp-10-*", 1, 0.0),
    "checkpoint, in the middle": ("write", "run/checkpoints/.tmp-10-*", 1, 0.5),
    "checkpoint, last bytes": ("write", "run/checkpoints/.tmp-10-*", 1, 0.999),
    "checkpoint, sync": ("sync", "run/checkpoints/.tmp-10-*", 1, 0.0),
    "checkpoint, rename": ("rename", "run/checkpoints/step-000000010-*", 1, 0.0),
    "metrics": ("write", "run/metrics.jsonl", 3, 0.5),
    "metrics, sync": ("sync", "run/metrics.jsonl", 3, 0.0),
    "timing": ("write", "run/timing.jsonl", 3, 0.5),
    "events": ("write", "run/events.out.*", 11, 0.5),
    "events, sync": ("sync", "run/events.out.*", 3, 0.0),
    "picture": ("write", "run/samples/.tmp-step-000000008*", 1, 0.5),
    "picture, rename": ("rename", "run/samples/step-000000008.png", 1, 0.0),
    "status": ("write", "run/.tmp-status.json-*", 3, 0.5),
    "generator": ("write", "run/generator/.tmp-raw", 1, 0.5),
    "generator's description": ("write", "run/generator/.tmp-generator.json-*", 2, 0.5),
    "last status": ("write", "run/.tmp-status.json-*", 7, 0.5),
}


QUICK = ("checkpoint, in the middle", "metrics", "generator")


def most_are_slow(moments):
    return [moment if moment in QUICK else pytest.param(moment, marks=pytest.mark.slow) for moment in moments]


@pytest.mark.parametrize("moment", most_are_slow(MOMENTS))
def test_a_disk_that_is_full_at_any_moment_loses_nothing(gan_train, nothing_is_lost, monkeypatch, tmp_path, moment):
    what, where, nth, share = MOMENTS[moment]
    with monkeypatch.context() as patch:
        disk = Disk(patch, tmp_path, what, where, nth, share)
        err = fails(gan_train, *RUN, words=FULL)
    assert disk.failed, "the moment came"
    held = checkpoints()
    newest = max(int(name.split("-")[1]) for name in held)
    assert err.endswith(f"the last checkpoint is of step {newest}; go on with:\n  gan-train resume=run\n")
    assert newest >= OLDER
    for path in checkpoint.available(Path("run/checkpoints")):
        checkpoint.load(path)
    with monkeypatch.context() as patch:  # still no room
        Disk(patch, tmp_path, "write", "run/*", 1)
        code, _, err = gan_train("resume=run")
        assert (code, is_clean(err), FULL in err) == (5, True, True), err
    assert checkpoints() == held
    nothing_is_lost()


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        pytest.param("checkpoint, sync", errno.EIO, marks=pytest.mark.slow),
        ("checkpoint, rename", errno.EXDEV),
        pytest.param("checkpoint, rename", errno.EROFS, marks=pytest.mark.slow),
        pytest.param("checkpoint, sync", errno.EDQUOT, marks=pytest.mark.slow),
        pytest.param("metrics, sync", errno.EIO, marks=pytest.mark.slow),
        pytest.param("events, sync", errno.EDQUOT, marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_refuses_once_surfaces_and_the_older_checkpoint_is_whole(
    gan_train, nothing_is_lost, monkeypatch, tmp_path, moment, error
):
    what, where, nth, _ = MOMENTS[moment]
    with monkeypatch.context() as patch:
        Disk(patch, tmp_path, what, where, nth, error=error, stays=False)
        fails(gan_train, *RUN, words=os.strerror(error))
    assert [int(name.split("-")[1]) for name in checkpoints()] == [5, 0]
    assert json.loads(Path("run/status.json").read_text())["status"] == "failed", "this one could be written"
    nothing_is_lost()


@pytest.mark.slow
def test_an_old_checkpoint_that_cannot_be_removed_is_named(gan_train, nothing_is_lost, monkeypatch):
    really = Path.unlink

    def unlink(self, missing_ok=False):
        if self.name.startswith("step-000000000-"):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(self))
        really(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        fails(gan_train, *with_("train.keep=1"), words="an older checkpoint cannot be removed: Operation not permitted")
    assert len(checkpoints()) == 2


@pytest.mark.parametrize(
    "where",
    [
        "run/.tmp-config.yaml*",
        pytest.param("run/samples/.tmp-real*", marks=pytest.mark.slow),
        pytest.param("run/.tmp-run.json*", marks=pytest.mark.slow),
        pytest.param("run/generator/*", marks=pytest.mark.slow),
        pytest.param("run/events*", marks=pytest.mark.slow),
        pytest.param("run/checkpoints/*", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_before_the_first_checkpoint_leaves_what_can_begin(gan_train, monkeypatch, tmp_path, where):
    with monkeypatch.context() as patch:
        Disk(patch, tmp_path, "write", where)
        fails(gan_train, *RUN, words=FULL)
    begun = Path("run/config.yaml").exists()
    code, _, err = gan_train(*(["resume=run"] if begun else RUN))
    assert code == 0, err
    assert not [*Path("run").rglob(".tmp-*")]


def test_a_limit_on_file_sizes_is_told_from_a_full_disk(gan_train, nothing_is_lost, monkeypatch):
    """Python ignores the signal of RLIMIT_FSIZE, so that the write itself fails, after some of it was done."""
    really = checkpoint.save
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def save(directory, step, state, *args):
        if step == 10:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
        return really(directory, step, state, *args)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "save", save)
            fails(gan_train, *RUN, words="File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    nothing_is_lost()


def test_less_room_than_two_checkpoints_is_refused_before_step_1(gan_train, monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    err = fails(gan_train, *RUN, words="1.0 MB are free; nothing was overwritten")
    assert "needs" in err.splitlines()[0]
    assert [*Path().iterdir()] == []


@pytest.mark.slow
def test_room_that_is_gone_at_a_checkpoint_is_seen_before_a_byte_is_written(gan_train, nothing_is_lost, monkeypatch):
    really = checkpoint.save

    def save(directory, step, *args):
        if step == 10:
            usage = shutil.disk_usage(directory)._replace(free=1000)
            patch.setattr(shutil, "disk_usage", lambda _: usage)
        return really(directory, step, *args)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        fails(gan_train, *RUN, words="the checkpoint of step 10 needs")
    nothing_is_lost()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of three megabytes at `tmp_path/outputs`."""
    place = tmp_path / "outputs"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, timeout=60)
    except OSError:
        done = None
    if done is None or done.returncode:
        pytest.skip("file systems may not be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True, timeout=60)


@pytest.mark.parametrize("left", [700, *(pytest.param(left, marks=pytest.mark.slow) for left in (0, 5000, 200_000))])
def test_a_file_system_that_is_full_for_a_while(gan_train, whole, monkeypatch, small_disk, left):
    """A real one: somebody else fills it in step 7 but for some bytes, and frees it."""
    from faults.same import facts

    filler, really = small_disk / "filler", loop.turn

    def turn(run):
        if run.step == 7 and not filler.exists():
            with filler.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    file.truncate(max(0, file.tell() - left))
        return really(run)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "turn", turn)
        code, _, err = gan_train(*with_("hydra.run.dir=outputs/run"))
    assert code == 5
    assert is_clean(err), err
    assert err.endswith("the last checkpoint is of step 5; go on with:\n  gan-train resume=outputs/run\n")
    filler.unlink()
    assert gan_train("resume=outputs/run")[0] == 0
    found = facts(Path("outputs/run"))
    assert {k for k in found if found[k] != whole.get(k)} <= {"config.yaml", "run command", "run overrides"}


def test_a_file_system_that_cannot_be_written(gan_train, tmp_path, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=60)
    fails(gan_train, *with_("hydra.run.dir=outputs/run"), words="Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True, timeout=60)
    assert [*small_disk.iterdir()] == []


def test_places_where_no_run_can_be_are_refused_before_data_are_read(gan_train, monkeypatch):
    monkeypatch.setattr(job, "build", lambda *_, **__: pytest.fail("it began to build"))
    Path("file").touch()
    Path("dangling").symlink_to("nowhere")
    for place, words in (
        ("file/run", "Not a directory"),
        ("file", "file: is a file, no directory"),
        ("dangling/run", "dangling: is a link to nowhere, where nothing is"),
        ("x" * 300, "File name too long"),
        ("/proc/run", "/proc/run: No such file or directory"),
    ):
        code, _, err = gan_train(*with_(f"hydra.run.dir={place}"))
        assert (code, is_clean(err)) == (5, True), err
        assert words in err.splitlines()[0]
        assert "hydra.run.dir=" in err
    assert sorted(path.name for path in Path().iterdir()) == ["dangling", "file"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_directory_without_permission(gan_train):
    Path("outputs").mkdir(mode=0o555)
    fails(gan_train, *with_("hydra.run.dir=outputs/run"), words="Permission denied")


@pytest.mark.parametrize(
    "how", ["renamed", *(pytest.param(how, marks=pytest.mark.slow) for how in ("removed", "replaced"))]
)
def test_a_run_directory_that_goes_away_in_mid_run_ends_the_run(gan_train, whole, monkeypatch, how):
    from faults.same import facts

    really = loop.turn

    def turn(run):
        if run.step == 7:
            if how == "removed":
                shutil.rmtree("run")
            else:
                os.rename("run", "moved")
            if how == "replaced":
                shutil.copytree("moved", "run")
        return really(run)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "turn", turn)
        fails(gan_train, *RUN, words="was replaced" if how == "replaced" else "No such file or directory")
    if how == "removed":
        assert not Path("run").exists(), "nothing is made anew behind the user's back"
        return
    place = "moved" if how == "renamed" else "run"
    assert gan_train(f"resume={place}")[0] == 0
    assert facts(Path(place)) == whole


def test_a_working_directory_that_is_gone(tmp_path):
    code = "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); sys.argv = ['gan-train']; "
    code += "from gan_cli.cli.entry import train; train()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, is_clean(done.stderr)) == (5, True), done.stderr
