"""Images in bytes: the same pixels as Pillow's, an independent writing of the same filters."""

import numpy as np
import pytest
import torch
from PIL import Image

from gan_cli.data import images
from gan_cli.data.images import to_channels, to_size
from gan_cli.errors import DataError

NOISE = torch.randint(0, 256, (3, 3, 20, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [7, 20, 33])
def test_scaling_is_pillows_antialiased_bicubic_of_the_centre_square(size):
    for image, scaled in zip(NOISE, to_size(NOISE, size), strict=True):
        square = Image.fromarray(image.permute(1, 2, 0).numpy()[:, 4:24].copy())
        wanted = np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)).astype(int)
        assert scaled.permute(1, 2, 0).int().numpy() == pytest.approx(wanted, abs=1)


@pytest.mark.parametrize("size", [7, 33])
def test_grey_images_that_are_scaled_together_do_not_mix(size):
    grey = torch.randint(0, 256, (8, 1, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    alone = torch.cat([to_size(image[None], size) for image in grey])
    for n in (8, 6, 5):
        assert torch.equal(to_size(grey[:n], size), alone[:n])


def test_grey_is_pillows_luma():
    for image, grey in zip(NOISE, to_channels(NOISE, 1), strict=True):
        wanted = Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L")
        assert grey[0].int().numpy() == pytest.approx(np.asarray(wanted).astype(int), abs=1)


def test_many_images_are_converted_in_parts_without_a_seam(monkeypatch):
    whole = to_size(NOISE, 9), to_channels(NOISE, 1)
    monkeypatch.setattr("gan_cli.data.images.CHUNK", 2)
    assert torch.equal(to_size(NOISE, 9), whole[0])
    assert torch.equal(to_channels(NOISE, 1), whole[1])


def test_what_needs_more_memory_than_is_left_is_refused_with_the_figure(monkeypatch):
    monkeypatch.setattr(images, "available", lambda: 2**20)
    assert images.room((15, 1, 256, 256)).shape == (15, 1, 256, 256)
    with pytest.raises(DataError, match=r"17 examples of 1 x 256 x 256 need 1 MB of memory, more than there is\nset a"):
        images.room((17, 1, 256, 256))
