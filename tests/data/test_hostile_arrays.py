"""Array files from a stranger: no code runs, and what a header claims is not believed before it is bounded."""

import functools
import io
import os
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gan_cli.data import Array
from gan_cli.errors import DataError

IMAGES = np.zeros((3, 4, 4), dtype=np.uint8)


def npy(header: str, values: bytes = bytes(1536)) -> bytes:
    """A .npy file with this header, which may lie."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + values


def claims(shape: str, kind: str = "|u1") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"


def honest(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def archive(method: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=6) as file:
        for name, data in members.items():
            file.writestr(name.replace("_", "."), data)
    return buffer.getvalue()


@functools.cache
def bomb() -> bytes:
    """Some 300 MB of black images in 1 MB."""
    side = 17_500
    values = npy(claims(f"(1, {side}, {side})"), bytes(side * side))
    return archive(zipfile.ZIP_DEFLATED, x_npy=values)


def repeated(times: int) -> bytes:
    """An archive that lists its one member many times."""
    data = archive(x_npy=honest(IMAGES))
    at = data.index(b"PK\1\2")
    table, end = data[at:-22] * times, data[-22:]
    return data[:at] + table + end[:12] + struct.pack("<II", len(table), at) + end[20:]


def pt(value: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def rezipped(data: bytes, method: int = zipfile.ZIP_STORED, **changed: bytes) -> bytes:
    """A .pt file with some records replaced, or packed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, changed.get(name.rsplit("/", 1)[-1], old.read(name)))
    return buffer.getvalue()


class Calls:
    """Pickled as a call of a function with arguments."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call  # type: ignore[return-value]


DEEP = "(" * 4000 + ")" * 4000
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "lies.npy": (lambda: npy(claims("(1000000000, 1000000000)")), "says 1000000000000000000 bytes"),
    "wraps.npy": (lambda: npy(claims("(4294967296, 4294967296)")), "says 18446744073709551616 bytes"),
    "less.npy": (lambda: npy(claims("(1, 4, 4)")), "says 16 bytes of values, and 1536 follow"),
    "negative.npy": (lambda: npy(claims("(-1, -1536)")), r"the shape is \[-1, -1536\]"),
    "truth.npy": (lambda: npy(claims("(True, 1536)")), r"the shape is \[True, 1536\]"),
    "objects.npy": (lambda: npy(claims("(192, 1)", "|O")), "pickled objects"),
    "complex.npy": (lambda: honest(IMAGES.astype(np.complex64)), "complex64; save real numbers"),
    "words.npy": (lambda: honest(IMAGES.astype(str)), "<U3; save real numbers"),
    "days.npy": (lambda: honest(IMAGES.astype("datetime64[D]")), "save real numbers"),
    "fields.npy": (lambda: honest(np.zeros((3, 4, 4), dtype=[("a", "u1"), ("b", "f4")])), "save real numbers"),
    "code.npy": (lambda: npy("__import__('os').mkdir('canary')"), "cannot be read as .npy"),
    "deep.npy": (lambda: npy(DEEP), "cannot be read as .npy"),
    "long.npy": (lambda: npy(claims("(1,)" + " " * 50000)), "Header info length|cannot be read"),
    "wide.npy": (lambda: npy(claims("(1, 67108865)"), bytes(67108865)), "more than 67108864 values in each example"),
    "bomb.npz": (bomb, r"[0-9]+ bytes of it unpack to 306250\d\d\d"),
    "lies.npz": (lambda: archive(x_npy=npy(claims("(1000000000, 1000000000)"))), "says 1000000000000000000 bytes"),
    "objects.npz": (lambda: archive(x_npy=npy(claims("(1,)", "|O"))), "pickled objects"),
    "other.npz": (lambda: archive(readme_txt=b"hello"), "cannot be read as .npz"),
    "none.npz": (archive, "it holds no array"),
    "shared.npz": (lambda: repeated(1000), "its members claim more than the"),
    "million.npz": (lambda: repeated(200_000), "its table of contents has 9 MB; 4 at most"),
    "million.pt": (lambda: pt(dict.fromkeys(map(str, range(100_000)), torch.zeros(1))), "its table of tensors has"),
    "code.pt": (lambda: pt({"x": Calls(os.mkdir, "canary")}), "'posix mkdir', which is no plain tensor"),
    "memory.pt": (lambda: pt({"x": Calls(bytearray, 2**33)}), "bytearray', which is no plain tensor"),
    "tensor.pt": (lambda: pt({"x": Calls(torch.Tensor, 2**31)}), "Tensor', which is no plain tensor"),
    "expanded.pt": (lambda: pt({"x": torch.zeros(1).expand(10**9)}), r"'x' of \[1000000000\] is spread out of fewer"),
    "lies.pt": (lambda: rezipped(pt(torch.zeros(10**6)), **{"0": bytes(4)}), "cannot be read as .pt"),
    "sparse.pt": (lambda: pt(torch.zeros(3, 4).to_sparse()), "_rebuild_sparse_tensor', which is no plain tensor"),
    "empty.pt": (lambda: pt(torch.zeros(10**6, 10**6, device="meta")), "meta_tensor.* which is no plain tensor"),
    "packed.pt": (lambda: rezipped(pt(torch.zeros(10**6)), zipfile.ZIP_DEFLATED), "it is packed"),
    "old.pt": (lambda: pt(torch.zeros(3, 4), _use_new_zipfile_serialization=False), "older than torch 1.6"),
    "list.pt": (lambda: pt([torch.zeros(3, 4)]), "it holds a list, not a tensor"),
    "archive.pt": (lambda: archive(x_npy=honest(IMAGES)), "it is no file of torch.save"),
    "text.pt": (lambda: b"weights\n", "it is damaged, or older"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_array_file_is_refused_in_a_few_lines(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where a canary would appear
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    make, says = HOSTILE[name]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(DataError, match=says) as caught:
        Array(path=name).load()
    lines = str(caught.value).splitlines()
    assert name in lines[0]
    assert len(lines) <= 4
    assert max(map(len, lines)) <= 100
    assert [path.name for path in tmp_path.iterdir()] == [name]


ALL = """
for path in argv:
    try:
        gan_cli.data.Array(path=path).load()
    except DataError:
        print("refused", path)
"""


def test_no_hostile_array_file_takes_memory(tmp_path, apart):
    for name, (make, _) in HOSTILE.items():
        (tmp_path / name).write_bytes(make())
    message, _, growth = apart(ALL, *HOSTILE)
    assert message.split() == " ".join(f"refused {name}" for name in HOSTILE).split()
    assert growth < 100


@pytest.mark.parametrize("kind", ["npy", "npz", "pt"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_is_refused_by_place_and_name(tmp_path, kind, value):
    images = np.zeros((40, 5, 6), dtype=np.float32)
    images[37, 2, 3] = value
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, images)
    elif kind == "npz":
        np.savez(path, pictures=images)
    else:
        torch.save({"pictures": torch.from_numpy(images)}, path)
    named = "" if kind == "npy" else ", 'pictures'"
    with pytest.raises(
        DataError, match=rf"{kind}'{named}: 1 value is not finite .*, the first {value} at \[37, 2, 3\]\n"
    ):
        Array(path=str(path)).load()


@pytest.mark.parametrize("value", [1e39, -1e300])
def test_a_point_too_large_for_what_is_trained_on_is_refused_and_the_largest_is_not(tmp_path, value):
    path = tmp_path / "x.npy"
    np.save(path, np.array([[0, 3.4e38], [0, value]]))
    with pytest.raises(DataError, match=r"the first .* at \[1, 1\]"):
        Array(path=str(path)).load()
    np.save(path, np.array([[0, 3.4e38]]))
    assert Array(path=str(path)).load().x[0, 1] == np.float32(3.4e38)


@pytest.mark.parametrize("kind", [">f4", ">f8", ">u2", ">i8", "<f2"])
def test_any_order_of_bytes_gives_the_same_pixels(tmp_path, kind):
    values = np.linspace(0, 1, 48).reshape(3, 4, 4) if kind[1] == "f" else np.arange(48).reshape(3, 4, 4)
    np.save(tmp_path / "x.npy", values.astype(kind))
    np.save(tmp_path / "y.npy", values.astype(kind).astype(np.float64))
    x, y = (Array(path=str(tmp_path / name), range=(0, 47.0)).load().x for name in ("x.npy", "y.npy"))
    assert torch.equal(x, y)


@pytest.mark.parametrize("label", [-1, 2**40, -(2**63)])
def test_labels_that_count_no_classes_are_refused_unless_others_are_kept(tmp_path, label):
    np.savez(tmp_path / "x.npz", x=IMAGES, y=np.array([0, 1, label]))
    with pytest.raises(DataError, match=rf"'y': labels must be 0 to 1048575; found {label}\n"):
        Array(path=str(tmp_path / "x.npz"), label_key="y").load()
    assert len(Array(path=str(tmp_path / "x.npz"), label_key="y", classes=[0, 1]).load().x) == 2


def test_names_of_arrays_are_printed_as_text(tmp_path):
    np.savez(tmp_path / "x.npz", **{"\x1b[2Jx": IMAGES, "l" * 2000: IMAGES, "a\nb": IMAGES})
    with pytest.raises(DataError, match="has several arrays") as caught:
        Array(path=str(tmp_path / "x.npz"))
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(line.isprintable() and len(line) <= 100 for line in lines)


def test_more_than_the_memory_there_is_is_refused_at_once(tmp_path):
    with open(tmp_path / "x.npy", "wb") as file:
        file.write(npy(claims("(1048576, 1, 1024, 1024)"), b""))
        file.truncate(file.tell() + 2**40)  # takes no room on the disk
    with pytest.raises(DataError, match=r"1048576 examples of 1 x 1024 x 1024 need 1,099,512 MB of memory"):
        Array(path=str(tmp_path / "x.npy")).load()
    np.save(tmp_path / "y.npy", np.zeros((1000, 1, 1), dtype=np.uint8))
    with pytest.raises(
        DataError, match=r"need 100,000,148 MB of memory, more than there is\nset a smaller dataset.size"
    ):
        Array(path=str(tmp_path / "y.npy"), size=316228).load()


def test_a_pipe_named_like_an_array_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(DataError, match=r"'.*x.npy' is not a file; set dataset.path"):
        Array(path=str(tmp_path / "x.npy"))


def test_fortran_order_and_a_view_of_a_tensor_are_honest(tmp_path):
    images = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    np.save(tmp_path / "x.npy", np.asfortranarray(images))
    torch.save({"x": torch.from_numpy(images).transpose(1, 2), "note": "by hand", "n": 3}, tmp_path / "x.pt")
    assert torch.equal(Array(path=str(tmp_path / "x.npy")).load().x[:, 0], torch.from_numpy(images))
    assert torch.equal(Array(path=str(tmp_path / "x.pt")).load().x[:, 0], torch.from_numpy(images).transpose(1, 2))


def test_the_bombs_are_small(tmp_path):
    for name in ("lies.npy", "bomb.npz", "expanded.pt", "tensor.pt"):
        assert len(HOSTILE[name][0]()) < 2**19
