"""What samples score: against which real data, in which space, beside which floor."""

import math

import numpy as np
import pytest
import torch
from evaluation.conftest import TwoParts, reals

from gan_cli import features, metrics
from gan_cli.data import Array, Digits, Gaussian, Grid, Ring, Spiral, StackedDigits
from gan_cli.evaluation import Judge, Options
from gan_cli.seeds import generator


def judge(data, held_out=0, **options) -> Judge:
    chosen = Options(**options)
    return Judge(reals(data, held_out, **options), chosen)


def by_name(figures):
    return {figure.metric: figure for figure in figures}


def perfect(data):
    return lambda seed, n: data.sample(n, generator(seed, "somebody's samples"))


@pytest.mark.parametrize(("data", "modes", "kl"), [(Ring(), 8, 0.0014), (Grid(), 25, 0.0048)])
def test_the_perfect_sampler_scores_what_it_should_and_so_does_the_floor(data, modes, kl):
    """hq 98.89 +- 0.21 %: five standard deviations are wrong once in a million times."""
    found = by_name(judge(data, quick=True)(perfect(data)))
    for value in (lambda f: f.value, lambda f: f.floor):
        assert value(found["modes"]) == modes
        assert value(found["hq"]) == pytest.approx(0.9889, abs=0.0105)
        assert value(found["reverse_kl"]) == pytest.approx(kl, abs=3 * kl)
        assert value(found["std_ratio"]) == pytest.approx(1, abs=0.05)
        assert abs(value(found["energy"])) < 0.01
    assert found["modes"].n_fake == found["energy"].n_real == 2500


def test_an_exact_assignment_is_of_as_many_of_each_and_of_no_more_than_can_be_assigned():
    ring = Ring()
    for n, m, taken in ((300, 200, 200), (2500, None, 2000)):
        asked = judge(ring, metrics=["w1"], n_fake=n, n_real=m)
        (family, _), *_ = asked.groups
        sizes = family.sizes("w1", n)
        assert (sizes.real, sizes.fake, sizes.floor) == (taken, taken, taken)
    (found,) = judge(ring, metrics=["w1"], n_fake=300, n_real=200)(perfect(ring))
    assert found.value == metrics.wasserstein1(perfect(ring)(0, 300)[:200], reals(ring, n_real=200).real(0).x)
    assert found.value < 3 * found.floor


def test_a_generator_of_exact_means_is_not_taken_for_perfect():
    ring = Ring()
    asked = judge(ring, metrics=["modes", "hq", "std_ratio"])
    found = by_name(asked(lambda _, n: ring.centres.repeat(n // 8 + 1, 1)[:n]))
    assert (found["modes"].value, found["hq"].value, found["std_ratio"].value) == (8, 1, 0)


def test_every_density_has_its_metrics():
    assert judge(Ring()).metrics == ("modes", "hq", "reverse_kl", "std_ratio", "w1", "energy")
    assert judge(Spiral()).metrics == judge(Gaussian()).metrics == ("w1", "energy")
    assert judge(Ring(), quick=True).metrics == ("modes", "hq", "reverse_kl", "std_ratio", "energy")


def test_points_have_no_more_than_transport(tmp_path):
    np.save(tmp_path / "p.npy", np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32))
    assert judge(Array(str(tmp_path / "p.npy"))).metrics == ("energy",)
    with pytest.raises(ValueError, match="w1 is for points on the line or in the plane"):
        judge(Array(str(tmp_path / "p.npy")), metrics=["w1"])


def test_modes_are_counted_by_the_definition_that_is_asked_for():
    unequal = Ring(weights=[8, 1, 1, 1, 1, 1, 1, 1])
    x = perfect(unequal)(0, 2500)
    for definition in ("veegan", "pacgan"):
        (kl,) = judge(unequal, metrics=["reverse_kl"], definition=definition)(lambda _, n: x[:n])
        assert kl.value == metrics.modes(x, unequal.centres, unequal.std, unequal.weights, definition)["reverse_kl"]
        assert definition in kl.preprocessing
    assert kl.value > 0.3, "PacGAN's is to the uniform histogram"


def test_data_in_two_parts_are_judged_by_the_one_that_was_not_learned_from():
    trained, tested = (reals(TwoParts(split)) for split in ("train", "test"))
    assert (trained.split, len(trained.real(0).x), trained.floor_of) == ("test", 200, "real ones of train")
    assert (tested.split, len(tested.real(0).x), tested.floor_of) == ("train", 300, "real ones of test")
    assert torch.equal(trained.real(0).x, TwoParts("test").load().x)
    floor = trained.again(0, 200).x.flatten(1).tolist()
    known = {tuple(row) for row in TwoParts().load().x.flatten(1).tolist()}
    assert len(floor) == 200 and all(tuple(row) in known for row in floor)
    a, b = (Judge(each, Options()).spaces["classifier"].space.digest for each in (trained, tested))
    assert a == b
    asked = reals(TwoParts(), split="train")
    assert (asked.split, asked.floor_of) == ("train, which the generator learned from", "real ones of test")


def test_data_in_one_part_are_cut_into_halves_of_the_samples_size():
    found = reals(Digits(8))
    for seed in (0, 1):
        real, other = found.real(seed), found.again(seed, 10_000)
        assert (len(real.x), len(other.x)) == (898, 899)
        together = torch.cat([real.x, other.x]).flatten(1).unique(dim=0)
        assert len(together) == len(Digits(8).load().x.flatten(1).unique(dim=0)), "none is in both"
    assert not torch.equal(found.real(0).x, found.real(1).x)
    assert torch.equal(found.real(0).x, reals(Digits(8)).real(0).x)


def test_seeds_from_another_one_on_are_the_very_same_and_no_others():
    options = {"metrics": ["energy", "hq"], "n_fake": 60, "n_real": 50}
    draw = perfect(Ring())
    one, two, both = (
        by_name(judge(Ring(), **options, first_seed=first, seeds=seeds)(draw))
        for first, seeds in ((3, 1), (4, 1), (3, 2))
    )
    assert [found["energy"].seeds for found in (one, two, both)] == [(3,), (4,), (3, 4)]
    for name in ("energy", "hq"):
        assert both[name].value == pytest.approx((one[name].value + two[name].value) / 2, rel=1e-12, abs=1e-15)
        assert both[name].floor == pytest.approx((one[name].floor + two[name].floor) / 2, rel=1e-12, abs=1e-15)
    assert one["energy"].value != two["energy"].value
    with pytest.raises(ValueError, match="first_seed must be 0 to 1,000,000, got -1"):
        Options(first_seed=-1)


def test_what_is_memorised_is_told_of_the_first_seed_whichever_it_is():
    asked = judge(TwoParts(), metrics=["memorised"], first_seed=5, seeds=2)
    trained, other = TwoParts().load().x, TwoParts("test").load().x
    asked(lambda seed, n: trained[:200] if seed == 5 else other[:200])
    assert asked.memory["verdict"] == "copies"


def test_a_number_or_a_part_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"1,000 real ones are asked for, and there are 898 \(a random half"):
        reals(Digits(8), n_real=1000)
    with pytest.raises(ValueError, match="there is no test part of Digits; leave split at auto"):
        reals(Digits(8), split="test")
    with pytest.raises(ValueError, match=r"there is no metric 'cdf'; there are: modes, hq"):
        Options(metrics=["cdf"])


def test_a_distance_is_called_by_its_space_and_never_fid_without_inception(tmp_path):
    np.save(tmp_path / "x.npy", Digits(8).load().x.numpy())
    unlabelled = judge(Array(str(tmp_path / "x.npy")), n_fake=64, quick=True)
    labelled = judge(Digits(8), n_fake=64, n_real=64, quick=True)
    raw = judge(Digits(8), n_fake=64, n_real=64, space="raw", metrics=["raw_fd", "precision", "cfd"])
    images = Digits(8).load().x
    for asked, names in (
        (unlabelled, {"pca_fd": "pca-64"}), (labelled, {"cfd": "classifier-digits-8"}),
        (raw, {"raw_fd": "raw", "precision": "raw", "cfd": "classifier-digits-8"}),
    ):  # fmt: skip
        found = by_name(asked(lambda _, n: images[:n]))
        assert {name: found[name].space for name in names} == names
        assert all(found[name].digest for name in names)
        assert "fid" not in found


def test_what_is_measured_is_what_the_metrics_say_of_the_features():
    asked = judge(TwoParts(), metrics=["cfd", "kid", "precision", "coverage", "classes", "class_kl"])
    x = TwoParts().load().x[:150]
    found = by_name(asked(lambda _, n: x))
    space, real = asked.spaces["classifier"].space, TwoParts("test").load()
    a, b = space(real.x), space(x)
    assert found["cfd"].value == metrics.frechet(a.x, b.x)
    assert found["kid"].value == metrics.kid(a.x, b.x, 0)[0]
    assert found["precision"].value == metrics.precision_recall(a.x, b.x)["precision"]
    assert found["coverage"].value == metrics.density_coverage(a.x, b.x)["coverage"]
    assert found["class_kl"].value == metrics.by_class(real.y, b.logits)["class_kl"]
    assert found["classes"].value == found["classes"].floor == 3


def test_a_generator_that_returns_training_images_is_reported():
    learned = TwoParts().load().x
    copied = judge(TwoParts(), metrics=["cfd", "memorised"])
    found = by_name(copied(lambda seed, n: learned[torch.randint(300, (n,), generator=generator(seed))]))
    assert found["memorised"].value == 1 and found["memorised"].floor == 0.5
    assert copied.memory["verdict"] == "copies"
    honest = judge(TwoParts(), metrics=["memorised"])
    honest(lambda _, n: TwoParts("test").load().x[:n])
    assert honest.memory["verdict"] == "clean"


def test_a_copy_in_the_mirror_is_a_copy_where_training_mirrors():
    def told(data) -> str:
        asked = judge(data, metrics=["memorised"])
        asked(lambda seed, n: data.load().x[:n].flip(-1))
        return asked.memory["verdict"]

    mirrored = TwoParts()
    mirrored.flip = True
    assert (told(mirrored), told(TwoParts())) == ("copies", "clean")


def test_held_out_images_stand_for_fresh_ones_where_there_is_no_other_part():
    asked = judge(Digits(8), held_out=179, metrics=["memorised"])
    held = asked.reals.held
    (found,) = asked(lambda _, n: held)
    assert asked.memory["verdict"] == "clean" and found.value == 0.5
    with pytest.raises(ValueError, match="memorised needs images that the generator did not learn from"):
        judge(Digits(8), metrics=["memorised"])


def test_several_seeds_give_a_mean_and_a_spread():
    ring = Ring()
    (hq,) = judge(ring, metrics=["hq"], seeds=3, n_fake=500)(perfect(ring))
    each = [metrics.modes(perfect(ring)(seed, 500), ring.centres, ring.std)["hq"] for seed in range(3)]
    assert hq.value == pytest.approx(np.mean(each)) and hq.std == pytest.approx(np.std(each, ddof=1))
    assert hq.seeds == (0, 1, 2)


def test_stacked_digits_are_counted_against_their_own_modes():
    data = StackedDigits(8, 300, classes=[0, 1, 4, 7])
    asked = judge(data, metrics=["stacked_modes", "stacked_kl"], n_fake=640)
    x = data.load().x
    one = by_name(asked(lambda _, n: x[:1].repeat(n, 1, 1, 1)))
    assert one["stacked_modes"].value == 1
    assert one["stacked_kl"].value == pytest.approx(math.log(64))
    assert one["stacked_modes"].floor == 64 and one["stacked_kl"].floor < 0.2, "64 modes, 640 draws: 0.05 and more"
    assert one["stacked_kl"].n_floor == 640
    assert judge(data, quick=True).metrics[:2] == ("stacked_modes", "stacked_kl")


def test_parzen_is_measured_only_where_it_is_asked_for():
    assert "parzen" not in judge(Digits(8), held_out=100).metrics
    asked = judge(Digits(8), held_out=100, metrics=["+parzen"], n_fake=200, n_real=200)
    assert asked.metrics[0] == "cfd" and asked.metrics[-1] == "parzen"
    (found,) = judge(Digits(8), held_out=100, metrics=["parzen"], n_fake=400, n_real=400)(
        lambda _, n: torch.randint(256, (n, 1, 8, 8), generator=generator(0)).byte()
    )
    assert found.floor > found.value, "training images are a better model of digits than noise"


def test_features_of_real_images_and_the_floor_are_found_once(monkeypatch):
    asked = judge(TwoParts(), metrics=["cfd", "precision", "classes"])
    seen = []
    space = asked.spaces["classifier"].space
    of = lambda self, x: seen.append(len(x)) or features.Features(*space.of(x))  # noqa: E731
    monkeypatch.setattr(features.Embedding, "__call__", of)
    images = TwoParts().load().x
    asked(lambda _, n: images[:n])
    first = len(seen)
    asked(lambda _, n: images[:n].clone())
    assert (first, len(seen)) == (3, 4), "samples, real ones and those of the floor; then samples alone"
