"""Stacked digits: which digits come together, and what a classifier of one channel reads."""

from pathlib import Path

import pytest
import torch

from gan_cli import data, features
from gan_cli.errors import DataError

DATASETS = Path(__file__).parents[2].parent / "shared" / "datasets"


def test_each_channel_is_a_digit_and_the_label_is_the_number_that_they_show():
    source = data.StackedDigits(size=8, examples=500)
    x, y = source.load()
    grey, digit = source.digits.load()
    known = {image.numpy().tobytes(): int(label) for image, label in zip(grey, digit, strict=True)}
    read = [[known[channel.numpy().tobytes()] for channel in image] for image in x]
    assert x.shape == (500, *source.shape) == (500, 3, 8, 8) and x.dtype == torch.uint8
    assert y.dtype == torch.int64
    assert y.tolist() == [100 * r + 10 * g + b for r, g, b in read]
    assert source.names[407] == "407"


def test_the_pairing_is_a_function_of_its_key_alone():
    torch.manual_seed(1)
    first = data.StackedDigits(8, 300).load()
    torch.manual_seed(2)
    again, other = data.StackedDigits(8, 300).load(), data.StackedDigits(8, 300, pairing=1).load()
    assert torch.equal(first.x, again.x) and torch.equal(first.y, again.y)
    assert not torch.equal(first.y, other.y)


def test_a_thousand_modes_or_as_many_as_some_digits_make():
    """Of 20,000 draws of 1,000 modes, each of about 0.1 percent, one is missing once in 500,000 times."""
    assert data.StackedDigits().modes == 1000
    assert len(data.StackedDigits(8).load().y.unique()) == 1000
    four = data.StackedDigits(8, examples=2000, classes=[0, 1, 4, 7])
    labels = four.load().y.unique()
    assert four.modes == len(labels) == 64
    assert {digit for label in labels.tolist() for digit in f"{label:03d}"} == set("0147")


@pytest.mark.parametrize(("arguments", "what"), [
    ({"examples": 0}, "examples must be at least 1, got 0"),
    ({"pairing": -1}, "pairing must be at least 0, got -1"),
    ({"size": 0}, "size must be at least 1"),
    ({"classes": [12]}, "classes must name some of"),
])  # fmt: skip
@pytest.mark.parametrize("source", [data.StackedDigits, data.StackedMNIST])
def test_what_cannot_be_stacked_is_refused(source, arguments, what):
    with pytest.raises(ValueError, match=what):
        source(**arguments)


def test_more_images_than_there_is_memory_for_are_refused_before_any_is_made():
    with pytest.raises(DataError, match="more than there is"):
        data.StackedDigits(examples=10**12).load()


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match="MNIST is not in"):
        data.StackedMNIST(str(tmp_path), download=False).load()


def test_the_images_are_in_memory_once(apart):
    """60,000 of 32 x 32 are 184 MB; the digits of 8 x 8 that they are made of, nothing."""
    code = "x = gan_cli.data.StackedDigits(32, 60_000).load().x; print(x.numel())"
    assert apart(code).growth < 184 + 40


def test_a_classifier_of_grey_digits_reads_every_channel_as_well_as_it_reads_digits():
    """Trained on half of the digits; what is stacked of them all, it reads right in 97 of 100 channels."""
    source = data.StackedDigits(examples=1000)
    grey, digit = source.digits.load()
    space = features.classifier(grey[::2], digit[::2], grey[1::2], digit[1::2], name="digits")
    x, y = source.load()
    read = features.channels(space)(x)
    truth = torch.stack([y // 100, y // 10 % 10, y % 10], 1)
    assert read.shape == (1000, 3) and read.dtype == torch.int64
    right = (read == truth).double().mean(0)
    assert space.held_out >= 0.97
    assert right.min() >= 0.97


@pytest.mark.slow
def test_a_perfect_sampler_of_stacked_mnist_shows_all_modes():
    """26,000 images: all modes, and KL to uniform 0.0236, standard deviation 0.0011, as 300 multinomial draws by
    the frequencies of MNIST's labels have it. 0.0043 of it is those frequencies, and the rest is chance.
    """
    if not (DATASETS / "MNIST").is_dir():
        pytest.skip(f"no MNIST in {DATASETS}")
    parts = {split: data.MNIST(str(DATASETS), split, download=False).load() for split in ("train", "test")}
    space = features.classifier(*parts["train"], *parts["test"], name="mnist")
    x, y = data.StackedMNIST(str(DATASETS), examples=26_000, download=False).load()
    r, g, b = features.channels(space)(x).T
    read = 100 * r + 10 * g + b
    assert (read == y).double().mean() >= 0.97
    counts = torch.bincount(read, minlength=1000).double()
    p = counts / counts.sum()
    assert (counts > 0).sum() >= 999
    assert torch.special.xlogy(p, 1000 * p).sum().item() == pytest.approx(0.0236, abs=0.004)
