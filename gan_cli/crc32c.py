"""CRC-32C (Castagnoli), which TensorBoard asks of each record, of many bytes at once.

The sum is linear over GF(2): lanes of a message are summed side by side, and two neighbours become one by moving the
left one past the right one's bytes. TensorBoard's own way, byte after byte, takes as long for a picture as drawing it.
"""

import struct
from functools import cache

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]
LANE = 64  # bytes of a message in a row
SHORT = 2048  # bytes up to which one after the other is faster


def crc32c(data: bytes) -> int:
    """The checksum.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    if len(data) < SHORT:
        return _by_one(data)
    lanes = 1 << (-(-len(data) // LANE) - 1).bit_length()
    message = np.zeros(lanes * LANE, np.uint8)  # zeros in front leave a register of 0 as it is
    message[-len(data) :] = np.frombuffer(data, np.uint8)
    message[-len(data) :][:4] ^= 0xFF  # the register begins with ones
    rows, table = message.reshape(lanes, LANE).T.astype(np.uint32), _table()
    sums = np.zeros(lanes, np.uint32)
    for row in rows:
        sums = table[(sums ^ row) & 0xFF] ^ (sums >> 8)
    level = 0
    while len(sums) > 1:
        sums = _moved(sums[::2], level) ^ sums[1::2]
        level += 1
    return int(sums[0]) ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """The checksum as records have it: turned by 15 bits, so that a record may hold records."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _by_one(data: bytes) -> int:
    crc, table = 0xFFFFFFFF, _numbers()
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> Words:
    """The sum of each byte."""
    table: Words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = ((table >> 1) ^ (table & 1) * np.uint32(0x82F63B78)).astype(np.uint32)
    return table


@cache
def _numbers() -> list[int]:
    numbers: list[int] = _table().tolist()
    return numbers


def _moved(sums: Words, level: int) -> Words:
    """Sums, each past 2^level lanes of zeros."""
    tables = _moves(level)
    found: Words = tables[0][sums & 0xFF]
    for number in (1, 2, 3):
        found = found ^ tables[number][sums >> 8 * number & 0xFF]
    return found


@cache
def _moves(level: int) -> Words:
    """Where each byte of a sum goes: [4, 256]."""
    bytes_of = np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    if level:
        return _moved(_moved(bytes_of, level - 1), level - 1)
    for _ in range(LANE):
        bytes_of = _table()[bytes_of & 0xFF] ^ (bytes_of >> 8)
    return bytes_of
