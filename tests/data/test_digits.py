"""The digits that come with scikit-learn."""

import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gan_cli.data import Digits, digits


def test_at_their_own_size_the_digits_are_the_stored_ones_on_the_scale_of_bytes():
    x, y = Digits(size=8).load()
    pixels, digits = load_digits(return_X_y=True)
    assert torch.equal(x, torch.tensor(pixels).mul(255 / 16).round().byte().view(-1, 1, 8, 8))
    assert y is not None and torch.equal(y, torch.tensor(digits))
    assert (len(x), x.min().item(), x.max().item()) == (1797, 0, 255)


def test_the_file_is_read_as_scikit_learn_reads_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)  # its import fails
    for ours, theirs in zip(digits.read_digits(), load_digits(return_X_y=True), strict=True):
        assert np.array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("change", [("FILE", ("gone",)), ("MD5", "of another file")], ids=lambda change: change[0])
def test_where_the_file_is_another_one_scikit_learn_reads_it(monkeypatch, change):
    before = Digits().load().x
    monkeypatch.setattr(digits, *change)
    assert torch.equal(Digits().load().x, before)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError):
        Digits().load()


def test_size_and_channels_are_those_of_the_promised_shape():
    data = Digits(size=16, channels=3)
    x, _ = data.load()
    assert x.shape == (1797, 3, 16, 16) == (1797, *data.shape)
    assert x.dtype == torch.uint8
    assert torch.equal(x[:, 0], x[:, 2])


def test_enlarging_keeps_the_brightness():
    small, large = Digits(size=8).load().x.float(), Digits(size=32).load().x.float()
    assert large.mean().item() == pytest.approx(small.mean().item(), rel=0.02)  # bicubic overshoots are clipped


def test_classes_keep_their_labels():
    x, y = Digits(classes=[3, 7]).load()
    assert y is not None and set(y.tolist()) == {3, 7}
    assert len(x) == 183 + 179


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"channels": 2}, "channels must be one of 1, 3, got 2"),
        ({"classes": [10]}, r"classes must name some of\n  0, 1, 2, 3, 4, 5, 6, 7, 8, 9\ngot \[10\]"),
        ({"classes": []}, r"got \[\]"),
        ({"classes": "37"}, r"classes must be a list such as \[37\]"),
    ],
)
def test_an_argument_out_of_range_says_what_was_found(arguments, says):
    with pytest.raises(ValueError, match=says):
        Digits(**arguments)
