"""The columns of TensorBoard's HParams table: every job of a sweep has the same."""

import json

import pytest

from gan_cli.cli.hparams import hparams

CONFIG = {"seed": 3, "train": {"steps": 10, "clip_grad_norm": None, "note": [1, 2]}, "loss": {"_target_": "x"}}


@pytest.fixture
def columns(tmp_path):
    """Of a run with these choices and overrides."""

    def call(*overrides, **choices):
        (tmp_path / "run.json").write_text(json.dumps({"choices": choices, "overrides": overrides}))
        return hparams(tmp_path, CONFIG)

    return call


def test_they_are_the_choices_the_seed_and_what_was_typed(columns):
    assert columns("++train.steps=10", "loss=hinge", "hydra.run.dir=x", loss="hinge", experiment=None) == {
        "loss": "hinge",
        "seed": 3,
        "train.steps": 10,
    }


def test_what_was_set_to_nothing_has_its_column_too(columns):
    """With a value in another job of the sweep it would be missing here, and the row have a hole."""
    nothing = columns("train.clip_grad_norm=null", "experiment=null", loss="hinge", experiment=None)
    something = columns("train.clip_grad_norm=1", "experiment=ring", loss="hinge", experiment="ring")
    assert (nothing["train.clip_grad_norm"], nothing["experiment"]) == ("null", "null")
    assert nothing.keys() == something.keys()


@pytest.mark.parametrize("about", ["", "[]", '{"choices": [], "overrides": {}}', '{"overrides": [1, null, "seed=3"]}'])
def test_a_damaged_description_costs_columns_and_not_the_run(tmp_path, about):
    (tmp_path / "run.json").write_text(about)
    assert hparams(tmp_path, CONFIG) == {"seed": 3}
