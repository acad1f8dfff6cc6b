"""MNIST: found, checked, downloaded whole or not at all."""

import gzip
import hashlib
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torchvision.datasets

from gan_cli.data import MNIST, FashionMNIST, aside, download
from gan_cli.errors import DataError

DATASETS = Path(__file__).parents[2].parent / "shared" / "datasets"


def idx(values: torch.Tensor) -> bytes:
    """An idx file of bytes."""
    sizes = b"".join(n.to_bytes(4, "big") for n in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.byte().numpy().tobytes()


def tiny(n: int = 10, first: int = 0) -> tuple[bytes, bytes]:
    """Images of one grey each, and the labels 0..9 in turn."""
    number = first + torch.arange(n)
    return idx(number.view(-1, 1, 1).expand(n, 28, 28)), idx(number % 10)


def published() -> dict[str, bytes]:
    """A whole little data set by the names of its files: 10 to train, 4 to test."""
    files: dict[str, bytes] = {}
    for part, (images, labels) in {"train": tiny(10), "t10k": tiny(4, first=100)}.items():
        files |= {f"{part}-images-idx3-ubyte": images, f"{part}-labels-idx1-ubyte": labels}
    return files


def write(folder: Path, files: dict[str, bytes], packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    return folder


REAL = {data: data.digests for data in (MNIST, FashionMNIST)}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Our little set is the published one; no data sets of the system's, and no way to the real mirrors."""
    digests = {name: hashlib.md5(data).hexdigest() for name, data in published().items()}
    monkeypatch.setattr(MNIST, "digests", digests)
    monkeypatch.setattr(FashionMNIST, "digests", digests)
    monkeypatch.setattr(download, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])  # nobody listens there


@pytest.fixture
def mirror(server, monkeypatch):
    """torchvision's mirror of MNIST, on this machine."""
    server.files = {f"{name}.gz": gzip.compress(data) for name, data in published().items()}
    md5 = [(name, hashlib.md5(data).hexdigest()) for name, data in server.files.items()]
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [server.url])
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", md5)
    return server


@pytest.mark.parametrize("packed", [False, True])
def test_torchvisions_layout_is_read_plain_or_packed(tmp_path, packed):
    write(tmp_path / "MNIST" / "raw", published(), packed)
    x, y = MNIST(root=str(tmp_path), size=28).load()
    assert x.shape == (10, 1, 28, 28)
    assert x[:, 0, 5, 5].tolist() == list(range(10))
    assert y is not None and y.dtype == torch.int64 and y.tolist() == list(range(10))


def test_files_that_are_there_need_no_torchvision(tmp_path, monkeypatch):
    write(tmp_path / "MNIST" / "raw", published())
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)  # its import fails
    assert len(MNIST(root=str(tmp_path)).load().x) == 10


def test_all_is_train_then_test(tmp_path):
    write(tmp_path / "MNIST" / "raw", published())
    x, _ = MNIST(root=str(tmp_path), split="all").load()
    assert x[:, 0, 9, 9].tolist() == [*range(10), 100, 101, 102, 103]
    assert MNIST(root=str(tmp_path), split="test", channels=3, size=16).load().x.shape == (4, 3, 16, 16)


def test_a_data_set_of_the_system_is_found_by_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SYSTEM_FOLDERS", (tmp_path / "none", tmp_path / "system"))
    write(tmp_path / "system" / "fashion-mnist", published(), packed=True)
    assert len(FashionMNIST(root=str(tmp_path), download=False).load().x) == 10
    with pytest.raises(DataError):
        MNIST(root=str(tmp_path), download=False).load()


def test_classes_are_kept_by_label_and_by_name(tmp_path):
    write(tmp_path / "FashionMNIST" / "raw", published())
    kept = FashionMNIST(root=str(tmp_path), classes=["Sneaker", 8]).load()
    assert kept.y is not None and kept.y.tolist() == [7, 8]
    assert kept.x[:, 0, 0, 0].tolist() == [7, 8]
    with pytest.raises(ValueError, match=r"7 Sneaker, 8 Bag(.|\n)*got \['Sneakers'\]"):
        FashionMNIST(classes=["Sneakers"])
    write(tmp_path / "MNIST" / "raw", published())
    with pytest.raises(
        DataError, match=r"no example has a label in \[5\]\nset dataset.classes to some of \[0, 1, 2, 3\]"
    ):
        MNIST(root=str(tmp_path), split="test", classes=[5]).load()


def test_without_files_and_download_the_error_says_what_to_put_where(tmp_path):
    with pytest.raises(DataError) as caught:
        MNIST(root=str(tmp_path), download=False).load()
    message = str(caught.value)
    assert re.search(r"MNIST is not in '.*/MNIST/raw' and dataset.download is false", message)
    assert "train-images-idx3-ubyte" in message and "t10k" not in message
    assert "dataset.root" in message
    assert not (tmp_path / "MNIST").exists()


def test_without_a_network_the_error_names_the_mirror_too(tmp_path):
    with pytest.raises(DataError, match=r"cannot be downloaded\n  http://127.0.0.1:9/train-images") as caught:
        MNIST(root=str(tmp_path)).load()
    assert "dataset.root" in str(caught.value)
    assert str(caught.value).count("\n") < 12
    assert max(map(len, str(caught.value).splitlines())) <= 100
    assert "Connection refused" in str(caught.value)
    assert not any(tmp_path.iterdir()), "no empty folders are left"


def test_what_is_missing_is_downloaded_once(tmp_path, mirror):
    assert MNIST(root=str(tmp_path)).load().x[:, 0, 0, 0].tolist() == list(range(10))
    assert set(mirror.asked) == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}
    mirror.asked.clear()
    assert len(MNIST(root=str(tmp_path)).load().x) == 10
    assert not mirror.asked
    assert len(MNIST(root=str(tmp_path), split="all").load().x) == 14
    assert set(mirror.asked) == {"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"}


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_download_leaves_nothing_and_the_next_start_heals(tmp_path, mirror, damage):
    name = "train-labels-idx1-ubyte.gz"
    whole = mirror.files[name]
    if damage == "cut":
        mirror.cut = {name}
    else:
        mirror.files[name] = whole[:-1] + b"x"
    with pytest.raises(DataError, match="cannot be downloaded"):
        MNIST(root=str(tmp_path)).load()
    raw = tmp_path / "MNIST" / "raw"
    assert [file.name for file in raw.iterdir()] == ["train-images-idx3-ubyte.gz"]
    mirror.cut, mirror.files[name] = set(), whole
    assert len(MNIST(root=str(tmp_path)).load().x) == 10


KILLED = """
import sys, torchvision.datasets
from gan_cli.data import MNIST, download
download.SYSTEM_FOLDERS = ()
torchvision.datasets.MNIST.mirrors = [sys.argv[2]]
torchvision.datasets.MNIST.resources = [(name, "0" * 32) for name in sys.argv[3:]]
MNIST(root=sys.argv[1]).load()
"""


def test_a_process_killed_while_it_downloads_leaves_nothing_that_the_next_start_does_not_clear(tmp_path, mirror):
    mirror.held = {"train-images-idx3-ubyte.gz"}
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), mirror.url, *mirror.files]) as process:
        assert mirror.halfway.wait(60)
        process.kill()
    raw = tmp_path / "MNIST" / "raw"
    assert [path.name[:12] for path in raw.iterdir()] == [".unfinished-"]
    mirror.held.clear()
    mirror.go.set()
    assert len(MNIST(root=str(tmp_path)).load().x) == 10
    assert {path.name for path in raw.iterdir()} == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}


def test_of_two_that_download_at_once_one_waits_for_the_other(tmp_path, mirror, caplog):
    MNIST(root=str(tmp_path / "alone")).load()
    once = list(mirror.asked)  # torchvision asks twice for each file, first for its address
    mirror.asked.clear()
    mirror.held = {"train-images-idx3-ubyte.gz"}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(MNIST(root=str(tmp_path)).load)
        assert mirror.halfway.wait(60)
        second = pool.submit(MNIST(root=str(tmp_path)).load)
        while not caplog.records and not second.done():
            time.sleep(0.01)
        mirror.go.set()
        assert len(first.result().x) == len(second.result().x) == 10
    assert "another process is filling" in caplog.text
    assert mirror.asked == once


def test_without_locks_two_downloads_still_do_not_meet(tmp_path, mirror, monkeypatch):
    monkeypatch.setattr(aside, "_lock", lambda *_: False)
    other = tmp_path / "MNIST" / "raw" / ".unfinished-of-another"
    other.mkdir(parents=True)
    assert len(MNIST(root=str(tmp_path)).load().x) == 10
    assert other.is_dir(), "it may be in use"


def test_the_second_mirror_helps_out(tmp_path, mirror, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/", mirror.url])
    assert len(MNIST(root=str(tmp_path)).load().x) == 10


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("train-images-idx3-ubyte", lambda data: data[:-1], "says it has 7840 values and has 7839"),
        ("train-images-idx3-ubyte", lambda data: data + b"x", "says it has 7840 values and has more"),
        ("train-images-idx3-ubyte", lambda _: b"<html>not found</html>", "not an idx file of bytes in 3 dimensions"),
        ("train-images-idx3-ubyte", lambda _: b"", "not an idx file"),
        ("train-images-idx3-ubyte", lambda _: tiny()[1], "in 3 dimensions: begins 00 00 08 01"),
        ("train-images-idx3-ubyte", lambda data: data[:4] + b"\xff" * 12 + data[16:], "header is damaged"),
        ("train-images-idx3-ubyte", lambda data: data[:4] + b"\0\1\xff\xff" + data[8:], "header is damaged"),
        ("train-images-idx3-ubyte", lambda data: data[:-1] + b"x", "' is not MNIST's\nits MD5 is"),
        ("train-images-idx3-ubyte", lambda _: tiny(10, first=1)[0], "' is not MNIST's\nits MD5 is"),
        ("train-labels-idx1-ubyte", lambda _: tiny(9)[1], "' is not MNIST's\nits MD5 is"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path, name, damage, says):
    files = published()
    write(tmp_path / "MNIST" / "raw", files | {name: damage(files[name])})
    with pytest.raises(DataError, match=says) as caught:
        MNIST(root=str(tmp_path)).load()
    assert name in str(caught.value)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda _: b"text", lambda d: d[:40] + b"xxxx" + d[44:]])
def test_a_damaged_gz_is_refused(tmp_path, damage):
    raw = write(tmp_path / "MNIST" / "raw", published(), packed=True)
    file = raw / "train-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=r"idx3-ubyte.gz' (cannot be read|is not an idx)"):
        MNIST(root=str(tmp_path)).load()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"split": "valid"}, "split must be one of train, test, all, got 'valid'"),
        ({"size": 0}, "size must be at least 1"),
        ({"channels": 4}, "channels must be one of 1, 3, got 4"),
    ],
)
def test_an_argument_out_of_range_says_what_was_found(arguments, says):
    with pytest.raises(ValueError, match=says):
        MNIST(**arguments)


@pytest.mark.skipif(not DATASETS.is_dir(), reason="the real files are not in ../shared/datasets")
@pytest.mark.parametrize(("data", "mean"), [(MNIST, 0.1307), (FashionMNIST, 0.2860)])
def test_the_published_files_have_the_mean_everyone_knows(data, mean, monkeypatch):
    monkeypatch.setattr(data, "digests", REAL[data])
    x, y = data(root=str(DATASETS), size=28, download=False).load()
    assert x.shape == (60000, 1, 28, 28)
    assert y is not None and y.bincount().min() > 5000
    assert x.double().mean().item() / 255 == pytest.approx(mean, abs=1e-4)
