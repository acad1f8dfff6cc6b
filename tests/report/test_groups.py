"""What differs between configurations, said in as few words as tell them apart."""

import pytest

from gan_cli.report.groups import Differences, identity

BASE = {"loss._target_": "NS", "loss.label": 1.0, "optimizer.lr": 0.001, "optimizer.generator.lr": 0.001, "seed": 0}


def differences(*changes, choices=None, typed=()):
    configs = [BASE | change for change in changes]
    return Differences(configs, choices or [{}] * len(configs), typed)


@pytest.mark.parametrize(
    "key", ["seed", "device", "train.threads", "train.devices", "train.checkpoint_every", "dataset.root", "dry_run"]
)
def test_what_is_of_a_seed_a_machine_or_a_call_makes_no_configuration(key):
    assert identity(BASE | {key: 1}) == identity(BASE | {key: 2})


@pytest.mark.parametrize("change", [{"optimizer.lr": 0.002}, {"train.steps": 10}, {"loss.label": True}, {"new": None}])
def test_all_else_does(change):
    assert identity(BASE | change) != identity(BASE)


def test_numbers_are_equal_however_they_were_typed():
    assert differences({"a": 1e30}, {"a": 2.0}).columns == {"a": ["1e+30", "2"]}
    assert identity(BASE | {"loss.label": 1, "betas": [0.0, 2e4]}) == identity(BASE | {"betas": [0, 20000]})


def test_a_setting_that_follows_a_shorter_one_is_said_once():
    found = differences({}, {"optimizer.lr": 0.01, "optimizer.generator.lr": 0.01})
    assert found.keys == ["optimizer.lr"]
    assert found.labels() == ["lr=0.001", "lr=0.01"]


def test_one_that_goes_its_own_way_is_said():
    found = differences({}, {"optimizer.generator.lr": 0.01})
    assert found.of(1) == {"optimizer.generator.lr": "0.01"}


def test_a_choice_stands_for_what_comes_with_it():
    found = differences(
        {}, {"loss._target_": "Hinge", "loss.label": 3.0}, choices=[{"loss": "nonsaturating"}, {"loss": "hinge"}]
    )
    assert found.columns == {"loss": ["nonsaturating", "hinge"]}


def test_what_differs_within_one_choice_is_said_beside_it():
    chosen = [{"loss": "nonsaturating"}, {"loss": "nonsaturating"}, {"loss": "hinge"}]
    found = differences({}, {"loss.label": 0.9}, {"loss._target_": "Hinge"}, choices=chosen)
    assert found.keys == ["loss", "loss.label"]
    assert found.labels() == [
        "loss=nonsaturating, label=1",  # as most are in both, so that it has nothing else to be called by
        "label=0.9",
        "loss=hinge",
    ]


def test_a_label_has_what_was_typed_and_no_more_than_it_takes():
    """loss=wgan_gp brings a penalty and d_steps: they are columns, and no part of a name."""
    brought = {"loss._target_": "W", "penalty._target_": "GP", "train.d_steps": 5}
    own = {"penalty._target_": "R1", "train.d_steps": 1}
    chosen = [{"loss": "nonsaturating", "penalty": "r1"}, {"loss": "wgan_gp", "penalty": "gp"}]
    found = differences(own, brought, choices=chosen, typed=["loss"])
    assert found.keys == ["loss", "penalty", "train.d_steps"]
    assert found.labels() == ["loss=nonsaturating", "loss=wgan_gp"]


def test_two_things_that_were_typed_and_go_together_are_both_said():
    found = differences({"a": 1, "b": 1}, {"a": 2, "b": 2}, typed=["a", "b"])
    assert found.labels() == ["a=1, b=1", "a=2, b=2"]


def test_a_setting_that_one_does_not_have_is_not_set():
    assert differences({"a": None}, {}).of(1) == {"a": "not set"}
    assert differences({"a": None}, {}).of(0) == {"a": "null"}


def test_the_names_of_a_grid_say_all_of_it():
    found = differences(*({"a.x": x, "b.y": y} for x in (1, 2) for y in (3, 4, 5)))
    assert found.labels() == ["x=1, y=3", "x=1, y=4", "x=1, y=5", "x=2, y=3", "x=2, y=4", "x=2, y=5"]


def test_variants_of_one_are_named_by_what_they_change():
    base = {"dataset.modes": 8, "dataset.std": 0.01, "dataset.rotation": 0}
    found = differences(
        base, {**base, "dataset.modes": 12}, {**base, "dataset.std": 0.1}, {**base, "dataset.rotation": 9}
    )
    assert found.labels() == ["modes=8, rotation=0, std=0.01", "modes=12", "std=0.1", "rotation=9"]
    assert found.of(1) == {"dataset.modes": "12", "dataset.rotation": "0", "dataset.std": "0.01"}


def test_keys_that_end_alike_are_said_in_full():
    found = differences({"a.x": 1, "b.x": 1}, {"a.x": 2, "b.x": 1}, {"a.x": 1, "b.x": 2}, {"a.x": 2, "b.x": 2})
    assert found.labels() == ["a.x=1, b.x=1", "a.x=2, b.x=1", "a.x=1, b.x=2", "a.x=2, b.x=2"]


def test_long_labels_are_cut_and_stay_different():
    labels = differences({"a": "x" * 200 + "1"}, {"a": "x" * 200 + "2"}).labels()
    assert len(set(labels)) == 2 and max(map(len, labels)) < 110


def test_one_configuration_has_no_differences():
    assert differences({}).labels() == ["all runs"]
    assert differences({}).keys == []
