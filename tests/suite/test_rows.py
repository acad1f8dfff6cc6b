"""The suite itself: rows that say what they are, theory that is met, samplers that score as they must."""

import shlex

import pytest
from conftest import choices, compose_plain

from gan_cli.cli.job import _write_config
from gan_cli.errors import ConfigError
from gan_cli.evaluation import Options
from gan_cli.scores import SCORES
from gan_cli.suite import reached, recipe
from gan_cli.suite.bands import Band
from gan_cli.suite.catalogue import ROWS, chosen
from gan_cli.suite.oracles import ORACLES
from gan_cli.suite.outcome import Outcome, Sample, lines, verdict
from gan_cli.suite.rows import Row, Variant

TRAINED = [row for row in ROWS.values() if row.trains]
COMPUTED = [row for row in ROWS.values() if not row.trains]


def computed(row: Row) -> Outcome:
    samples = tuple(
        Sample(variant.name, seed, variant.compute(seed))
        for variant in row.variants
        for seed in range(row.seeds_of(None))
    )
    return Outcome(row.name, "", row.seeds_of(None), "", "", "", samples)


@pytest.mark.parametrize("name", ["gaussian", "ring_oracle", "grid_oracle", "stacked_oracle"])
def test_a_row_without_training_is_reproduced(name):
    found = computed(ROWS[name])
    assert verdict(ROWS[name], found) == "yes", [line for line in lines(ROWS[name], found) if line.verdict == "no"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dirac", "gaussian_trained"])
def test_a_game_is_reproduced(name):
    found = computed(ROWS[name])
    assert verdict(ROWS[name], found) == "yes", [line for line in lines(ROWS[name], found) if line.verdict == "no"]


def test_exact_means_fail_the_band_of_the_ring():
    """They have all modes, all in high quality, evenly: only the spread within a mode tells."""
    found = Outcome("ring", "", 1, "", "", "", (Sample("", 0, ORACLES["ring_means_alone"](0)),))
    assert [line.metric for line in lines(ROWS["ring"], found) if line.verdict == "no"] == ["std_ratio"]


def test_a_perfect_sampler_keeps_the_bands_of_ring_and_grid():
    for name in ("ring", "grid"):
        samples = tuple(Sample("", seed, ORACLES[f"{name}_data"](seed)) for seed in range(10))
        assert verdict(ROWS[name], Outcome(name, "", 10, "", "", "", samples)) == "yes"


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.name)
def test_a_row_that_trains_names_an_experiment_figures_that_exist_and_its_time(row):
    assert row.experiment in choices("experiment")
    assert {*row.metrics} <= {*SCORES}
    Options(**vars(row.protocol))  # which looks at each
    assert row.minutes > 0
    assert row.seeds


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_a_row_has_a_band_or_compares(row):
    assert row.bands or len(row.variants) > 1
    assert not row.about.endswith(".") and len(row.about) < 120


def test_figures_on_the_digits_are_of_five_splits():
    """Of 898 against 898, whose floor is another with each split; other data have a part that none was trained on."""
    on_digits = {name: row.protocol.seeds for name, row in ROWS.items() if row.experiment == "default"}
    assert on_digits.pop("digits_packing") == 1, "stacked digits are drawn, 26,000 of them"
    assert {*on_digits} == {"digits", "digits_losses", "digits_priors", "digits_noise"}
    assert {*on_digits.values()} == {5}
    assert ROWS["dcgan_mnist"].protocol.seeds == ROWS["dcgan_fashion"].protocol.seeds == 1


def test_the_shipped_figures_are_of_rows_that_there_are():
    for name, found in reached.shipped().items():
        row = ROWS[name]
        assert found.row == name
        assert {sample.variant for sample in found.samples} == {variant.name for variant in row.variants}
        assert found.command.startswith(f"gan-reproduce {name}")


@pytest.mark.parametrize("name", [name for name, found in reached.shipped().items() if found.recipes])
def test_shipped_figures_are_of_the_recipe_that_their_line_composes_today(name):
    found, row = reached.shipped()[name], ROWS[name]
    settings = shlex.split(found.command.partition(" -- ")[2])
    lines = {variant.name: row.command(variant, [0], settings) for variant in row.variants}
    assert found.recipes == {variant: recipe.digest(compose_plain(*line)[0]) for variant, line in lines.items()}, (
        f"another recipe now: {found.command} --record"
    )


@pytest.mark.parametrize(("name", "variant"), [("grid", 0), ("ring_controls", -1), ("dcgan_fashion", 0)])
def test_a_recipe_is_the_same_composed_and_stored_and_another_with_each_setting(name, variant, tmp_path):
    line = ROWS[name].command(ROWS[name].variants[variant], [0])
    composed = compose_plain(*line)[0]
    _write_config(tmp_path, composed)
    assert recipe.of_run(tmp_path) == recipe.digest(composed)
    moved = compose_plain(*line, "seed=7", "device=cuda", "train.threads=3", "++dataset.root=far")[0]
    assert recipe.digest(moved) == recipe.digest(composed)
    for change in ("optimizer.lr=0.5", "train.batch_size=3", "prior.dim=9", "loss=hinge", "train.precision=bf16"):
        assert recipe.digest(compose_plain(*line, change)[0]) != recipe.digest(composed), change


def test_there_is_no_recipe_without_a_config_that_can_be_read(tmp_path):
    assert recipe.of_run(tmp_path) is None
    (tmp_path / "config.yaml").write_text("- {")
    assert recipe.of_run(tmp_path) is None


def test_rows_are_chosen_by_name_once_each():
    assert [row.name for row in chosen(["grid", "ring", "grid"])] == ["grid", "ring"]
    with pytest.raises(ConfigError, match="there is no row 'gird'; did you mean 'grid'"):
        chosen(["ring", "gird"])


def test_the_last_word_on_a_key_counts():
    row = Row("a", "A", "hours", experiment="ring", overrides=("loss=hinge", "train.steps=5"))
    assert row.command(Variant("b", ("loss=minimax",)), range(3), ["train.steps=2", "++x=1"]) == [
        *("experiment=ring", "loss=minimax", "train.steps=2", "++x=1", "seed=0,1,2")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../up"}, "must be of letters"),
        ({"variants": (Variant("a"), Variant("a"))}, "names of their own"),
        ({"variants": (Variant(), Variant("a"))}, "names of their own"),
        ({"bands": (Band("fid", low=1, variant="gone"),)}, "a band is of the variant 'gone'"),
        ({"cost": "years"}, "cost must be one of seconds"),
        ({"experiment": ""}, "needs an experiment or functions"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Row(**{"name": "a", "about": "A", "cost": "hours", "experiment": "ring"} | change)
