"""The checksum of TensorBoard's records, against TensorBoard's own."""

import random
import struct

import pytest
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from gan_cli.crc32c import crc32c, masked


@pytest.mark.parametrize("length", [*range(5), 63, 64, 65, 1000, 2047, 2048, 2049, 4095, 4096, 4097, 40_000])
def test_it_is_tensorboards(length):
    data = random.Random(length).randbytes(length)
    assert struct.unpack("<I", masked(data)) == (masked_crc32c(data),)


def test_published_values():
    """RFC 3720, B.4: 32 bytes of zeros, of ones, rising, falling."""
    for data, wanted in (
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ):
        assert crc32c(data) == wanted
        assert crc32c(data * 9) != crc32c(data * 8 + data[:-1] + b"\x07")
