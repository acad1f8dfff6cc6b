"""Threads hold together no more than there is room for; and a chatty library is quiet while one is inside."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from gan_cli.data.threads import Quiet, Room


def test_threads_never_hold_more_than_the_room():
    room, held, most = Room(10), [], []

    def work(part: int) -> None:
        with room.take(part):
            held.append(part)
            most.append(sum(held))
            time.sleep(0.001)
            held.remove(part)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [1, 3, 6, 10, 2, 7] * 20))
    assert max(most) <= 10
    assert len({part for part in most if part > 7}) > 1, "they do hold some at once"
    assert room.free == 10


def test_a_part_larger_than_the_room_is_held_alone_and_an_error_gives_it_back():
    room = Room(10)
    with pytest.raises(KeyError), room.take(99):
        assert room.free == 0
        raise KeyError
    assert room.free == 10


def test_what_a_library_in_c_writes_is_dropped_until_the_last_thread_leaves(capfd):
    quiet = Quiet()
    with quiet:
        with quiet:
            os.write(2, b"inner")
        os.write(2, b"outer")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@pytest.mark.slow
def test_eight_threads_hold_no_more_than_the_greatest_image_does(tmp_path, apart):
    """One takes 64 million times 4 bytes; eight at once would take 2 GB, and a gigabyte if each thread kept some."""
    (tmp_path / "eight").mkdir()
    first = tmp_path / "eight" / "0.png"
    Image.fromarray(np.zeros((8000, 8000, 3), dtype=np.uint8)).save(first, compress_level=1)
    for i in range(1, 8):
        os.link(first, tmp_path / "eight" / f"{i}.png")
    (tmp_path / "one").mkdir()
    os.link(first, tmp_path / "one" / "0.png")
    code = "import gan_cli.data.decode\ngan_cli.data.decode.THREADS = 8\ngan_cli.data.Folder(path=argv[0]).load()"
    assert apart(code, "eight").growth < 1.5 * apart(code, "one").growth
