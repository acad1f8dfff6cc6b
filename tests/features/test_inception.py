"""Inception: the published weights and no others, whole or not at all; what torch-fidelity makes of the pixels."""

import hashlib
import io
import os
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_cli import data, features
from gan_cli.errors import DataError

HERE = sys.modules["gan_cli.features.inception"]  # the package has a function of this name
REAL = os.environ.get("INCEPTION_WEIGHTS")  # the published file, where there is one
DATASETS = Path(os.environ.get("DATASETS", Path(__file__).parents[2].parent / "shared" / "datasets"))
NAME = "weights-inception-2015-12-05-6726825d.pth"


def publish(monkeypatch, content: bytes) -> bytes:
    """Let these bytes be the published ones."""
    monkeypatch.setattr(HERE, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(HERE, "BYTES", len(content))
    return content


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """torch's folder of downloads, empty."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def where(monkeypatch, url: str) -> None:
    import torch_fidelity.feature_extractor_inceptionv3 as theirs

    monkeypatch.setattr(theirs, "URL_INCEPTION_V3", f"{url}{NAME}")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.pth' is not there"):
        features.inception(tmp_path / "none.pth")
    with pytest.raises(DataError, match="is no file"):
        features.inception(tmp_path)


def test_other_weights_are_refused_before_anything_of_them_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was loaded"))
    path = tmp_path / "evil.pth"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.\n")
    with pytest.raises(DataError) as error:
        features.inception(path)
    text = " ".join(str(error.value).split())
    assert "evil.pth' is cut off: 24 bytes of 95,628,359" in text
    assert "expected weights-inception-2015-12-05-6726825d.pth" in text
    assert len(str(error.value).splitlines()) <= 5


def test_a_file_of_the_right_size_and_other_content_is_refused(tmp_path, monkeypatch):
    publish(monkeypatch, b"good weights")
    path = tmp_path / "weights.pth"
    path.write_bytes(b"evil weights")
    with pytest.raises(DataError, match="another file: 12 bytes, SHA-256 "):
        features.inception(path)
    path.write_bytes(b"good weights and more")
    with pytest.raises(DataError, match="another file: more than 12 bytes"):
        features.inception(path)


def test_a_download_that_fails_says_which_file_to_put_where(hub, monkeypatch):
    where(monkeypatch, "http://127.0.0.1:9/")  # nobody listens there
    said: list[str] = []
    with pytest.raises(DataError) as error:
        HERE._found(said.append)
    lines = str(error.value).splitlines()
    assert lines[0].startswith("Inception's weights are not there and cannot be downloaded: ")
    assert lines[1:3] == ["put this file (96 MB)", f"  http://127.0.0.1:9/{NAME}"]
    assert lines[3:] == ["into", f"  {hub}", "or give the path of a copy"]
    assert said == [f"downloading Inception's weights, 96 MB, to {hub / NAME}"]


def test_a_download_comes_whole_or_not_at_all(hub, monkeypatch, tmp_path):
    content = publish(monkeypatch, os.urandom(5000))
    where(monkeypatch, f"{tmp_path.as_uri()}/")
    (tmp_path / NAME).write_bytes(content[:2500])
    with pytest.raises(DataError, match="the download is cut off: 2,500 bytes of 5,000"):
        HERE._found(lambda _: None)
    assert not hub.exists()
    (tmp_path / NAME).write_bytes(content)
    assert HERE._found(lambda _: None) == content
    assert [path.name for path in hub.iterdir()] == [NAME]
    assert HERE._found(pytest.fail) == content  # found there


def test_a_download_of_something_else_is_refused_and_not_kept(hub, monkeypatch, tmp_path):
    publish(monkeypatch, b"good weights")
    where(monkeypatch, f"{tmp_path.as_uri()}/")
    (tmp_path / NAME).write_bytes(b"<html>Log in")
    with pytest.raises(DataError, match="the download is another file: 12 bytes"):
        HERE._found(lambda _: None)
    assert not hub.exists()


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory) -> Path:
    """A file of weights of the right shapes."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        net = FeatureExtractorInceptionV3("random", ["2048"], feature_extractor_weights_path=empty)
    path: Path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=False)  # as in 2020, when it was published
    return path


def images(n: int, channels: int, side: int) -> Tensor:
    return torch.randint(
        0, 256, (n, channels, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(n)
    )


@pytest.mark.slow  # 24 million weights
def test_features_are_those_of_torch_fidelity(random_weights, monkeypatch):
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    publish(monkeypatch, random_weights.read_bytes())
    torch.manual_seed(9)
    before = torch.get_rng_state()
    space = features.inception(random_weights)
    assert torch.equal(torch.get_rng_state(), before)
    theirs = FeatureExtractorInceptionV3("theirs", ["2048"], feature_extractor_weights_path=str(random_weights))
    x = images(3, 3, 32)
    want = theirs(x)[0]
    found = space(x)
    assert found.x.shape == (3, 2048) and found.logits.shape == (3, 1008)
    torch.testing.assert_close(found.x, want)
    grey = images(2, 1, 28)
    torch.testing.assert_close(space(grey).x, theirs(torch.cat([grey] * 3, 1))[0])
    assert (space.name, space.distance, space.classes) == ("inception-2015-12-05", "fid", None)
    assert space.digest == hashlib.sha256(random_weights.read_bytes()).hexdigest()
    assert "299" in space.preprocessing and "RGB" in space.preprocessing
    with pytest.raises(DataError, match="got 4 channels"):
        space(images(2, 4, 16))


@pytest.mark.slow
def test_a_truncated_file_of_real_weights_is_refused(random_weights, monkeypatch, tmp_path):
    content = publish(monkeypatch, random_weights.read_bytes())
    path = tmp_path / "cut.pth"
    path.write_bytes(content[:-1000])
    with pytest.raises(DataError, match="is cut off"):
        features.inception(path)


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="INCEPTION_WEIGHTS does not name the published file")
def test_fid_of_cifar_10_train_against_test_is_what_others_found():
    """About 3.15 with 50,000 against 10,000 images: Heusel et al.'s network on real data (REFERENCE: 3.1)."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    root = next((place for place in (DATASETS, Path("datasets")) if (place / "cifar-10-batches-py").is_dir()), None)
    if root is None:
        pytest.skip("no CIFAR-10 in DATASETS or datasets/")
    space = features.inception(Path(str(REAL)), "cuda" if torch.cuda.is_available() else "cpu")
    parts = [data.CIFAR10(str(root), split, download=False).load().x for split in ("train", "test")]
    statistics = [fid_features_to_statistics(space(x).x) for x in parts]
    found = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert found == pytest.approx(3.15, abs=0.1)
