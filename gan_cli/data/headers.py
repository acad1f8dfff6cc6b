"""What an image file says of itself, checked before a decoder believes it.

A decoder trusts its file: it makes the lists, texts and buffers whose lengths the file gives, and some kilobytes can
ask for gigabytes or for hours. It also passes over checksums. Each check here reads the file once, in bounded memory.
"""

import re
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

MAX_BESIDE = 2**24  # bytes of a PNG beside its pixels: texts, profiles, thumbnails
MAX_SCANS = 100  # of a JPEG: encoders make ten, and each passes over the whole image
MAX_ENTRIES = 4096  # of a TIFF directory
MAX_VALUES = 2**16  # of one TIFF tag: strips of one row, tiles of 32 x 32
COLOUR_MAP = 320  # three values for each of 65536 colours
TILE_SIDES = (322, 323)
MAX_TILE = 2**22  # pixels of a TIFF tile, which is unpacked whole, however small the image
PART = 2**20  # bytes read at a time


def check_header(file: BinaryIO) -> None:
    """Look through a PNG, JPEG or TIFF from its start; leave `file` there. Others pass.

    Raises:
        ValueError: a header that no honest file has, or a checksum that is wrong.
        EOFError: a file that is cut.
    """
    start = file.read(8)
    file.seek(0)
    for magic, check in CHECKS.items():
        if start.startswith(magic):
            check(file)
            file.seek(0)


def _png(file: BinaryIO) -> None:
    """The checksum of every chunk to the last: Pillow does not compare those of the pixels."""
    file.seek(8)
    beside, kind = 0, b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", _read(file, 8))
        if kind not in (b"IDAT", b"fdAT"):
            beside += length
        if beside > MAX_BESIDE:
            raise ValueError(f"{beside >> 20} MB beside its pixels; {MAX_BESIDE >> 20} at most")
        checksum = zlib.crc32(kind)
        while length:
            part = _read(file, min(length, PART))
            checksum, length = zlib.crc32(part, checksum), length - len(part)
        if struct.pack(">I", checksum) != _read(file, 4):
            raise ValueError(f"damaged: the checksum of its chunk {kind!r} is wrong")


def _jpeg(file: BinaryIO) -> None:
    """The number of scans."""
    marker = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # that is no part of a scan
    data, at, scans = file.read(), 2, 0
    while found := marker.search(data, at):
        kind, at = found[0][1], found.end()
        if kind == 0xD9 or len(data) < at + 2:
            break
        scans += kind == 0xDA
        at += int.from_bytes(data[at : at + 2], "big")  # over the segment; after a scan's, to the next marker
    if scans > MAX_SCANS:
        raise ValueError(f"{scans} scans; {MAX_SCANS} at most")


def _tiff(file: BinaryIO) -> None:
    """The lengths in the first directory, and the sides of a tile."""
    start = _read(file, 8)
    order = "<" if start[:2] == b"II" else ">"
    big = struct.unpack(order + "H", start[2:4])[0] == 43
    (offset,) = struct.unpack(order + "Q", _read(file, 8)) if big else struct.unpack(order + "I", start[4:])
    if offset >= 2**63:
        raise ValueError("damaged: its directory is nowhere")
    file.seek(offset)
    (entries,) = struct.unpack(order + ("Q" if big else "H"), _read(file, 8 if big else 2))
    if entries > MAX_ENTRIES:
        raise ValueError(f"{entries} entries in its directory; {MAX_ENTRIES} at most")
    tile = 1
    for _ in range(entries):
        tag, kind, count, value = struct.unpack(order + ("HHQ8s" if big else "HHI4s"), _read(file, 20 if big else 12))
        numbers = kind not in (1, 2, 6, 7)  # those are bytes and stay bytes
        if numbers and count > MAX_VALUES * (3 if tag == COLOUR_MAP else 1):
            raise ValueError(f"{count} values in its tag {tag}; {MAX_VALUES} at most")
        if tag in TILE_SIDES:
            tile *= struct.unpack(order + "H", value[:2])[0] if kind == 3 else struct.unpack(order + "I", value[:4])[0]
    if tile > MAX_TILE:
        raise ValueError(f"tiles of {tile} pixels; {MAX_TILE} at most")


CHECKS: dict[bytes, Callable[[BinaryIO], None]] = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8\xff": _jpeg,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"II+\0": _tiff,
    b"MM\0+": _tiff,
}


def _read(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise EOFError("cut: it ends in the middle")
    return data
