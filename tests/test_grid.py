"""Pictures are exact: every byte of a small grid is known beforehand."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_cli.grid import gif, png_bytes, save_png, tile, to_uint8

GREY = [127, 127, 127]


@pytest.mark.parametrize(
    ("value", "byte"),
    [
        (-1.0, 0),
        (1.0, 255),
        (0.0, 128),  # 127.5: half-way goes up
        (-1 + 1 / 127.5, 1),
        (-1 + 0.49 / 127.5, 0),
        (-1 + 0.51 / 127.5, 1),
        (-1 + 126.5 / 127.5, 127),  # half-way again, below the middle
        (-3.0, 0),
        (3.0, 255),
        (float("inf"), 255),
        (float("-inf"), 0),
        (float("nan"), 127),
    ],
)
def test_a_value_becomes_the_nearest_byte(value: float, byte: int) -> None:
    assert to_uint8(torch.full((1, 1, 1, 1), value, dtype=torch.float64).float()).item() == byte


def test_every_byte_survives_the_way_to_floats_and_back() -> None:
    """(b - 127.5) / 127.5 is how data becomes floats."""
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8((levels.float() - 127.5) / 127.5), levels)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_type_is_drawn(dtype: torch.dtype) -> None:
    assert to_uint8(torch.tensor([-1.0, 1.0], dtype=dtype)).tolist() == [0, 255]


def test_two_pixels_stand_side_by_side_between_grey_lines() -> None:
    images = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1)
    picture = tile(images, columns=2, padding=1, scale=1)
    black, white = [0, 0, 0], [255, 255, 255]
    assert picture.dtype == np.uint8
    assert picture.tolist() == [[GREY] * 5, [GREY, black, GREY, white, GREY], [GREY] * 5]


def test_images_run_row_by_row_and_the_last_row_may_stay_open() -> None:
    images = torch.linspace(-1, 1, 5).view(5, 1, 1, 1)  # bytes 0, 64, 128, 191, 255
    picture = tile(images, padding=0, scale=1)  # 3 columns: the smallest square that holds 5
    assert picture[:, :, 0].tolist() == [[0, 64, 128], [191, 255, 127]]


def test_rows_and_columns_of_an_image_keep_their_places() -> None:
    image = torch.tensor([[-1.0, 1.0, -1.0], [1.0, 1.0, 1.0]]).view(1, 1, 2, 3)
    assert tile(image, padding=0, scale=1)[:, :, 2].tolist() == [[0, 255, 0], [255, 255, 255]]


def test_enlarging_repeats_pixels_and_leaves_the_padding() -> None:
    image = torch.tensor([[-1.0, 1.0]]).view(1, 1, 1, 2)
    picture = tile(image, padding=1, scale=2)[:, :, 0]
    assert picture.tolist() == [[127] * 6, [127, 0, 0, 255, 255, 127], [127, 0, 0, 255, 255, 127], [127] * 6]


@pytest.mark.parametrize(
    ("channels", "rgb"),
    [
        ([1.0], [255, 255, 255]),
        ([-1.0, 1.0], [0, 0, 0]),  # opaque black
        ([-1.0, -1.0], [255, 255, 255]),  # nothing, on white paper
        ([1.0, -1.0, -1.0], [255, 0, 0]),
        ([1.0, -1.0, -1.0, 1.0], [255, 0, 0]),
        ([1.0, -1.0, -1.0, -1.0], [255, 255, 255]),
        ([-1.0, -1.0, 1.0, -0.6], [204, 204, 255]),  # a fifth of blue on white: 255 - 51
    ],
)
def test_grey_colour_and_alpha_become_rgb(channels: list[float], rgb: list[int]) -> None:
    picture = tile(torch.tensor(channels).view(1, -1, 1, 1), padding=0, scale=1)
    assert picture.tolist() == [[rgb]]


@pytest.mark.parametrize(
    ("count", "side", "longer"),
    [
        (64, 16, 4 * 16 * 8 + 18),  # factor 4: 5 would give 658
        (64, 8, 9 * 8 * 8 + 18),
        (64, 64, 64 * 8 + 18),
        (16, 256, 256 * 4 + 10),  # large as it is, never reduced
        (1, 8, 79 * 8 + 4),
    ],
)
def test_small_images_are_enlarged_up_to_640_pixels(count: int, side: int, longer: int) -> None:
    assert tile(torch.zeros(count, 1, side, side)).shape == (longer, longer, 3)


def test_the_longer_side_decides_the_enlargement() -> None:
    assert tile(torch.zeros(4, 1, 10, 40), columns=1, padding=0).shape == (4 * 10 * 16, 40 * 16, 3)
    assert tile(torch.zeros(8, 1, 10, 40), columns=1, padding=0).shape == (8 * 10 * 8, 40 * 8, 3)


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (2, 5, 8, 8), (2, 0, 8, 8), (8, 8)])
def test_what_is_no_batch_of_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected images"):
        tile(torch.zeros(shape))


def test_pictures_of_nan_are_grey() -> None:
    assert tile(torch.full((2, 3, 4, 4), float("nan"))).min() == 127
    assert tile(torch.full((2, 3, 4, 4), float("nan"))).max() == 127


@pytest.mark.parametrize(("channels", "mode"), [((), "L"), ((1,), "L"), ((2,), "LA"), ((3,), "RGB"), ((4,), "RGBA")])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (5, 1), (3, 1), (40, 33)])
def test_a_png_has_the_channels_of_its_picture(height: int, width: int, channels: tuple[int, ...], mode: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, *channels), np.uint8)
    with Image.open(io.BytesIO(png_bytes(picture))) as image:
        assert image.mode == mode
        assert np.array_equal(np.asarray(image).reshape(picture.shape), picture)


def test_a_png_gives_back_every_byte(tmp_path: Path) -> None:
    picture = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    save_png(tmp_path / "a.png", picture)
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image), picture)
    with Image.open(io.BytesIO(png_bytes(picture))) as image:
        assert np.array_equal(np.asarray(image), picture)


def test_a_written_picture_replaces_the_old_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    save_png(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_failed_write_keeps_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:3])
        raise OSError("no space left on device")

    (tmp_path / "a.png").write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_png(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"old")]


def test_a_film_loops_and_shows_each_frame_for_its_time(tmp_path: Path) -> None:
    frames = [np.full((4, 4, 3), level, np.uint8) for level in (0, 100, 255)]
    gif(tmp_path / "film.gif", frames, milliseconds=120)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3
        assert film.info["loop"] == 0  # 0: without end
        levels = []
        for index in range(3):
            film.seek(index)
            assert film.info["duration"] == 120
            levels.append(film.convert("RGB").getpixel((0, 0)))
    assert levels == [(0, 0, 0), (100, 100, 100), (255, 255, 255)]


def test_a_film_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        gif(tmp_path / "film.gif", [])
