"""Array files: images and points of any library, with nothing guessed that could be wrong."""

import numpy as np
import pytest
import torch

from gan_cli.data import Array
from gan_cli.errors import DataError

BYTES = np.random.default_rng(0).integers(0, 256, (5, 6, 6, 3), dtype=np.uint8)  # [N, H, W, C]


@pytest.fixture
def saved(tmp_path):
    """Save arrays as a file of a kind and give its path."""

    def save(suffix, array=None, **arrays):
        path = tmp_path / f"data{suffix}"
        if suffix == ".npy":
            np.save(path, array)
        elif suffix == ".npz":
            np.savez(path, **arrays)
        else:
            torch.save(array if array is not None else arrays, path)
        return str(path)

    return save


@pytest.mark.parametrize("suffix", [".npy", ".pt"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_bytes_are_taken_as_they_are_in_both_layouts(saved, suffix, layout):
    stored = BYTES if layout == "nhwc" else BYTES.transpose(0, 3, 1, 2)
    data = Array(path=saved(suffix, torch.tensor(stored) if suffix == ".pt" else stored))
    assert data.shape == (3, 6, 6)
    x, y = data.load()
    assert x.dtype == torch.uint8
    assert torch.equal(x, torch.from_numpy(BYTES).permute(0, 3, 1, 2))
    assert y is None


def test_three_dimensions_are_grey_images_and_may_be_oblong(saved):
    data = Array(path=saved(".npy", BYTES[:, :, :4, 0]))
    assert data.shape == (1, 6, 4)
    assert torch.equal(data.load().x[:, 0], torch.from_numpy(BYTES[:, :, :4, 0]))


def test_size_and_channels_are_given_on_wish(saved):
    data = Array(path=saved(".npy", BYTES), size=4, channels=1)
    assert data.shape == (1, 4, 4)
    assert data.load().x.shape == (5, 1, 4, 4)
    grey = Array(path=saved(".npy", BYTES[..., :1]), channels=3).load().x
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_fortran_order_is_only_an_order(saved):
    stored = np.asfortranarray(BYTES)
    assert torch.equal(Array(path=saved(".npy", stored)).load().x, torch.from_numpy(BYTES).permute(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("low", "high", "given"), [(0, 1, None), (-1, 1, None), (0, 255, [0, 255]), (-3, 5, (-3.0, 5.0)), (0, 2, [-2, 2])]
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_scaled_from_a_range_that_is_known(saved, low, high, given, dtype):
    values = np.linspace(low, high, 300).reshape(3, 10, 10).astype(dtype)
    x = Array(path=saved(".npy", values), range=given).load().x[:, 0].double().numpy()
    black, white = given or (low, high)
    assert x == pytest.approx((values.astype(np.float64) - black) * 255 / (white - black), abs=0.51)


def test_a_range_that_is_not_known_is_asked_for_and_not_clipped(saved):
    path = saved(".npy", np.linspace(0, 255, 300, dtype=np.float32).reshape(3, 10, 10))
    with pytest.raises(DataError, match=r"lie in \[0, 255\], neither \[0, 1\] nor \[-1, 1\]\nset dataset.range"):
        Array(path=path).load()
    with pytest.raises(DataError, match=r"outside the range \[0, 200\]"):
        Array(path=path, range=(0, 200)).load()


def test_integers_wider_than_a_byte_need_a_range_too(saved):
    path = saved(".npy", np.arange(256).reshape(1, 16, 16))
    with pytest.raises(DataError, match=r"set dataset.range"):
        Array(path=path).load()
    assert Array(path=path, range=(0, 255)).load().x.flatten().tolist() == list(range(256))


def test_masks_are_black_and_white(saved):
    mask = np.eye(4, dtype=bool)[None]
    assert Array(path=saved(".npy", mask)).load().x[0, 0].tolist() == (np.eye(4) * 255).tolist()


@pytest.mark.parametrize("shape", [(2, 3, 3), (4, 2)])
def test_values_that_are_no_numbers_are_counted(saved, shape):
    values = np.zeros(shape, dtype=np.float32)
    values.flat[[1, 2]] = np.nan, np.inf
    with pytest.raises(DataError, match="2 values are not finite"):
        Array(path=saved(".npy", values)).load()
    with pytest.raises(DataError, match="complex64; save real numbers"):
        Array(path=saved(".npy", values.astype(np.complex64))).load()


def test_two_dimensions_are_points_and_stay_as_they_are(saved):
    points = np.array([[0.5, -70.25], [3, 1e6]])
    data = Array(path=saved(".npy", points))
    assert data.shape == (2,)
    x = data.load().x
    assert x.dtype == torch.float32
    assert x.tolist() == points.tolist()
    with pytest.raises(ValueError, match=r"size, flip needs images; .* holds points \[2, 2\]"):
        Array(path=saved(".npy", points), size=8, flip=True)


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_the_only_array_of_images_is_found_and_labels_are_named(saved, suffix):
    arrays = {"pictures": BYTES, "kind": np.array([3, 1, 3, 2, 1]), "points": np.zeros((5, 2))}
    path = saved(suffix, **(arrays if suffix == ".npz" else {k: torch.tensor(v) for k, v in arrays.items()}))
    data = Array(path=path, label_key="kind", classes=[1, 2])
    assert (data.key, data.shape) == ("pictures", (3, 6, 6))
    x, y = data.load()
    assert y is not None and y.tolist() == [1, 2, 1]
    assert torch.equal(x, torch.from_numpy(BYTES[[1, 3, 4]]).permute(0, 3, 1, 2))
    assert Array(path=path, key="points").shape == (2,)
    with pytest.raises(DataError, match=r"no array 'nothing'; set dataset.key to one of\n  pictures: \[5, 6, 6, 3\]"):
        Array(path=path, key="nothing")
    with pytest.raises(DataError, match=r"labels must be integers \[5\]; 'points' is float64 \[5, 2\]"):
        Array(path=path, label_key="points").load()
    with pytest.raises(DataError, match=r"no example has a label in \[9\]\nset dataset.classes to some of \[1, 2, 3\]"):
        Array(path=path, label_key="kind", classes=[9]).load()


def test_of_several_arrays_of_images_one_must_be_named(saved):
    path = saved(".npz", train=BYTES, test=BYTES[:2])
    with pytest.raises(
        DataError, match=r"several arrays; set dataset.key to one of\n  train: .*\n  test: \[2, 6, 6, 3\]"
    ):
        Array(path=path)
    assert len(Array(path=path, key="test").load().x) == 2


def test_a_layout_that_could_be_both_is_asked_for(saved):
    path = saved(".npy", np.zeros((2, 3, 5, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"\[2, 3, 5, 3\]: channels could be second or last\nset dataset.layout"):
        Array(path=path)
    assert Array(path=path, layout="nchw").shape == (3, 5, 3)
    assert Array(path=path, layout="nhwc").shape == (3, 3, 5)
    with pytest.raises(DataError, match="1 or 3 channels are expected"):
        Array(path=saved(".npy", np.zeros((2, 5, 5, 4), dtype=np.uint8)))


@pytest.mark.parametrize("shape", [(5,), (1, 2, 3, 4, 5), (0, 4, 4), ()])
def test_other_shapes_are_refused(saved, shape):
    with pytest.raises(DataError, match=r"neither images|nothing in it|cannot be read"):
        Array(path=saved(".npy", np.zeros(shape, dtype=np.uint8)))


def test_pickles_are_never_loaded(saved, tmp_path):
    objects = np.array([{"a": 1}], dtype=object)
    for path in (saved(".npy", objects), saved(".npz", x=objects)):
        with pytest.raises(DataError, match=r"cannot be read as .np"):
            Array(path=path)

    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was loaded",))

    torch.save({"x": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(DataError, match=r"cannot be read as .pt"):
        Array(path=str(tmp_path / "evil.pt"))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda _: b"", lambda _: b"text"])
def test_a_damaged_file_is_refused_at_construction(saved, suffix, damage, tmp_path):
    images = torch.tensor(BYTES) if suffix == ".pt" else BYTES
    saved(suffix, images, x=BYTES)
    file = tmp_path / f"data{suffix}"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=f"cannot be read as {suffix}"):
        Array(path=str(file))


def test_an_npz_with_a_changed_byte_is_refused_at_loading(saved, tmp_path):
    file = tmp_path / "data.npz"
    saved(".npz", x=np.tile(BYTES, (200, 1, 1, 1)))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"cannot be read at 'x'\nBad CRC"):
        Array(path=str(file)).load()


def test_a_missing_file_a_folder_and_another_kind_are_told_apart(tmp_path):
    with pytest.raises(DataError, match=r"is not there; set dataset.path to a .npy, .npz, .pt, .pth"):
        Array(path=str(tmp_path / "none.npy"))
    with pytest.raises(DataError, match="is a folder"):
        Array(path=str(tmp_path))
    (tmp_path / "x.mat").write_bytes(b"")
    with pytest.raises(DataError, match=r"is none of .npy, .npz"):
        Array(path=str(tmp_path / "x.mat"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"size": 0}, "size must be at least 1"),
        ({"channels": 4}, "channels must be one of 1, 3, got 4"),
        ({"layout": "hwc"}, "layout must be one of auto, nchw, nhwc, got 'hwc'"),
        ({"range": (1.0, 0.0)}, r"range must be two numbers, the lower first, got \[1.0, 0.0\]"),
        ({"range": [1.0]}, "range must be two numbers"),
        ({"classes": [1]}, "classes needs labels: set label_key"),
        ({"classes": [], "label_key": "y"}, r"classes must be a list of labels to keep, got \[\]"),
    ],
)
def test_an_argument_out_of_range_says_what_was_found(saved, arguments, says):
    with pytest.raises(ValueError, match=says):
        Array(path=saved(".npy", BYTES), **arguments)


def test_labels_of_a_file_with_one_nameless_array_cannot_be(saved):
    with pytest.raises(DataError, match=r"no array 'y'; its array has no name; drop dataset.label_key"):
        Array(path=saved(".npy", BYTES), label_key="y")
