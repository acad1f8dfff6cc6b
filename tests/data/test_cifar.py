"""CIFAR-10: nothing is unpickled that was not published."""

import hashlib
import io
import pickle
import sys
import tarfile

import numpy as np
import pytest
import torch
import torchvision.datasets

from gan_cli.data import CIFAR10, download
from gan_cli.errors import DataError


def batch(first: int) -> bytes:
    """A batch of ten as it was published: rows of 1024 red, 1024 green and 1024 blue values."""
    rows = np.zeros((10, 3072), dtype=np.uint8)
    rows[:, :1024] = (first + np.arange(10))[:, None]
    rows[:, 1024:2048] = 200
    return pickle.dumps({"data": rows, "labels": list(range(10))})


class Published:
    """A little CIFAR-10: two batches to train, one to test."""

    def __init__(self) -> None:
        self.files = {"data_batch_1": batch(0), "data_batch_2": batch(10), "test_batch": batch(100)}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, data in self.files.items():
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        self.archive = buffer.getvalue()


@pytest.fixture
def cifar(monkeypatch):
    made = Published()
    listed = [(name, hashlib.md5(data).hexdigest()) for name, data in made.files.items()]
    monkeypatch.setattr(CIFAR10, "train", dict(listed[:2]))
    monkeypatch.setattr(CIFAR10, "test", dict(listed[2:]))
    monkeypatch.setattr(CIFAR10, "archive_md5", hashlib.md5(made.archive).hexdigest())
    nobody = "http://127.0.0.1:9/cifar-10-python.tar.gz"  # listens there
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", nobody)
    monkeypatch.setattr(download, "SYSTEM_FOLDERS", ())
    return made


def test_the_published_files_are_those_of_torchvision():
    theirs = torchvision.datasets.CIFAR10
    ours = (CIFAR10.folder, CIFAR10.archive, CIFAR10.archive_md5)
    assert ours == (theirs.base_folder, theirs.filename, theirs.tgz_md5)
    assert [*CIFAR10.train.items()] == [*map(tuple, theirs.train_list)]
    assert [*CIFAR10.test.items()] == [*map(tuple, theirs.test_list)]


def put(root, files):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_torchvisions_layout_is_read_in_the_right_order_of_axes(tmp_path, cifar):
    put(tmp_path, cifar.files)
    x, y = CIFAR10(root=str(tmp_path), download=False).load()
    assert x.shape == (20, 3, 32, 32)
    assert x[:, 0, 31, 31].tolist() == list(range(20))
    assert x[:, 1].unique().tolist() == [200]
    assert y is not None and y.tolist() == [*range(10)] * 2
    assert CIFAR10(root=str(tmp_path), split="all", channels=1, size=8).load().x.shape == (30, 1, 8, 8)


def test_grey_is_the_luma_of_the_colours(tmp_path, cifar):
    put(tmp_path, cifar.files)
    x, _ = CIFAR10(root=str(tmp_path), channels=1, split="test").load()
    assert x[0].unique().tolist() == [round(0.299 * 100 + 0.587 * 200)]


def test_classes_are_known_by_name(tmp_path, cifar):
    put(tmp_path, cifar.files)
    kept = CIFAR10(root=str(tmp_path), classes=["cat", "dog"], split="test").load()
    assert kept.y is not None and kept.y.tolist() == [3, 5]
    with pytest.raises(ValueError, match=r"3 cat, 4 deer(.|\n)*got \['Cat'\]"):
        CIFAR10(classes=["Cat"])


def test_a_batch_that_was_not_published_is_never_unpickled(tmp_path, cifar):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was loaded",))

    put(tmp_path, cifar.files | {"data_batch_2": pickle.dumps(Evil())})
    with pytest.raises(DataError, match=r"data_batch_2' is not CIFAR-10's\nits MD5 is"):
        CIFAR10(root=str(tmp_path)).load()


def test_the_archive_is_unpacked_without_a_network(tmp_path, cifar):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(cifar.archive)
    assert len(CIFAR10(root=str(tmp_path), download=False).load().x) == 20
    assert len(CIFAR10(root=str(tmp_path), download=False).load().x) == 20


def test_what_a_kill_left_of_unpacking_is_cleared_and_done_again(tmp_path, cifar):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(cifar.archive)
    put(tmp_path, {"data_batch_1": cifar.files["data_batch_1"]})  # moved in before the kill; the other was not
    left = tmp_path / "cifar-10-batches-py" / ".unfinished-killed" / "cifar-10-batches-py"
    left.mkdir(parents=True)
    (left / "data_batch_2").write_bytes(cifar.files["data_batch_2"][:9])
    assert len(CIFAR10(root=str(tmp_path), download=False).load().x) == 20
    batches = {path.name for path in (tmp_path / "cifar-10-batches-py").iterdir()}
    assert batches == {"data_batch_1", "data_batch_2", "test_batch"}


def test_a_damaged_archive_is_not_opened_but_fetched_again(tmp_path, cifar, server, monkeypatch):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(cifar.archive[:100])
    with pytest.raises(DataError, match=r"cifar-10-python.tar.gz is damaged"):
        CIFAR10(root=str(tmp_path), download=False).load()
    with pytest.raises(DataError, match=r"cannot be downloaded or unpacked\n  http://127.0.0.1:9"):
        CIFAR10(root=str(tmp_path)).load()
    server.files["cifar-10-python.tar.gz"] = cifar.archive
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", server.url + "cifar-10-python.tar.gz")
    assert torch.equal(CIFAR10(root=str(tmp_path)).load().x[:, 0, 0, 0], torch.arange(20).byte())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]


def test_files_that_are_there_need_no_torchvision(tmp_path, cifar, monkeypatch):
    put(tmp_path, cifar.files)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)  # its import fails
    assert len(CIFAR10(root=str(tmp_path)).load().x) == 20


def test_missing_files_are_named_with_their_place(tmp_path, cifar):
    with pytest.raises(DataError, match=r"put cifar-10-python.tar.gz into '.*'\nor set dataset.root"):
        CIFAR10(root=str(tmp_path), download=False).load()
    with pytest.raises(ValueError, match="split must be one of train, test, all, got 'none'"):
        CIFAR10(split="none")  # type: ignore[arg-type]
