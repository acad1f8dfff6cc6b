"""The classifier trained on the spot: as good as it must be, always the same one, and no trace of its training."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_cli import data, features, state
from gan_cli.errors import DataError
from gan_cli.features.network import Network, prepared

DATASETS = Path(__file__).parents[2].parent / "shared" / "datasets"
HERE = sys.modules["gan_cli.features.classifier"]  # the package has a function of this name


def blobs(n: int = 60, shape: tuple[int, ...] = (1, 8, 8), classes: int = 2) -> tuple[Tensor, Tensor]:
    """Images that are bright in another column for each class: learned in no time."""
    y = torch.arange(n) % classes
    x = torch.randint(0, 60, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    x[torch.arange(n), :, :, 2 * y] = 255
    return x, y


@pytest.fixture
def quick(monkeypatch):
    """Ten steps of training: for what does not depend on how good it gets."""
    monkeypatch.setattr(HERE, "EPOCHS", 2)
    monkeypatch.setattr(HERE, "LEAST", 1)


@pytest.fixture(scope="module")
def digits() -> tuple[features.Classifier, Tensor, Tensor]:
    """The classifier of the default data set, and 600 held-out digits: it is trained on the 1,197 others."""
    x, y = data.Digits().load()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    rest, apart = order[600:], order[:600]
    return features.classifier(x[rest], y[rest], x[apart], y[apart], name="digits"), x[apart], y[apart]


def test_it_is_right_about_97_of_100_held_out_digits(digits):
    space, x, y = digits
    found = space(x).logits.argmax(1)
    assert space.held_out == (found == y).double().mean().item() >= 0.97
    assert space.n_held_out == 600


@pytest.mark.slow
@pytest.mark.parametrize("size", [28, 32])
@pytest.mark.parametrize(("source", "least"), [(data.MNIST, 0.99), (data.FashionMNIST, 0.91)])
def test_it_is_as_good_as_the_figures_need(source, least, size):
    if not (DATASETS / source.title).is_dir():
        pytest.skip(f"no {source.title} in {DATASETS}")
    parts = {split: source(str(DATASETS), split, size, download=False).load() for split in ("train", "test")}
    space = features.classifier(*parts["train"], *parts["test"], name=source.title.lower())
    assert space.held_out >= least


def test_it_says_what_it_is(digits):
    space, x, _ = digits
    assert (space.name, space.distance, space.classes) == ("classifier-digits-16", "cfd", 10)
    assert space.preprocessing == "pixels of 1 x 16 x 16 to [-1, 1]"
    found = space(x[:50])
    assert found.x.shape == (50, 128) and found.x.dtype == torch.float32 and found.x.min() == 0  # after a ReLU
    assert found.logits.shape == (50, 10) and found.logits.dtype == torch.float32


def test_features_of_an_image_do_not_depend_on_the_others(digits):
    space, x, _ = digits
    together = space(torch.cat([x, x]))  # in three parts
    assert torch.allclose(together.x[:600], together.x[600:], atol=1e-5)
    assert torch.allclose(space(x[7:8]).x[0], together.x[7], atol=1e-5)


def test_images_of_another_size_are_refused(digits):
    space, x, _ = digits
    with pytest.raises(
        DataError, match="classifier-digits-16 takes uint8 images of 1 x 16 x 16, got uint8 of 1 x 8 x 8"
    ):
        space(x[:, :, ::2, ::2])
    with pytest.raises(DataError, match="got float32"):
        space(x.float())


def test_the_same_images_make_the_same_classifier_on_any_number_of_threads(quick):
    x, y = blobs()
    one = features.classifier(x, y, name="blobs")
    torch.set_num_threads(2)
    try:
        torch.manual_seed(3)
        two = features.classifier(x, y, name="blobs")
    finally:
        torch.set_num_threads(1)
    assert one.digest == two.digest
    assert torch.equal(one(x).x, two(x).x)
    y = y.roll(1)
    assert features.classifier(x, y, name="blobs").digest != one.digest


def test_training_it_leaves_random_numbers_threads_and_modes_as_they_were(quick):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(5)
    want = torch.rand(4)
    torch.manual_seed(5)
    try:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            space = features.classifier(*blobs(), name="blobs")
            assert not torch.is_grad_enabled() and torch.is_inference_mode_enabled()
            assert torch.is_autocast_enabled("cpu")
            inside = space(blobs()[0]).x
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.rand(4), want)
        assert torch.is_grad_enabled()
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(inside, space(blobs()[0]).x)  # not in bfloat16
    assert space.digest == features.classifier(*blobs(), name="blobs").digest


def test_a_tenth_is_held_out_where_no_test_images_are_given(quick):
    x, y = blobs(400)
    space = features.classifier(x, y, name="blobs")
    assert space.n_held_out == 40
    assert space.held_out == 1


def test_the_held_out_share_is_that_of_the_space_itself_not_of_a_network_in_training(quick):
    """Labels without a reason: half are right by chance, and dropout would let others be."""
    x = torch.randint(0, 256, (900, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    y = torch.randint(0, 2, (900,), generator=torch.Generator().manual_seed(3))
    space = features.classifier(x[:300], y[:300], x[300:], y[300:], name="noise")
    assert space.held_out == (space(x[300:]).logits.argmax(1) == y[300:]).double().mean().item()
    assert 0.4 < space.held_out < 0.6  # five standard deviations


def test_of_very_many_images_some_are_learned_from(quick, monkeypatch):
    monkeypatch.setattr(HERE, "MOST", 200)
    said: list[str] = []
    x, y = blobs(400)
    space = features.classifier(x, y, name="blobs", say=said.append)
    assert "training on 180 images" in said[0] and space.n_held_out == 20
    space = features.classifier(x, y, x[:7], y[:7], name="blobs", say=said.append)
    assert "training on 200 images" in said[2] and space.n_held_out == 7


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 17, 9), (1, 28, 28), (3, 64, 64), (4, 8, 64)])
def test_it_takes_grey_and_colour_images_of_8_to_64_pixels(shape):
    net = Network(shape, 7).eval()
    images = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    hidden, logits = net.of(images)
    assert hidden.shape == (2, 128) and logits.shape == (2, 7)
    assert torch.equal(logits, net(prepared(images)))


def test_the_network_for_mnist_has_99_thousand_weights():
    assert sum(p.numel() for p in Network((1, 28, 28), 10).parameters()) == 98_810


@pytest.mark.parametrize(
    ("shape", "y", "what"),
    [
        ((60, 1, 7, 8), torch.arange(60) % 2, "takes uint8 images with sides of 8 to 64, got uint8 of 1 x 7 x 8"),
        ((60, 1, 8, 65), torch.arange(60) % 2, "got uint8 of 1 x 8 x 65"),
        ((60, 2), torch.arange(60) % 2, "got uint8 of 2"),
        ((60, 1, 8, 8), None, "takes a label for each image, got none"),
        ((60, 1, 8, 8), torch.arange(59) % 2, r"takes a label for each image, got \[59\]"),
        ((60, 1, 8, 8), torch.zeros(60).long(), "takes 20 images of two classes or more, got 60 of 1"),
        ((0, 1, 8, 8), torch.zeros(0).long(), "got 0 of 0"),
        ((60, 1, 8, 8), torch.arange(60) - 1, "takes labels of 0 to 1023, got -1 to 58"),
        ((60, 1, 8, 8), torch.arange(60) * 2**40, "got 0 to 64871186038784"),
    ],
    ids=str,
)
def test_what_cannot_be_learned_is_refused(shape, y, what):
    x = torch.zeros(shape, dtype=torch.uint8)
    assert re.search(what, str(features.why_not(x, y)))
    with pytest.raises(DataError, match=what):
        features.classifier(x, y, name="bad")


def test_what_can_be_learned_is_not_refused():
    assert features.why_not(*blobs()) is None


# The file it is kept in


@pytest.fixture
def kept(quick, tmp_path):
    """A classifier that was trained once, its images, the only file in its cache, and what was said."""
    x, y = blobs()
    said: list[str] = []
    space = features.classifier(x, y, name="blobs", cache=tmp_path, say=said.append)
    (path,) = tmp_path.rglob("*.*")
    return space, x, y, path, said


def test_it_is_trained_once(kept, tmp_path, monkeypatch):
    space, x, y, path, said = kept
    assert "training on 54 images" in said[0] and "held-out images right" in said[-1]
    monkeypatch.setattr(HERE, "_fit", lambda *_: pytest.fail("trained again"))
    again = features.classifier(x, y, name="other-name", cache=tmp_path, say=pytest.fail)
    assert (again.digest, again.held_out, again.n_held_out) == (space.digest, space.held_out, space.n_held_out)
    assert again.name == "classifier-other-name-8"
    assert torch.equal(again(x).logits, space(x).logits)
    assert path.stat().st_mode & 0o077 == 0 or os.name == "nt" or path.parent.stat().st_mode & 0o077 == 0


def test_other_data_have_a_file_of_their_own(kept, tmp_path):
    _, x, y, path, _ = kept
    x = x.clone()
    x[3, 0, 0, 0] += 1
    features.classifier(x, y, name="blobs", cache=tmp_path)
    assert len([*path.parent.iterdir()]) == 2


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def retold(change):
    """A file with a right digest over other content."""

    def damage(data: bytes, path: Path) -> bytes:
        content = state.read(path)
        del content["digest"]
        change(content)
        return state.to_bytes(content | {"digest": state.digest(content)})

    return damage


DAMAGE = {
    "a bit": lambda data, _: flipped(data),
    "half": lambda data, _: data[: len(data) // 2],
    "nothing": lambda *_: b"",
    "no such file": lambda *_: b"GIF89a" * 100,
    "another classifier": retold(lambda content: content.update(key="0" * 64)),
    "no accuracy": retold(lambda content: content.pop("held_out")),
    "an accuracy above 1": retold(lambda content: content.update(held_out=7.0)),
    "weights of another shape": retold(lambda content: content["weights"].update({"last.bias": torch.zeros(3)})),
    "a weight too few": retold(lambda content: content["weights"].pop("last.bias")),
    "a header of gigabytes": lambda data, _: (2**62).to_bytes(8, "little") + data[8:],
    "more tensors than there are": retold(lambda content: content.update(more=torch.zeros(2**20))),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_or_foreign_file_is_seen_and_made_anew(kept, tmp_path, damage):
    space, x, y, path, _ = kept
    good = path.read_bytes()
    path.write_bytes(DAMAGE[damage](good, path))
    said: list[str] = []
    again = features.classifier(x, y, name="blobs", cache=tmp_path, say=said.append)
    assert "is damaged; the classifier is trained anew" in said[0]
    assert again.digest == space.digest
    assert path.read_bytes() == good


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_its_place_is_not_waited_for(kept, tmp_path):
    space, x, y, path, _ = kept
    path.unlink()
    os.mkfifo(path)
    assert features.classifier(x, y, name="blobs", cache=tmp_path).digest == space.digest


def test_where_it_cannot_be_kept_it_is_used_all_the_same(quick, tmp_path):
    (tmp_path / "classifiers").write_text("a file where the folder should be")
    said: list[str] = []
    space = features.classifier(*blobs(), name="blobs", cache=tmp_path, say=said.append)
    assert "cannot be kept" in said[-1]
    assert space.n_held_out == 6


def test_what_is_interrupted_before_it_has_its_name_leaves_no_file(quick, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    said: list[str] = []
    features.classifier(*blobs(), name="blobs", cache=tmp_path, say=said.append)
    assert "cannot be kept" in said[-1] and "No space left on device" in said[-1]
    assert [*(tmp_path / "classifiers").iterdir()] == []


@pytest.mark.slow
def test_two_processes_at_once_come_to_one_file(tmp_path):
    code = (
        "import sys, pathlib; from gan_cli import data, features; x, y = data.Digits(8).load();"
        "print(features.classifier(x, y, name='digits', cache=pathlib.Path(sys.argv[1])).digest)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in started]
    assert said[0] == said[1] and len(said[0].strip()) == 64
    (path,) = (tmp_path / "classifiers").iterdir()
    x, y = data.Digits(8).load()
    assert features.classifier(x, y, name="digits", cache=tmp_path, say=pytest.fail).digest == said[0].strip()
    assert path.suffix == ".safetensors"


def test_nothing_is_unpickled_in_here():
    """Of features, only Inception's published weights are: after their digest was found right, and as tensors alone."""
    for path in Path(features.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert "pickle" not in text.replace("unpickle", ""), path
        assert "weights_only=False" not in text, path
        assert text.count("torch.load(") == text.count("weights_only=True"), path
