"""With a classifier that is trained as it is for users, and Inception's weights where they are."""

import pytest
import torch
from evaluation.conftest import reals

from gan_cli import features
from gan_cli.data import Digits, StackedDigits
from gan_cli.errors import DataError
from gan_cli.evaluation import Judge, Options
from gan_cli.features.classifier import classifier


@pytest.fixture
def trained(monkeypatch, quick_classifier):
    """The classifier itself, in place of the stand-in."""
    monkeypatch.setattr(features, "classifier", classifier)


@pytest.mark.slow
def test_digits_in_the_space_of_a_classifier_that_was_trained_on_them(trained):
    judge = Judge(reals(Digits(8), 179), Options(["cfd", "classes", "class_kl", "confidence", "memorised"]))
    other = judge.reals.again(0, 898).x
    fresh = {figure.metric: figure for figure in judge(lambda _, n: other[:n])}
    assert fresh["cfd"].value == fresh["cfd"].floor, "the other half is what the floor is of"
    ones = Digits(8, classes=[1]).load().x
    collapsed = {figure.metric: figure for figure in judge(lambda _, n: ones[torch.arange(n) % len(ones)])}
    assert collapsed["cfd"].value > 20 * fresh["cfd"].floor
    assert collapsed["classes"].value <= 3 and collapsed["class_kl"].value > 2, "log 10 is 2.30"
    assert fresh["confidence"].floor > 0.98
    assert judge.memory["verdict"] == "copies", "they are training images"


@pytest.mark.slow
def test_a_perfect_sampler_of_stacked_digits_finds_nearly_all_modes(trained):
    data = StackedDigits(8, 3000)
    judge = Judge(reals(data), Options(["stacked_modes", "stacked_kl"]))
    found = {figure.metric: figure for figure in judge(lambda _, n: StackedDigits(8, n, pairing=5).load().x)}
    assert found["stacked_modes"].n_fake == 26_000
    assert found["stacked_modes"].value == found["stacked_modes"].floor == 1000
    assert found["stacked_kl"].value == pytest.approx(0.0237, abs=0.01)
    assert found["stacked_kl"].floor == pytest.approx(found["stacked_kl"].value, abs=0.01)


def test_weights_that_are_not_inceptions_are_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"others")
    with pytest.raises(DataError, match="Inception's weights: "):
        Judge(reals(Digits(8)), Options(["fid"], inception=tmp_path / "weights.pth"))
