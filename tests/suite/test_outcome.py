"""Outcomes: lines and verdicts from figures, the file they are kept in, and the tables made of them."""

import json
import math
from dataclasses import replace

import pytest
from pytest import approx

from gan_cli.errors import RunError
from gan_cli.suite import reached, tables
from gan_cli.suite.bands import Band
from gan_cli.suite.outcome import NAME, Outcome, Sample, from_plain, lines, read, to_plain, verdict, write
from gan_cli.suite.rows import Published, Row, Variant

PAPER = Published("VEEGAN", {"modes": (8, None), "hq": (0.529, 0.01)})
ROW = Row(
    name="toy",
    about="A toy",
    cost="minutes",
    experiment="ring",
    seeds=2,
    bands=(
        Band("modes", "every", 8, 8),
        Band("reverse_kl", "median", high=0.01),
        Band("reverse_kl", "worst", high=0.1),
    ),
    published=(PAPER,),
    shown=("w1", "parzen"),
)
PAIR = Row(
    name="pair",
    about="Two",
    cost="minutes",
    experiment="ring",
    variants=(Variant("new", ("loss=hinge",)), Variant("old")),
    bands=(Band("fid", "mean", high=10, variant="new"), Band("fid", "mean", low=5, variant="old", minus="new")),
)


def sample(seed: int, modes: float = 8, kl: float = 0.001, **more: float) -> Sample:
    figures = {"modes": (modes, 8.0), "hq": (0.9, 0.98), "reverse_kl": (kl, 0.0014)}
    return Sample("", seed, figures | {name: (value, None) for name, value in more.items()}, seconds=30.0)


def outcome(*samples: Sample, row: str = "toy") -> Outcome:
    return Outcome(row, f"gan-reproduce {row}", len(samples), "2 cores of x", "2031-02-03", "9.9", samples)


def test_a_line_has_the_mean_its_error_the_floor_and_what_each_band_says():
    three = outcome(sample(0, kl=0.002), sample(1, kl=0.018), sample(2, kl=0.04))
    found = {line.metric: line for line in lines(ROW, three)}
    kl = found["reverse_kl"]
    assert (kl.mean, kl.error, kl.floor, kl.seeds) == (approx(0.02), approx(0.019078784 / math.sqrt(3)), 0.0014, 3)
    assert [(band.statistic, value, inside) for band, value, inside in kl.bands] == [
        ("median", 0.018, False),
        ("worst", 0.04, True),
    ]
    assert (kl.verdict, found["modes"].verdict, found["hq"].verdict) == ("no", "yes", "")
    assert list(found) == ["modes", "reverse_kl", "hq"], "what nobody has, and no band or paper asks for, is left out"


def test_a_row_is_reproduced_if_all_its_bands_hold():
    assert verdict(ROW, outcome(sample(0), sample(1))) == "yes"
    assert verdict(ROW, outcome(sample(0), sample(1, modes=7))) == "no"
    assert verdict(ROW, outcome(sample(0), sample(1, kl=math.nan))) == "no"


def test_a_row_without_bands_is_neither():
    assert verdict(Row("free", "Free", "minutes", experiment="ring"), outcome(sample(0))) == ""


def test_a_seed_that_failed_is_not_dropped():
    found = outcome(sample(0), Sample("", 1, {}, error="diverged in step 3"))
    assert verdict(ROW, found) == "no"
    assert [line.verdict for line in lines(ROW, found) if line.bands] == ["no", "no"]
    text = tables.markdown([(ROW, found)])
    assert "| toy | modes | 8 VEEGAN | 8 | 8 (1 of 2 seeds) | every 8 | no: 1 of 2 seeds |" in text
    assert "- toy, seed 1: failed: diverged in step 3" in text


def test_figures_that_are_infinite_both_ways_are_a_miss_and_the_table_is_shown():
    found = outcome(sample(0, kl=math.inf), sample(1, kl=-math.inf), sample(2))
    line = next(line for line in lines(ROW, found) if line.metric == "reverse_kl")
    assert math.isnan(line.mean) and line.error is None and line.verdict == "no"
    assert "| nan |" in tables.markdown([(ROW, found)])


def test_variants_that_were_measured_of_other_numbers_are_not_held_against_each_other():
    def found(old: str, new: str) -> Outcome:
        two = (("old", 20.0, old), ("new", 9.0, new))
        return outcome(*(Sample(v, 0, {"fid": (x, 1.0)}, conditions={"fid": of} if of else {}) for v, x, of in two),
                       row="pair")  # fmt: skip

    assert verdict(PAIR, found("inception: 100 against 100", "inception: 100 against 100")) == "yes"
    assert verdict(PAIR, found("inception: 100 against 100", "")) == "yes", "of an older version"
    apart = found("inception: 100 against 100", "inception: 100 against 50")
    assert verdict(PAIR, apart) == "no"
    assert {(line.mean, line.floor, line.verdict, line.seeds) for line in lines(PAIR, apart)} == {(None, None, "no", 1)}
    assert {cell[-1] for cell in tables.cells(PAIR, apart)} == {tables.APART}
    assert reached.headline(PAIR, apart) == "no"
    free = Row("free", "Free", "minutes", experiment="ring", shown=("fid",), variants=PAIR.variants)
    assert verdict(free, apart) == "no", "also where no band is asked"


def test_a_figure_that_a_band_asks_for_and_nobody_has_is_a_miss():
    bare = Sample("", 0, {"hq": (0.9, None)})
    assert verdict(ROW, outcome(bare)) == "no"
    first = tables.cells(ROW, outcome(bare))[0]
    assert first == ("toy", "modes", "8 VEEGAN", "", "none", "every 8", "no: 0 of 1 seeds")


def test_a_seed_without_the_figure_of_a_band_is_not_dropped():
    bare = Sample("", 1, {"modes": (8, None)})
    found = {line.metric: line for line in lines(ROW, outcome(sample(0), bare))}
    assert (found["modes"].verdict, found["reverse_kl"].verdict) == ("yes", "no")
    two = (Sample("old", 0, {"fid": (20.0, None)}), Sample("old", 1, {}), Sample("new", 0, {"fid": (9.0, None)}))
    assert [line.verdict for line in lines(PAIR, outcome(*two, row="pair"))] == ["yes", "no"]


def test_a_difference_of_variants_is_of_their_means():
    def found(new: float, *old: float) -> Outcome:
        others = (Sample("old", i, {"fid": (x, None)}) for i, x in enumerate(old))
        return outcome(Sample("new", 0, {"fid": (new, None)}), *others, row="pair")

    assert verdict(PAIR, found(9.0, 13.0, 15.0)) == "yes"  # 14 - 9 = 5
    assert verdict(PAIR, found(9.1, 13.0, 15.0)) == "no"
    assert verdict(PAIR, found(11.0, 20.0)) == "no"
    failed = outcome(Sample("new", 0, {}, error="killed"), Sample("old", 0, {"fid": (20.0, None)}), row="pair")
    assert [line.verdict for line in lines(PAIR, failed)] == ["no", "no"], "and what is held against it"


def test_the_table_says_paper_floor_ours_band_and_verdict():
    found = outcome(sample(0, kl=0.002), sample(1, kl=0.2, w1=0.25))
    median_and_worst = "median <= 0.01, worst <= 0.1"
    assert tables.cells(ROW, found) == [
        ("toy", "modes", "8 VEEGAN", "8", "8 ± 0", "every 8", "yes"),
        ("toy", "reverse_kl", "", "0.0014", "0.101 ± 0.099", median_and_worst, "no: median 0.101, worst 0.2"),
        ("toy", "hq %", "52.9 ± 1 VEEGAN", "98.0", "90.0 ± 0", "", ""),
        ("toy", "w1", "", "", "0.25 (1 of 2 seeds)", "", ""),
    ]
    page = tables.markdown([(ROW, found)], ["toy/samples.png"]).splitlines()
    assert page[2] == "| row | figure | paper | floor | ours | band | in it? |"
    assert "| toy | no | 2 | 1:00 | 2 cores of x | 2031-02-03 | 9.9 | `gan-reproduce toy` |" in page
    assert page[-1] == "![toy/samples.png](toy/samples.png)"
    assert {line.count("|") for line in page[2:8]} == {8}


def test_the_csv_comes_back_with_every_digit():
    found = outcome(sample(0, kl=1 / 3), sample(1, kl=math.inf, w1=math.nan), Sample("", 2, {}, error='said "no, no"'))
    back = tables.from_csv(tables.to_csv([found]))["toy"]
    assert back["", 0] == found.samples[0].figures
    assert back["", 1]["reverse_kl"] == (math.inf, 0.0014)
    assert math.isnan(back["", 1]["w1"][0]) and back["", 1]["w1"][1] is None
    assert back["", 2] == {}
    with pytest.raises(RunError, match="expected the columns row, variant"):
        tables.from_csv("a,b\n1,2\n")


def test_the_file_of_an_outcome_comes_back_equal(tmp_path):
    found = outcome(sample(0, kl=math.inf), Sample("", 1, {}, 2.5, "no data", data=True))
    found = replace(found, samples=(*found.samples, replace(sample(2), conditions={"hq": "coordinates"})))
    found = replace(found, recipes={"": "0123456789abcdef"})
    write(tmp_path / NAME, found)
    assert read(tmp_path / NAME) == found
    assert json.loads((tmp_path / NAME).read_text())["samples"][0]["figures"]["reverse_kl"] == ["inf", 0.0014]


def test_a_file_of_an_older_version_has_no_recipes():
    older = to_plain(outcome(sample(0)))
    del older["recipes"]
    assert from_plain(older, "here") == outcome(sample(0))


PLAIN = {"variant": "", "seed": 0, "figures": {}, "seconds": 1, "error": None, "data": False}


@pytest.mark.parametrize(
    "change",
    [
        {"samples": None},
        {"samples": [{}]},
        {"seeds": "3"},
        {"row": 7},
        {"recipes": {"": 7}},
        {"recipes": ["0123456789abcdef"]},
        {"samples": [PLAIN | {"figures": {"a": ["x", None]}}]},
        {"samples": [PLAIN | {"figures": {"a": [1]}}]},
        {"samples": [PLAIN | {"figures": []}]},
        {"samples": [PLAIN | {"seed": True}]},
        {"samples": [PLAIN | {"conditions": {"hq": 2}}]},
    ],
)
def test_a_file_that_is_something_else_is_refused(change):
    with pytest.raises(RunError, match="here: is not as gan-reproduce writes it"):
        from_plain(to_plain(outcome(sample(0))) | change, "here")


def test_the_last_figures_in_short():
    assert reached.in_short(ROW, None) == "not run"
    found = outcome(sample(0), sample(1), Sample("", 2, {}, error="killed"))
    assert reached.in_short(ROW, found) == (
        "not in its bands: modes 8, reverse_kl 0.001, hq % 90.0, 1 of 3 jobs failed (3 seeds, 1:00, 2031-02-03)"
    )


def test_what_is_recorded_is_shipped_and_replaces_what_was(tmp_path, monkeypatch):
    monkeypatch.setattr(reached, "SHIPPED", tmp_path / "reached.json")
    assert reached.shipped() == {}
    first, other, later = outcome(sample(0)), outcome(sample(0), row="other"), outcome(sample(1), sample(2))
    for one in (first, other, later):
        reached.record(one)
    assert reached.shipped() == {"other": other, "toy": later}
    assert reached.own(tmp_path, "toy") is None
