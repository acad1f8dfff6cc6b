"""A folder of images: the right pixels of every odd kind, and every bad file named before anything is trained."""

import io
import logging
import os
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from gan_cli.data import Folder, Stream, decode, picture
from gan_cli.errors import DataError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def save(path, image=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.new("RGB", (8, 8), RED)).save(path, **options)
    return path


def only(folder, size=8, channels=3):
    """The pixels [C, H, W] of the one image in a folder."""
    x, _ = Folder(path=str(folder), size=size, channels=channels).load()
    assert len(x) == 1
    return x[0]


def colour(folder, channels=3):
    """The one colour of the one image in a folder."""
    pixels = only(folder, channels=channels).flatten(1)
    assert (pixels == pixels[:, :1]).all()
    return tuple(pixels[:, 0].tolist())


# What lies in a folder


def test_files_come_in_sorted_order_from_all_depths_and_others_are_passed_over(tmp_path):
    for i, name in enumerate(["b.png", "a/z.PNG", "a/b/c.bmp", "c.tiff", "B.gif"]):
        save(tmp_path / name, Image.new("L", (8, 8), i))
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".cache" / "x.png")
    (tmp_path / "notes.txt").write_text("no image")
    data = Folder(path=str(tmp_path), size=8, channels=1)
    assert [str(file) for file in data.files] == ["B.gif", "a/b/c.bmp", "a/z.PNG", "b.png", "c.tiff"]
    x, y = data.load()
    assert x[:, 0, 0, 0].tolist() == [4, 2, 1, 0, 3]
    assert x.shape == (5, 1, 8, 8) == (5, *data.shape)
    assert y is None  # some images lie in no subfolder


@pytest.mark.parametrize(("room", "most"), [(0, 2), (3 * 8 * 8 * 3, 4), (2**20, 9)])
def test_no_more_is_decoded_ahead_than_there_is_room_for(tmp_path, monkeypatch, room, most):
    seen, read = [], decode.read_picture
    monkeypatch.setattr(decode, "read_picture", lambda path, *how: seen.append(path) or read(path, *how))
    for name, number in (("FLIGHT", room), ("THREADS", 4), ("MOST", 1)):
        monkeypatch.setattr(decode, name, number)
    files = [save(tmp_path / f"{i}.png").name for i in range(12)]
    blocks = decode.decoded(tmp_path, files, 8, 3)
    next(blocks)
    until = time.monotonic() + 20
    while len(seen) < most and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.02)  # nor is more to come
    assert len(seen) == most, "what is in hand, and what fits"
    assert len(list(blocks)) == 11


def test_subfolders_are_the_labels_and_can_be_chosen(tmp_path):
    for name in ("cats/1.png", "cats/old/2.png", "dogs/1.png", "1999/1.png"):
        save(tmp_path / name)
    data = Folder(path=str(tmp_path), size=8)
    assert data.names == ["1999", "cats", "dogs"]
    y = data.load().y
    assert y is not None and y.tolist() == [0, 1, 1, 2]
    chosen = Folder(path=str(tmp_path), size=8, classes=["dogs", 1999]).load()
    assert chosen.y is not None and chosen.y.tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"0 1999, 1 cats, 2 dogs\ngot \['birds'\]"):
        Folder(path=str(tmp_path), classes=["birds"])
    save(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"1 images lie in .* itself, so they have no class"):
        Folder(path=str(tmp_path), classes=["dogs"])


def test_no_folder_a_file_and_an_empty_folder_are_told_apart(tmp_path):
    with pytest.raises(DataError, match=r"is not there; set dataset.path"):
        Folder(path=str(tmp_path / "none"))
    with pytest.raises(DataError, match=r"is a file; set dataset.path"):
        Folder(path=str(save(tmp_path / "x.png")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no image in .*\nfound: nothing"):
        Folder(path=str(tmp_path / "empty"))
    (tmp_path / "empty" / "drawing.svg").write_text("<svg/>")
    with pytest.raises(DataError, match=r"found: 1 .svg\nread: .png .jpg"):
        Folder(path=str(tmp_path / "empty"))


def test_links_are_followed_but_loops_are_not(tmp_path):
    save(tmp_path / "elsewhere" / "1.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    assert [str(file) for file in Folder(path=str(root)).files] == ["linked/1.png"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"size": 0}, "size must be at least 1"), ({"channels": 2}, "channels must be one of 1, 3, 4")],
)
def test_an_argument_out_of_range_says_what_was_found(tmp_path, arguments, says):
    with pytest.raises(ValueError, match=says):
        Folder(path=str(tmp_path), **arguments)


# Right pixels


def test_a_grey_image_becomes_three_equal_channels_and_a_colour_its_luma(tmp_path):
    save(tmp_path / "grey" / "x.png", Image.new("L", (8, 8), 77))
    assert colour(tmp_path / "grey") == (77, 77, 77)
    save(tmp_path / "red" / "x.png")
    assert colour(tmp_path / "red", channels=1) == (76,)  # 0.299 * 255
    assert colour(tmp_path / "red", channels=4) == (255, 0, 0, 255)


@pytest.mark.parametrize("value", [0, 257, 25700, 40000, 65535])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_of_16_bits_is_scaled_and_not_clipped(tmp_path, value, suffix):
    save(tmp_path / f"x.{suffix}", Image.fromarray(np.full((8, 8), value, dtype=np.uint16)))
    assert colour(tmp_path, channels=1) == (round(value / 257),)


def test_a_tiff_of_floats_has_no_known_range_and_is_refused(tmp_path):
    save(tmp_path / "x.tif", Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32)))
    with pytest.raises(DataError, match="no known range"):
        only(tmp_path)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_shows_white_or_is_kept(tmp_path, mode):
    black = (0, 0, 0, 51) if mode == "RGBA" else (0, 51)  # a fifth
    save(tmp_path / "x.png", Image.new(mode, (8, 8), black))
    assert colour(tmp_path) == (204, 204, 204)
    assert colour(tmp_path, channels=1) == (204,)
    assert colour(tmp_path, channels=4) == (0, 0, 0, 51)


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_palette_gives_its_colours_and_its_transparent_one_white(tmp_path, suffix):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([*GREEN, *BLUE, *RED])
    save(tmp_path / "plain" / f"x.{suffix}", image)
    assert colour(tmp_path / "plain") == BLUE
    save(tmp_path / "clear" / f"x.{suffix}", image, transparency=1)
    assert colour(tmp_path / "clear") == WHITE
    assert colour(tmp_path / "clear", channels=4)[3] == 0


def test_a_palette_with_many_transparencies_is_composited(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([*GREEN, *BLUE])
    save(tmp_path / "x.png", image, transparency=bytes([255, 51]))
    assert colour(tmp_path) == (204, 204, 255)


def test_a_transparent_grey_or_colour_of_a_png_shows_white(tmp_path):
    save(tmp_path / "grey" / "x.png", Image.new("L", (8, 8), 9), transparency=9)
    assert colour(tmp_path / "grey", channels=1) == (255,)
    save(tmp_path / "red" / "x.png", Image.new("RGB", (8, 8), RED), transparency=RED)
    assert colour(tmp_path / "red") == WHITE


def test_one_bit_is_black_and_white(tmp_path):
    save(tmp_path / "x.png", Image.new("1", (8, 8), 1))
    assert colour(tmp_path) == WHITE


def test_the_inks_of_a_cmyk_jpeg_are_not_taken_for_light(tmp_path):
    save(tmp_path / "x.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    assert colour(tmp_path) == pytest.approx(RED, abs=3)


def test_exif_orientation_turns_the_image_upright(tmp_path):
    image = Image.new("RGB", (8, 8), RED)
    image.paste(BLUE, (0, 0, 8, 4))  # blue above red
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    save(tmp_path / "x.png", image, exif=exif)
    pixels = only(tmp_path)
    assert tuple(pixels[:, 0, 0].tolist()) == RED
    assert tuple(pixels[:, 7, 0].tolist()) == BLUE


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken_and_a_count_is_given(tmp_path, suffix, caplog):
    frames = [Image.new("RGB", (8, 8), c) for c in (GREEN, RED)]
    options = {"lossless": True} if suffix == "webp" else {}
    save(tmp_path / f"x.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    with caplog.at_level(logging.WARNING):
        assert colour(tmp_path) == GREEN
    assert "1 of 1 images have several frames; the first is used" in caplog.text


@pytest.mark.parametrize(("width", "height"), [(30, 10), (10, 30)])
def test_the_shorter_side_is_scaled_and_the_centre_square_kept(tmp_path, width, height):
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, ((width - 10) // 2, (height - 10) // 2, (width + 10) // 2, (height + 10) // 2))
    save(tmp_path / "x.png", image)
    for size in (5, 10, 20):
        pixels = only(tmp_path, size=size).flatten(1).T.tolist()
        assert pixels == [list(BLUE)] * size**2


def test_shrinking_is_antialiased(tmp_path):
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[::2] = 255
    save(tmp_path / "x.png", Image.fromarray(stripes))
    assert only(tmp_path, channels=1).float().numpy() == pytest.approx(127.5, abs=12)  # picking rows gives 0 or 255


def test_an_image_of_one_pixel_and_a_very_long_one_are_images(tmp_path):
    save(tmp_path / "1.png", Image.new("RGB", (1, 1), GREEN))
    save(tmp_path / "2.png", Image.new("RGB", (3000, 1), BLUE))
    x, _ = Folder(path=str(tmp_path), size=4).load()
    assert x[:, :, 2, 2].tolist() == [list(GREEN), list(BLUE)]


# Bad files


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height):
    """A PNG that claims a size and has no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_all_unreadable_files_are_reported_at_once(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    good = save(tmp_path / "good.png", noise).read_bytes()
    jpeg = io.BytesIO()
    noise.save(jpeg, "JPEG")
    middle = len(good) // 2
    bad = {
        "cut.jpg": jpeg.getvalue()[:-300],
        "cut.png": good[:middle],
        "flipped.png": good[:middle] + bytes([good[middle] ^ 4]) + good[middle + 1 :],
        "nothing.png": b"",
        "script.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "text.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        Folder(path=str(tmp_path), size=8).load()
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("6 of 7 images in ") and first.endswith("cannot be read")
    assert [line.split("'")[1] for line in rest[:-1]] == list(bad)
    assert "'script.png': not an image: PostScript" in rest[4]  # Pillow would hand it to Ghostscript
    assert "'text.png': not an image: an SVG drawing" in rest[5]
    assert rest[-1] == "repair or remove them"


def test_of_many_unreadable_files_twenty_are_named_and_all_counted(tmp_path):
    for i in range(25):
        (tmp_path / f"{i:02}.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        Folder(path=str(tmp_path)).load()
    lines = str(caught.value).splitlines()
    assert len(lines) == 23
    assert lines[21] == "  and 5 more"


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (60000, 60000)])
def test_a_huge_image_is_refused_by_its_header(tmp_path, width, height):
    (tmp_path / "x.png").write_bytes(png_header(width, height))
    with pytest.raises(DataError, match=r"'x.png': (9000 x 9000 pixels; 64 million at most|far more than 64 million)"):
        Folder(path=str(tmp_path)).load()


def test_a_text_that_unpacks_to_very_much_is_refused(tmp_path):
    plain = save(tmp_path / "x.png").read_bytes()
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**25)))
    (tmp_path / "x.png").write_bytes(plain[:33] + bomb + plain[33:])  # after the signature and the header
    with pytest.raises(DataError, match=r"'x.png': Decompressed data too large"):
        only(tmp_path)


def test_the_bound_on_pixels_is_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "MAX_PIXELS", 63)
    save(tmp_path / "x.png")
    with pytest.raises(DataError, match="8 x 8 pixels"):
        only(tmp_path)


def test_pipes_and_broken_links_are_named_and_not_waited_for(tmp_path):
    save(tmp_path / "good.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(DataError) as caught:
        Folder(path=str(tmp_path)).load()
    message = str(caught.value)
    assert "'pipe.png': not a file but a pipe" in message
    assert "'broken.png': not there any more, or a link to nothing" in message
    assert "'loop.png': Too many levels of symbolic links" in message
    assert message.startswith("3 of 4")


def test_odd_names_are_escaped_and_shortened(tmp_path):
    for name in (b"new\nline.png", b"not\xff utf-8.png", b"l" * 251 + b".png"):
        with open(os.fsencode(tmp_path) + b"/" + name, "wb"):
            pass
    with pytest.raises(DataError) as caught:
        Folder(path=str(tmp_path)).load()
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 100
    assert "'new\\nline.png'" in lines[2]
    assert "'not\\udcff utf-8.png'" in lines[3]
    str(caught.value).encode()  # can be printed anywhere


def test_a_file_that_is_gone_at_loading_is_named(tmp_path):
    save(tmp_path / "a.png")
    gone = save(tmp_path / "b.png")
    data = Folder(path=str(tmp_path))
    gone.unlink()
    with pytest.raises(DataError, match=r"'b.png': not there any more"):
        data.load()


def test_a_file_more_another_pixel_or_another_class_is_another_fingerprint_and_a_moved_folder_is_not(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        save(tmp_path / "one" / name)

    def fingerprint(name):
        return Stream(Folder(path=str(tmp_path / name), size=8), batch_size=1, seed=0).fingerprint

    first = fingerprint("one")
    assert first.startswith("3 examples of 3 x 8 x 8 with labels, 0 held out, sha256 ")
    (tmp_path / "one").rename(tmp_path / "two")
    assert fingerprint("two") == first
    save(tmp_path / "two" / "b" / "4.png")
    assert fingerprint("two").startswith("4 examples")
    (tmp_path / "two" / "b" / "4.png").unlink()
    (tmp_path / "two" / "a" / "2.png").rename(tmp_path / "two" / "b" / "2.png")
    assert fingerprint("two") != first
    (tmp_path / "two" / "b" / "2.png").rename(tmp_path / "two" / "a" / "2.png")
    assert fingerprint("two") == first
    image = Image.new("RGB", (8, 8), RED)
    image.putpixel((7, 7), (254, 0, 0))
    save(tmp_path / "two" / "a" / "2.png", image)
    assert fingerprint("two") != first
