"""Odd and hostile files in a folder of images: each is named for what it is, in one list, in bounded memory."""

import functools
import inspect
import io
import os
import socket
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_cli.data import Folder, picture
from gan_cli.errors import DataError

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))


def encoded(kind: str, image: Image.Image = NOISE, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def flipped(data: bytes, where: int) -> bytes:
    return data[:where] + bytes([data[where] ^ 4]) + data[where + 1 :]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*beside: bytes, width: int = 8, height: int = 8, pixels: bytes = b"") -> bytes:
    """Grey; black without pixels. `beside`: chunks before the pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = pixels or zlib.compress(bytes(9 * 8))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(beside) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@functools.cache
def zeros(length: int) -> bytes:
    """So many bytes of nothing, packed a thousandfold."""
    packer = zlib.compressobj(6)
    parts = [packer.compress(bytes(min(2**20, length - start))) for start in range(0, length, 2**20)]
    return b"".join([*parts, packer.flush()])


def tiff(tags: dict[int, tuple[int, int, int]], data: bytes = b"", big: bool = False) -> bytes:
    """Tags as (type, count, value or offset); `data` follows the directory, at 1024."""
    if big:
        entries = b"".join(struct.pack("<HHQQ", tag, *entry) for tag, entry in sorted(tags.items()))
        directory = b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, len(tags)) + entries + bytes(8)
    else:
        entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
        directory = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    return directory.ljust(1024, b"\0") + data


def grey_tiff(width: int, height: int, compression: int = 1, **_: object) -> dict[int, tuple[int, int, int]]:
    sides = {256: (4, 1, width), 257: (4, 1, height)}
    return sides | {258: (3, 1, 8), 259: (3, 1, compression), 262: (3, 1, 1), 277: (3, 1, 1)}


def strips(height: int, count: int, at: int, length: int) -> dict[int, tuple[int, int, int]]:
    return {273: (4, count, at), 278: (4, 1, height), 279: (4, count, length)}


def tiles(side: int, length: int) -> dict[int, tuple[int, int, int]]:
    return {322: (4, 1, side), 323: (4, 1, side), 324: (4, 1, 1024), 325: (4, 1, length)}


def lying_bmp(width: int, height: int) -> bytes:
    good = encoded("BMP")
    return good[:18] + struct.pack("<ii", width, height) + good[26:]


def lying_jpeg(width: int, height: int) -> bytes:
    good = encoded("JPEG")
    at = good.index(b"\xff\xc0") + 5
    return good[:at] + struct.pack(">HH", height, width) + good[at + 4 :]


def lying_webp() -> bytes:
    """A canvas of 16384 x 16384 around an image of 40 x 40."""
    good = encoded("WEBP", save_all=True, append_images=[NOISE.rotate(90)])
    return good[:24] + b"\xff\x3f\x00" * 2 + good[30:]


def many_scans() -> bytes:
    """A progressive JPEG whose last scan comes two thousand times."""
    good = encoded("JPEG", progressive=True)
    last = good.rindex(b"\xff\xda")
    return good[:last] + good[last:-2] * 2000 + good[-2:]


TEXT_BOMB = b"Comment\0\0" + zeros(2**25)
UNICODE_BOMB = b"Comment\0\1\0\0\0" + zeros(2**25)
PNG, JPEG, WEBP, GIF, BMP = (encoded(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"))
TIFF = encoded("TIFF", compression="tiff_deflate")

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    # no image at all
    "nothing.png": (lambda: b"", "not an image: empty"),
    "blank.jpg": (lambda: bytes(100), "not an image: nothing known"),
    "words.png": (lambda: b"just some words\n", "not an image: text"),
    "words.bmp": (lambda: "schöne Wörter".encode(), "not an image: text"),
    "drawing.png": (lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "page.jpg": (lambda: b"\n<!DOCTYPE html><html>404</html>", "not an image: a web page"),
    "paper.png": (lambda: b"%PDF-1.7\n", "not an image: a PDF"),
    "script.png": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image: PostScript"),
    "icon.png": (lambda: encoded("ICO"), "not an image: an icon"),
    "archive.png": (lambda: b"PK\3\4" + bytes(30), "not an image: a zip archive"),
    "packed.tif": (lambda: b"\x1f\x8b\x08" + bytes(30), "not an image: a gzip archive"),
    "program.gif": (lambda: b"\x7fELF" + bytes(60), "not an image: a program"),
    "phone.jpg": (lambda: b"\0\0\0\x18ftypheic" + bytes(60), "not an image: a HEIC image"),
    "new.jpg": (lambda: b"\0\0\0\x18ftypavif" + bytes(60), "not an image: an AVIF image"),
    "film.webp": (lambda: b"\0\0\0\x18ftypisom" + bytes(60), "not an image: a film"),
    "layers.tif": (lambda: b"8BPS\0\1" + bytes(60), "not an image: a Photoshop document"),
    "start.png": (lambda: PNG[:8], "cut: it ends in the middle"),
    # damaged
    "cut-header.png": (lambda: PNG[:30], "cut: it ends in the middle"),
    "cut-half.png": (lambda: PNG[: len(PNG) // 2], "cut: it ends in the middle"),
    "cut-end.png": (lambda: PNG[:-1], "cut: it ends in the middle"),
    "cut.jpg": (lambda: JPEG[:-30], "truncated"),
    "cut-header.jpg": (lambda: JPEG[:100], "not an image|Truncated|cut"),
    "cut.webp": (lambda: WEBP[:-30], "not an image|could not create|failed to read"),
    "cut.gif": (lambda: GIF[:-30], "truncated"),
    "cut.bmp": (lambda: BMP[:-30], "truncated"),
    "cut.tif": (lambda: TIFF[: len(TIFF) // 2], "cut|truncated|not an image|-?[0-9]"),
    "flipped-pixels.png": (lambda: flipped(PNG, len(PNG) // 2), "the checksum of its chunk b'IDAT' is wrong"),
    "flipped-header.png": (lambda: flipped(PNG, 19), "the checksum of its chunk b'IHDR' is wrong"),
    "flipped.tif": (lambda: flipped(TIFF, 100), "decoder error|not an image"),
    # headers that lie, and little that becomes much
    "60000.png": (lambda: png(width=60000, height=60000), "far more than 64 million pixels"),
    "9000.png": (lambda: png(width=9000, height=9000, pixels=zeros(9001 * 9000)), "9000 x 9000 pixels"),
    "65500.jpg": (lambda: lying_jpeg(65500, 65500), "far more than 64 million pixels"),
    "9000.bmp": (lambda: lying_bmp(9000, 9000), "9000 x 9000 pixels"),
    "30000.gif": (lambda: GIF[:6] + struct.pack("<HH", 30000, 30000) + GIF[10:], "far more than 64 million"),
    "16384.webp": (lying_webp, "far more than 64 million pixels"),
    "60000.tif": (lambda: tiff(grey_tiff(60000, 60000) | strips(60000, 1, 1024, 99)), "far more than 64 million"),
    "text.png": (lambda: png(chunk(b"zTXt", TEXT_BOMB)), "Decompressed data too large"),
    "unicode.png": (lambda: png(chunk(b"iTXt", UNICODE_BOMB)), "Decompressed data too large"),
    "texts.png": (lambda: png(*[chunk(b"zTXt", b"k%d\0\0" % i + zeros(2**20)) for i in range(60)]), "Too much memory"),
    "profile.png": (lambda: png(chunk(b"iCCP", b"bomb\0\0" + zeros(2**25))), "Decompressed data too large"),
    "beside.png": (lambda: png(chunk(b"prVt", bytes(2**24 + 1))), "16 MB beside its pixels"),
    "length.png": (lambda: PNG[:33] + b"\xff\xff\xff\xf0tEXt" + PNG[33:], "4095 MB beside its pixels"),
    "scans.jpg": (many_scans, "2009 scans; 100 at most"),
    "tags.tif": (
        lambda: tiff(grey_tiff(8, 8) | strips(8, 10**6, 1024, 64), bytes(4 * 10**6)),
        "1000000 values in its tag",
    ),
    "tag.tif": (
        lambda: tiff(grey_tiff(8, 8) | strips(8, 1, 1024, 64) | {33432: (5, 2**31, 1024)}),
        "values in its tag",
    ),
    "big.tif": (lambda: tiff(grey_tiff(8, 8) | strips(8, 2**40, 1024, 64), big=True), "values in its tag 273"),
    "tile.tif": (
        lambda: tiff(grey_tiff(8, 8, 8) | tiles(16000, len(zeros(2**28))), zeros(2**28)),
        "tiles of 256000000 pixels",
    ),
    "entries.tif": (lambda: b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(12 * 65535), "65535 entries"),
    "samples.tif": (
        lambda: tiff(grey_tiff(8, 8) | strips(8, 1, 1024, 64) | {277: (3, 1, 60)}),
        "not an image: its header is damaged",
    ),
    "nowhere.tif": (lambda: b"II+\0" + struct.pack("<HHQ", 8, 0, 2**63), "its directory is nowhere"),
    "float.tif": (lambda: encoded("TIFF", Image.new("F", (8, 8), 0.5)), "no known range"),
    # names
    "new\nline.png": (lambda: b"", r"'new\\nline.png'"),
    "l" * 251 + ".png": (lambda: b"", r"'lll.*\.\.\.l"),
    os.fsdecode(b"not\xff utf-8.png"): (lambda: b"", r"'not\\udcff utf-8.png'"),
    "\x1b[31mred\x1b[0m.png": (lambda: b"", r"'\\x1b\[31mred\\x1b\[0m.png'"),
    "[bold red]markup[reset].png": (lambda: b"", r"'\[bold red\]markup\[reset\].png'"),
    "\u202egnp.exe.png": (lambda: b"", r"'\\u202egnp.exe.png'"),
}


def nodes(folder: Path) -> dict[str, str]:
    """Make what is no file, and say why each is refused."""
    folder.mkdir(exist_ok=True)
    os.mkfifo(folder / "pipe.png")
    (folder / "endless.png").symlink_to("/dev/zero")
    (folder / "terminal.png").symlink_to("/dev/tty")
    (folder / "dangling.png").symlink_to(folder / "nothing")
    (folder / "loop.png").symlink_to("loop.png")
    here = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/socket.png")  # a whole path may be too long for a socket
    os.close(here)
    return {
        "pipe.png": "not a file but a pipe",
        "endless.png": "not a file but a device",
        "terminal.png": "not a file but a device",
        "dangling.png": "a link to nothing",
        "loop.png": "Too many levels of symbolic links",
        "socket.png": "not a file but a socket",
    }


def write(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[1:30])
def test_a_file_that_is_no_sound_image_is_called_what_it_is(tmp_path, name, capfd):
    make, says = REFUSED[name]
    with pytest.raises(DataError, match=says) as caught:
        Folder(path=str(write(tmp_path / "odd", name, make())), size=8).load()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 100
    assert str(caught.value).replace("\n", "").isprintable()
    assert capfd.readouterr() == ("", "")  # libtiff has its own opinion, line after line


def test_what_is_no_file_is_neither_waited_for_nor_read(tmp_path):
    whys = nodes(tmp_path)
    with pytest.raises(DataError) as caught:
        Folder(path=str(tmp_path), size=8).load()
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("6 of 6 images")
    for name, why in whys.items():
        assert [line for line in lines if f"'{name}': " in line and line.endswith(why)], name


def test_a_file_that_turns_into_a_pipe_after_it_was_looked_at_is_not_waited_for(tmp_path, monkeypatch):
    folder = write(tmp_path / "odd", "x.png", PNG)
    data = Folder(path=str(folder), size=8)
    looked = picture._check_regular

    def swap(found: os.stat_result) -> None:
        looked(found)
        (folder / "x.png").unlink()
        os.mkfifo(folder / "x.png")
        monkeypatch.setattr(picture, "_check_regular", looked)

    monkeypatch.setattr(picture, "_check_regular", swap)
    with pytest.raises(DataError, match=r"'x.png': not a file but a pipe"):
        data.load()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_and_a_folder_that_may_not_be_read_are_named(tmp_path):
    write(tmp_path / "odd", "mine.png", PNG)
    write(tmp_path / "odd", "secret.png", PNG)
    (tmp_path / "odd" / "secret.png").chmod(0)
    with pytest.raises(DataError, match=r"1 of 2 images .*\n  'secret.png': Permission denied"):
        Folder(path=str(tmp_path / "odd")).load()
    closed = tmp_path / "odd" / "closed"
    closed.mkdir(mode=0)
    with pytest.raises(DataError, match=r"closed' cannot be listed: Permission denied"):
        Folder(path=str(tmp_path / "odd"))


def test_a_file_of_many_gigabytes_is_refused_unread(tmp_path):
    folder = write(tmp_path / "odd", "x.png", PNG)
    os.truncate(folder / "x.png", 2**40)  # takes no room on the disk
    with pytest.raises(DataError, match=r"'x.png': 1048576 MB; 512 at most"):
        Folder(path=str(folder)).load()


def test_folders_deeper_than_the_stack_and_mazes_of_links_have_an_end(tmp_path):
    deep = tmp_path.joinpath(*["d"] * 200)
    deep.mkdir(parents=True)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        with pytest.raises(DataError, match=r"no image in .*\nfound: nothing"):
            Folder(path=str(tmp_path))
    finally:
        sys.setrecursionlimit(limit)
    for i in range(30):
        (tmp_path / "maze" / str(i)).mkdir(parents=True)
        for name in ("left", "right"):
            (tmp_path / "maze" / str(i) / name).symlink_to(tmp_path / "maze" / str(i + 1))
    with pytest.raises(DataError, match="links lead here and elsewhere over 1000 times") as caught:
        Folder(path=str(tmp_path / "maze"))
    assert max(map(len, str(caught.value).splitlines())) <= 100


def test_what_lies_in_a_folder_without_images_is_counted_in_one_line(tmp_path):
    for i, suffix in enumerate([".\x1b[2J", ".a\nb", "." + "x" * 200, ".txt", ".txt", ""]):
        (tmp_path / f"{i}{suffix}").touch()
    with pytest.raises(DataError) as caught:
        Folder(path=str(tmp_path))
    found = str(caught.value).splitlines()[1]
    assert found.startswith("found: 2 .txt, 1 ") and "1 without a suffix" in found
    assert found.isprintable() and len(found) <= 100


# One list, of bounded memory


def turned(orientation: int) -> bytes:
    """Blue above red when it is shown upright; stored as a camera held otherwise stores it."""
    image = Image.new("RGB", (8, 8), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 8, 4))
    how = Image.Transpose
    undo = (
        None,
        how.FLIP_LEFT_RIGHT,
        how.ROTATE_180,
        how.FLIP_TOP_BOTTOM,
        how.TRANSPOSE,
        how.ROTATE_90,
        how.TRANSVERSE,
    )
    method = (*undo, how.ROTATE_270)[orientation - 1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded("PNG", image if method is None else image.transpose(method), exif=exif)


def frames(kind: str, count: int) -> bytes:
    rest = [Image.new("L", (8, 8), i % 250 + 1) for i in range(1, count)]
    return encoded(kind, Image.new("L", (8, 8), 0), save_all=True, append_images=rest)


ACCEPTED: dict[str, Callable[[], bytes]] = {
    "one.png": lambda: encoded("PNG", Image.new("L", (1, 1))),
    "wide.png": lambda: encoded("PNG", Image.new("L", (10000, 1))),
    "tall.jpg": lambda: encoded("JPEG", Image.new("L", (1, 10000))),
    "bits.png": lambda: encoded("PNG", Image.new("1", (8, 8))),
    "inks.jpg": lambda: encoded("JPEG", Image.new("CMYK", (8, 8), (0, 0, 0, 255))),
    "inks.tif": lambda: encoded("TIFF", Image.new("CMYK", (8, 8), (0, 0, 0, 255)), compression="tiff_lzw"),
    "palette.gif": lambda: encoded("GIF", Image.new("P", (8, 8))),
    "deep.png": lambda: encoded("PNG", Image.fromarray(np.full((8, 8), 128, dtype=np.uint16))),
    "deep-big-endian.tif": lambda: encoded("TIFF", Image.frombytes("I;16B", (8, 8), b"\0\x80" * 64)),
    "whole.tif": lambda: encoded("TIFF", Image.new("I", (8, 8), 128)),
    "alpha.png": lambda: encoded("PNG", Image.new("LA", (8, 8), (0, 255))),
    "alpha.webp": lambda: encoded("WEBP", Image.new("RGBA", (8, 8), (0, 0, 0, 255)), lossless=True),
    "really-a.jpeg": lambda: png(),
    "garbage-after.png": lambda: png() + bytes(1000),
    "frames.gif": lambda: frames("GIF", 2000),
    "frames.png": lambda: frames("PNG", 2000),
    "frames.webp": lambda: frames("WEBP", 200),
    "pages.tif": lambda: frames("TIFF", 200),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_odd_image_that_is_sound_is_taken_and_black_stays_black(tmp_path, name, capfd):
    x, _ = Folder(path=str(write(tmp_path / "odd", name, ACCEPTED[name]())), size=8).load()
    assert x.shape == (1, 3, 8, 8)
    assert int(x.max()) == 0
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_a_camera_is_turned_upright(tmp_path, orientation):
    x, _ = Folder(path=str(write(tmp_path / "odd", "x.png", turned(orientation))), size=8).load()
    top, bottom = x[0, :, :4].flatten(1), x[0, :, 4:].flatten(1)
    assert top.unique(dim=1).T.tolist() == [[0, 0, 255]]
    assert bottom.unique(dim=1).T.tolist() == [[255, 0, 0]]


def test_a_folder_of_all_of_them_gives_one_list_in_bounded_memory(tmp_path, apart):
    folder = tmp_path / "odd"
    for name, (make, _) in REFUSED.items():
        write(folder, name, make())
    for name, make in ACCEPTED.items():
        write(folder, name, make())
    (folder / "folder.png").mkdir()
    bad = len(REFUSED) + len(nodes(folder))
    message, stderr, growth = apart("gan_cli.data.Folder(path=argv[0], size=8).load()", str(folder))
    lines = message.splitlines()
    assert lines[0].startswith(f"{bad} of {bad + len(ACCEPTED)} images in ")
    assert len(lines) <= 24
    assert lines[-2] == f"  and {bad - 20} more"
    assert max(map(len, lines)) <= 100
    assert stderr == ""
    assert growth < 100
