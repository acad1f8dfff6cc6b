"""A folder decoded once: later runs map its pixels, and nothing that happened in between gives them other ones."""

import json
import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from errno import ENODEV, ENOSPC
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gan_cli.data import Folder, Stream, aside, cache, decode, folder, progress, rows, tree
from gan_cli.errors import DataError


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Every folder counts as large, and so does what the disk has left."""
    monkeypatch.setattr(folder, "SMALL", 0)
    monkeypatch.setattr(cache, "SPARE", 0)


@pytest.fixture
def warned():
    """What torch warns of once in a process, it has: filters of warnings are one for all threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.frombuffer(bytes(1), dtype=torch.uint8)


@pytest.fixture
def decodes(monkeypatch):
    """The files that were decoded."""
    seen, read = [], decode.read_picture

    def noted(path, size, channels):
        seen.append(Path(path).name)
        return read(path, size, channels)

    monkeypatch.setattr(decode, "read_picture", noted)
    return seen


def noise(i, side=8):
    return Image.fromarray(np.random.default_rng(i).integers(0, 256, (side, side, 3), np.uint8))


@pytest.fixture
def photos(tmp_path):
    for i in range(10):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(i).save(path)
    return tmp_path / "photos"


def load(photos, **options):
    return Folder(**{"path": str(photos), "size": 8, "cache": str(photos.parent / "kept")} | options).load()


def kept(photos):
    (found,) = (photos.parent / "kept").glob("photos-*/pixels")
    return found


def same(found, photos, **options):
    """Whether these are what the files hold now."""
    held = load(photos, cache=None, **options)
    return torch.equal(found.x, held.x) and torch.equal(found.y, held.y)


def test_the_second_start_opens_no_image_and_finds_the_same(photos, decodes):
    first = load(photos)
    assert sorted(decodes) == sorted(f"{i}.png" for i in range(10))
    decodes.clear()
    second = load(photos)
    assert not decodes
    assert torch.equal(first.x, second.x) and torch.equal(first.y, second.y)
    assert same(second, photos)


def test_batches_and_the_fingerprint_are_those_of_the_same_pixels_in_memory(photos):
    first, second = (
        Stream(Folder(path=str(photos), size=8, flip=True, cache=place), 4, seed=3, held_out=2)
        for place in (str(photos.parent / "kept"), None)
    )
    assert first.fingerprint == second.fingerprint
    for _ in range(9):  # four epochs and a half
        assert torch.equal(next(first), next(second))
        assert torch.equal(first.labels, second.labels)
    assert torch.equal(first.held_out().x, second.held_out().x)
    assert torch.equal(first.peek(5, "grid"), second.peek(5, "grid"))


def added(photos):
    noise(77).save(photos / "a" / "new.png")


def removed(photos):
    (photos / "a" / "2.png").unlink()


def renamed(photos):
    (photos / "a" / "2.png").rename(photos / "a" / "1.png")


def overwritten(photos):
    """With as many bytes, and the time of the old file: as some tools copy."""
    path = photos / "a" / "2.png"
    before = path.stat()
    noise(77).save(path)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [added, removed, renamed, overwritten])
def test_a_file_more_less_or_another_is_seen(photos, decodes, change):
    load(photos)
    change(photos)
    decodes.clear()
    found = load(photos)
    assert decodes, "all are decoded anew"
    assert same(found, photos)
    decodes.clear()
    load(photos)
    assert not decodes, "and kept in place of the old ones"
    kept(photos)


@pytest.mark.parametrize("what", ["a file", "a folder"])
def test_a_link_that_comes_to_lead_to_others_of_the_same_size_and_times_is_seen(photos, decodes, monkeypatch, what):
    monkeypatch.setattr(tree, "WRAP", 1)  # all times are the same, as those of two copies may be
    for i in range(2):
        (photos.parent / f"{i}").mkdir()
        noise(70 + i).save(photos.parent / f"{i}" / "x.bmp")
    end = "" if what == "a folder" else "x.bmp"
    link = photos / "a" / ("linked" if what == "a folder" else "linked.bmp")
    link.symlink_to(photos.parent / "0" / end)
    load(photos)
    link.unlink()
    link.symlink_to(photos.parent / "1" / end)
    decodes.clear()
    assert same(load(photos), photos)
    assert decodes


def test_files_are_not_read_before_a_change_would_show_in_their_times(photos, monkeypatch):
    waited = []
    monkeypatch.setattr(folder, "TICK", 900.0)
    monkeypatch.setattr(folder.time, "sleep", waited.append)
    load(photos)
    assert waited == [pytest.approx(900, abs=60)], "they were written just now"
    load(photos)
    assert len(waited) == 1, "what is kept is not waited for"


@pytest.mark.parametrize("options", [{"size": 4}, {"channels": 1}, {"classes": ["b"]}])
def test_other_settings_have_a_cache_of_their_own(photos, decodes, options):
    load(photos)
    assert same(load(photos, **options), photos, **options)
    decodes.clear()
    load(photos)
    load(photos, **options)
    assert not decodes


@pytest.mark.parametrize("what", ["pillow", "ours"])
def test_another_decoder_decodes_anew(photos, decodes, monkeypatch, what):
    load(photos)
    decodes.clear()
    with monkeypatch.context() as other:
        if what == "pillow":
            other.setattr(decode.features, "version", lambda name: "14.0.0")
        else:
            other.setattr(decode, "REVISION", 2)
        load(photos)
    assert decodes
    decodes.clear()
    load(photos)
    assert not decodes, "two environments do not take away each other's"


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


def flipped(path):
    with path.open("r+b") as file:
        file.seek(cache.HEADER + 700)
        byte = file.read(1)[0]
        file.seek(cache.HEADER + 700)
        file.write(bytes([byte ^ 1]))


def header(path, **changes):
    with path.open("r+b") as file:
        about = json.loads(file.read(cache.HEADER).rstrip(b"\0")) | changes
        file.seek(0)
        file.write(json.dumps(about).encode().ljust(cache.HEADER, b"\0"))


def rubbish(path, data):
    with path.open("r+b") as file:
        file.write(data.ljust(cache.HEADER, b"\0"))


def replaced(path, make):
    path.unlink()
    make(path)


DAMAGE = {
    "cut": cut,
    "one bit": flipped,
    "empty": lambda path: os.truncate(path, 0),
    "zeros in front": lambda path: rubbish(path, b""),
    "lists in lists": lambda path: rubbish(path, b"[" * cache.HEADER),
    "no object": lambda path: rubbish(path, b"7"),
    "a digest of another kind": lambda path: header(path, sha256=7),
    "a wrong digest": lambda path: header(path, sha256="0" * 64),
    "a time of another kind": lambda path: header(path, written="now"),
    "a time beyond all": lambda path: header(path, written=10**30),
    "another shape": lambda path: header(path, shape=[10**9, 3, 8, 8]),
    "another key": lambda path: header(path, key="0" * 64),
    "a pipe": lambda path: replaced(path, os.mkfifo),
    "a link to nothing": lambda path: replaced(path, lambda path: path.symlink_to("nothing")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_made_anew(photos, decodes, damage):
    load(photos)
    DAMAGE[damage](kept(photos))
    decodes.clear()
    assert same(load(photos), photos)
    assert decodes
    decodes.clear()
    load(photos)
    assert not decodes


def test_a_cache_that_was_copied_is_read_once_and_taken(photos, decodes):
    load(photos)
    copied = kept(photos)
    os.utime(copied)  # a time of its own
    before = copied.stat().st_mtime_ns
    decodes.clear()
    found = load(photos)
    assert not decodes
    assert same(found, photos)
    assert copied.stat().st_mtime_ns < before, "from here on its time says again that it is whole"


def test_a_cache_of_another_user_is_read_as_a_whole(photos, decodes, monkeypatch):
    load(photos)
    file = kept(photos)
    written = file.stat().st_mtime_ns
    flipped(file)
    os.utime(file, ns=(written, written))
    monkeypatch.setattr(cache.os, "getuid", lambda: file.stat().st_uid + 1, raising=False)
    decodes.clear()
    assert same(load(photos), photos)
    assert decodes


def nothing_is_left(photos):
    return not list((photos.parent / "kept").glob("**/*")) or not (photos.parent / "kept").exists()


def test_a_full_disk_is_seen_before_anything_is_decoded_and_memory_takes_its_place(photos, monkeypatch, caplog):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: SimpleNamespace(free=0, total=10**12))
    assert same(load(photos), photos)
    assert "cannot be kept in" in caplog.text and "No space left on device; they are held in memory" in caplog.text
    assert nothing_is_left(photos)


@pytest.mark.parametrize(("total", "left"), [(10**6, 50_000), (10**12, 10**9)])
@pytest.mark.parametrize("enough", [True, False])
def test_a_disk_keeps_a_twentieth_free_or_what_is_enough(photos, monkeypatch, caplog, total, left, enough):
    free = cache.HEADER + 10 * 3 * 8 * 8 + left - (not enough)
    monkeypatch.setattr(cache, "SPARE", 10**9)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: SimpleNamespace(free=free, total=total))
    load(photos)
    assert ("held in memory" in caplog.text) != enough


def test_where_files_cannot_be_mapped_each_image_is_decoded_once_and_nothing_kept(photos, decodes, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise OSError(ENODEV, os.strerror(ENODEV))

    monkeypatch.setattr(cache.mmap, "mmap", refuse)
    found = load(photos)
    assert sorted(decodes) == sorted(f"{i}.png" for i in range(10))
    assert same(found, photos)
    assert "they are held in memory" in caplog.text
    assert nothing_is_left(photos)


def test_a_disk_that_becomes_full_leaves_nothing(photos, monkeypatch, caplog):
    def full(handle):
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    monkeypatch.setattr(cache.os, "fsync", full)
    assert same(load(photos), photos)
    assert "No space left on device; they are held in memory" in caplog.text
    assert nothing_is_left(photos)


def test_where_no_folder_can_be_made_memory_takes_its_place(photos, caplog):
    (photos.parent / "kept").write_text("a file")
    assert same(load(photos), photos)
    assert "cannot be kept in" in caplog.text


def test_bad_images_are_listed_and_nothing_is_kept(photos):
    (photos / "a" / "bad.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 of 11 images in .* cannot be read\n  'a/bad.png': not an image: empty"):
        load(photos)
    assert nothing_is_left(photos)


def test_what_ends_a_run_while_it_decodes_leaves_nothing(photos, monkeypatch):
    read = decode.read_picture

    def stopped(path, size, channels):
        if path.name == "5.png":
            raise KeyboardInterrupt
        return read(path, size, channels)

    monkeypatch.setattr(decode, "read_picture", stopped)
    with pytest.raises(KeyboardInterrupt):
        load(photos)
    assert nothing_is_left(photos)


def test_a_file_system_that_keeps_no_times_has_all_of_it_read_at_each_start(photos, decodes, monkeypatch):
    def refuse(path, ns):
        raise PermissionError

    monkeypatch.setattr(cache.os, "utime", refuse)
    load(photos)
    decodes.clear()
    found = load(photos)
    assert not decodes
    assert same(found, photos)


def test_of_two_at_once_one_decodes_and_the_other_takes_what_it_wrote(photos, decodes, monkeypatch, warned):
    read = decode.read_picture
    monkeypatch.setattr(decode, "read_picture", lambda *arguments: time.sleep(0.05) or read(*arguments))
    monkeypatch.setattr(aside, "PAUSE", 0.01)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(load, [photos, photos])
    assert len(decodes) == 10
    assert torch.equal(first.x, second.x)


def test_without_locks_two_at_once_both_decode_and_both_are_right(photos, decodes, monkeypatch, warned):
    monkeypatch.setattr(aside, "_lock", lambda *_: False)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(load, [photos, photos])
    assert same(first, photos) and same(second, photos) and same(load(photos), photos)


def test_what_a_killed_process_left_is_cleared(photos):
    load(photos)
    left = kept(photos).parent / f"{aside.ASIDE}killed"
    left.mkdir()
    (left / "pixels").write_bytes(bytes(9))
    added(photos)
    load(photos)
    assert [path.name for path in kept(photos).parent.iterdir()] == ["pixels"]


@pytest.mark.parametrize("days", [1, 3])
def test_without_locks_it_is_cleared_when_nobody_can_be_at_it_any_more(photos, monkeypatch, days):
    monkeypatch.setattr(aside, "_lock", lambda *_: False)
    load(photos)
    left = kept(photos).parent / f"{aside.ASIDE}killed"
    left.mkdir()
    (left / "pixels").write_bytes(bytes(9))
    then = time.time() - days * 86400
    for path, seconds in ((left / "pixels", then), (left, 0.0)):  # the folder itself is as old as its last new name
        os.utime(path, (seconds, seconds))
    added(photos)
    load(photos)
    assert left.exists() == (days == 1)


def test_pixels_in_use_stay_when_another_run_makes_the_cache_anew(photos):
    old = load(photos)
    before = old.x.clone()
    overwritten(photos)
    load(photos)
    assert torch.equal(old.x, before)


def test_a_small_folder_is_kept_nowhere_and_null_keeps_none(photos, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(photos.parent / "home"))
    load(photos, cache=None)
    monkeypatch.setattr(folder, "SMALL", 2**24)
    load(photos, cache="auto")
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]
    monkeypatch.setattr(folder, "SMALL", 0)
    load(photos, cache="auto")
    assert list(photos.parent.glob("home/gan-cli/photos-*/pixels"))


@pytest.mark.parametrize(("place", "others"), [("auto", 0), ("kept", 0o055)])
def test_the_default_place_is_closed_to_other_users_and_a_given_one_as_the_umask_says(
    photos, monkeypatch, place, others
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(photos.parent / "home"))
    before = os.umask(0o022)
    try:
        load(photos, cache=place if place == "auto" else str(photos.parent / place))
    finally:
        os.umask(before)
    made = photos.parent / ("home/gan-cli" if place == "auto" else place)
    assert {path.stat().st_mode & 0o077 for path in (made, *made.iterdir())} == {others}


@pytest.mark.parametrize(("given", "place"), [("/x", "/x/gan-cli"), ("relative", "/me/.cache/gan-cli"), ("", None)])
def test_the_default_place_is_that_of_the_system(monkeypatch, given, place):
    monkeypatch.setenv("HOME", "/me")
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert str(cache.default_place()) == (place or "/me/.cache/gan-cli")


@pytest.mark.parametrize("home", ["", "/", "~", "relative"])
def test_a_user_without_a_home_has_no_default_place(photos, monkeypatch, caplog, home):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    assert cache.default_place() is None
    assert same(load(photos, cache="auto"), photos)
    assert [record.message for record in caplog.records] == [
        "decoded images are held in memory: there is no home folder; dataset.cache=PATH keeps them"
    ]


def test_the_home_of_a_user_who_is_not_there_is_refused(photos):
    with pytest.raises(ValueError, match="cache must be a path, but '~nobodyhere/x' begins with a home"):
        load(photos, cache="~nobodyhere/x")
    with pytest.raises(DataError, match="'~nobodyhere/x' is not there"):
        load(Path("~nobodyhere/x"), cache=None)


@pytest.mark.parametrize("year", [1901, 2300])
def test_a_file_may_be_of_any_year(photos, decodes, year):
    seconds = (year - 1970) * 31556952
    os.utime(photos / "a" / "2.png", (seconds, seconds))
    load(photos)
    decodes.clear()
    load(photos)
    assert not decodes


def test_letting_go_of_mapped_pixels_changes_no_batch(photos, monkeypatch):
    monkeypatch.setattr(rows, "MAPPED", 0)
    monkeypatch.setattr(rows, "TAKEN", 3)
    first, second = (
        Stream(Folder(path=str(photos), size=8, cache=place), 4, seed=3)
        for place in (str(photos.parent / "kept"), None)
    )
    assert all(torch.equal(next(first), next(second)) for _ in range(9))


@pytest.mark.parametrize("terminal", [False, True])
def test_what_takes_long_says_how_far_it_is(monkeypatch, caplog, capsys, terminal):
    monkeypatch.setattr(progress, "FIRST", 0.0)
    monkeypatch.setattr(progress, "LINE", 0.0)
    monkeypatch.setattr(progress, "BAR", 0.0)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR" if terminal else "NO_COLOR", "1")
    blocks = [np.zeros((1000, 1))] * 3
    assert [len(block) for block in progress.watched(iter(blocks), 3000, "images decoded")] == [1000] * 3
    shown = [record.message for record in caplog.records]
    assert shown == ([] if terminal else [f"images decoded: {n},000 of 3,000" for n in (1, 2, 3)])
    assert ("2000/3000" in capsys.readouterr().err) == terminal


def test_what_is_quick_says_nothing(caplog, capsys):
    assert len(list(progress.watched(iter([np.zeros((5, 1))] * 3), 15, "images decoded"))) == 3
    assert not caplog.records and not capsys.readouterr().err


@pytest.mark.slow
def test_neither_decoding_nor_training_holds_more_of_a_larger_folder(tmp_path, apart):
    """MB beside the imports, of 6,000 and of 24,000 images of 12 KB: 74 and 295 MB of pixels."""
    code = (
        "import gan_cli.data.folder, gan_cli.data.rows\n"
        "gan_cli.data.folder.SMALL, gan_cli.data.rows.MAPPED, gan_cli.data.rows.TAKEN = 0, 0, 64\n"
        "stream = gan_cli.data.Stream(gan_cli.data.Folder(path=argv[0], cache=argv[1]), 64, 0)\n"
        "for _ in range(400): next(stream)"
    )
    growth = []
    for n in (6_000, 24_000):
        (tmp_path / str(n)).mkdir()
        noise(0, side=64).save(tmp_path / "one.png", compress_level=1)
        for i in range(n):
            os.link(tmp_path / "one.png", tmp_path / str(n) / f"{i}.png")
        growth.append([apart(code, str(n), "kept").growth for _ in ("decoding", "mapping")])
    assert max(map(max, growth)) < 120, growth
    assert max(growth[1]) < 1.5 * max(growth[0]) + 20, growth
