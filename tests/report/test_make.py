"""A report from directories: what is one configuration, which figures count, and what may be said of them."""

import json
import math

import numpy as np
import pytest
from pytest import approx
from report.made import make_run, scored
from scipy import stats

from gan_cli.errors import ConfigError, RunError
from gan_cli.report.charts import curves
from gan_cli.report.compare import comparisons, summaries
from gan_cli.report.make import Wanted, make
from gan_cli.report.model import Group, Metric, RunInfo
from gan_cli.report.verdict import findings

ENERGY = "eval/energy"


def report(root, *metrics, **wanted):
    return make([root], Wanted(metrics, **wanted), "gan-report", warn=pytest.fail)


def fill(root, tag=ENERGY, **groups):
    """Runs of a learning rate each (`lr1=[...]` is 0.001): one of each value, in their second row."""
    for name, values in groups.items():
        for seed, value in enumerate(values):
            lr = int(name.removeprefix("lr")) / 1000
            make_run(root / f"{name}-{seed}", seed=seed, lr=lr, rows=scored(tag, 9.0, value))


def test_a_configuration_is_summed_up_over_its_seeds(tmp_path):
    fill(tmp_path, lr1=[1.0, 2.0, 3.0], lr2=[4.0, 6.0, 8.0])
    found = report(tmp_path)
    assert [group.label for group in found.groups] == ["lr=0.001", "lr=0.002"]
    assert (found.differing, found.same) == (["optimizer.lr"], False)
    one, other = found.summaries
    assert (one.metric, one.n, one.mean, one.std, one.best, one.note) == (ENERGY, 3, 2.0, 1.0, True, "")
    assert (one.low, one.high) == approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)  # t(0.975; 2) / sqrt(3) = 2.4841
    assert [value for _, value in other.values] == [4.0, 6.0, 8.0]
    assert [run.name for run in found.groups[1].runs] == ["lr2-0", "lr2-1", "lr2-2"]
    assert [run.group for run in found.runs] == [0, 0, 0, 1, 1, 1]


def test_a_large_difference_is_more_than_noise_with_scipy_s_p(tmp_path):
    a, b = [1.0, 1.1, 0.9], [2.0, 2.2, 2.1]
    fill(tmp_path, lr1=a, lr2=b)
    (found,) = report(tmp_path).comparisons
    told = stats.ttest_ind(a, b, equal_var=False)
    assert (found.verdict, found.difference) == ("more than noise", approx(-1.1))
    assert (found.t, found.p, found.p_holm) == approx((told.statistic, told.pvalue, told.pvalue))
    assert (found.low, found.high) == approx(tuple(told.confidence_interval()))
    assert found.words == (
        f"lr=0.001 is 1.1 below lr=0.002, better. That is more than seed noise (p = {told.pvalue:.2g}; Welch's t-test)."
    )


def test_a_small_one_is_not_and_says_what_it_would_take(tmp_path):
    """Means 1 apart, standard deviation 1 in both: Cohen's d = 1, 17 runs of each in his table."""
    fill(tmp_path, lr1=[1.0, 2.0, 3.0], lr2=[2.0, 3.0, 4.0])
    (found,) = report(tmp_path).comparisons
    assert (found.verdict, found.runs_needed) == ("not more than noise", 17)
    assert "not more than seed noise with 3 runs each (p = 0.29;" in found.words
    assert "To see a difference of this size in 8 of 10 times takes about 17 runs each." in found.words


def test_what_it_would_take_is_never_less_than_there_was(tmp_path):
    """Alone it would be told apart (p = 0.02); of three comparisons it is not, and more runs are asked for."""
    fill(tmp_path, lr1=[1.0, 2.0, 3.0], lr2=[4.2, 5.2, 6.2], lr3=[2.0, 3.0, 4.6])
    found = next(c for c in report(tmp_path).comparisons if (c.a, c.b) == (0, 1))
    assert found.p < 0.05 < found.p_holm
    assert found.verdict == "not more than noise" and found.runs_needed > 3


def test_p_is_corrected_over_all_pairs_of_a_metric(tmp_path):
    values = {"lr1": [1.0, 1.1, 0.9], "lr2": [2.0, 2.2, 2.1], "lr3": [1.5, 1.6, 1.7]}
    fill(tmp_path, **values)
    found = {(c.a, c.b): c for c in report(tmp_path).comparisons}
    p = {(a, b): stats.ttest_ind(values[f"lr{a + 1}"], values[f"lr{b + 1}"], equal_var=False).pvalue for a, b in found}
    assert {*found} == {(0, 1), (0, 2), (1, 2)}
    one, two, three = sorted(p, key=p.get)
    assert found[one].p_holm == approx(3 * p[one])
    assert found[two].p_holm == approx(max(3 * p[one], 2 * p[two]))
    assert found[three].p_holm == approx(max(3 * p[one], 2 * p[two], p[three]))
    assert "corrected for 3 comparisons" in found[one].words


def test_many_configurations_are_held_against_the_best_and_corrected_for_all(tmp_path):
    fill(tmp_path, **{f"lr{i}": [10.0 - i, 10.1 - i, 10.2 - i] for i in range(1, 9)})
    found = report(tmp_path)
    assert [line.group for line in found.summaries if line.best] == [7]
    assert [(c.a, c.b) for c in found.comparisons] == [(i, 7) for i in range(7)]
    assert found.comparisons[0].p_holm == approx(28 * found.comparisons[0].p)  # the smallest of 8 * 7 / 2
    assert "corrected for 28 comparisons" in found.comparisons[0].words


def test_one_run_cannot_tell(tmp_path):
    fill(tmp_path, lr1=[1.0], lr2=[2.0, 2.1, 2.2])
    found = report(tmp_path)
    (compared,) = found.comparisons
    assert (compared.verdict, compared.p, compared.low) == ("cannot tell", None, None)
    assert "one run of lr=0.001 says nothing of its seed noise" in compared.words
    assert [line.best for line in found.summaries] == [False, True]  # one lucky run is not called the best


def test_one_configuration_is_no_difference(tmp_path):
    fill(tmp_path, lr1=[1.0, 2.0, 3.0])
    found = report(tmp_path)
    assert (found.same, found.differing, found.comparisons, found.groups[0].differing) == (True, [], [], {})
    assert found.groups[0].label == "all runs"
    assert any("no difference" in note for note in found.notes)
    assert found.summaries[0].mean == 2.0


def test_equal_figures_are_no_difference(tmp_path):
    fill(tmp_path, lr1=[1.25, 2.5, 3.75], lr2=[1.25, 2.5, 3.75])
    (found,) = report(tmp_path).comparisons
    assert (found.verdict, found.runs_needed) == ("no difference", None)
    assert "the same figures, to the bit" in found.words


@pytest.mark.parametrize(("runs", "verdict"), [(3, "not more than noise"), (4, "more than noise")])
def test_constants_are_told_apart_by_how_they_could_be_dealt(tmp_path, runs, verdict):
    """All modes in every run against one less: 2 of 20 ways with three runs of each, 2 of 70 with four."""
    fill(tmp_path, "eval/modes", lr1=[8.0] * runs, lr2=[7.0] * runs)
    (found,) = report(tmp_path).comparisons
    assert (found.verdict, found.test, found.t) == (verdict, "exact permutation test", None)
    assert found.p == approx(2 / math.comb(2 * runs, runs))
    assert "1 above lr=0.002, better" in found.words


def test_what_is_not_finite_is_counted_and_keeps_quiet(tmp_path):
    fill(tmp_path, "eval/reverse_kl", lr1=[0.1, "inf", 0.2], lr2=[0.3, 0.4, 0.5])
    found = report(tmp_path)
    line = found.summaries[0]
    assert (line.n, line.mean, line.note) == (2, approx(0.15), "1 of 3 runs without a finite figure")
    assert [line.best for line in found.summaries] == [False, True]  # its mean leaves out the worst
    (compared,) = found.comparisons
    assert (compared.verdict, compared.p) == ("cannot tell", None)
    assert "not every run of lr=0.001 has a finite figure" in compared.words


def test_what_did_not_finish_is_told_and_not_counted(tmp_path):
    fill(tmp_path, lr1=[1.0, 2.0], lr2=[3.0, 4.0])
    make_run(tmp_path / "z", seed=9, lr=0.001, rows=scored(ENERGY, 99.0), status="failed", reason="Diverged: a NaN")
    found = report(tmp_path)
    assert (found.summaries[0].mean, found.summaries[0].note) == (1.5, "1 of 3 did not finish")
    assert [(run.name, run.reason) for run in found.failed] == [("z", "Diverged: a NaN")]
    assert any("did not come to their end" in note for note in found.notes)
    assert report(tmp_path, unfinished=True).summaries[0].mean == approx(34.0)


def test_a_seed_counts_once(tmp_path):
    """Two runs of one seed are one draw: counted as two they would halve the noise."""
    fill(tmp_path, lr1=[1.0, 2.0])
    make_run(tmp_path / "z", seed=1, lr=0.001, rows=scored(ENERGY, 9.0, 2.0))
    found = report(tmp_path)
    assert (found.summaries[0].n, found.summaries[0].note) == (2, "1 run of a seed that is there already, not counted")
    assert "lr1-1 and z are of one configuration and seed 1, and have the same figures, to the bit." in found.notes


def test_one_seed_that_came_to_two_ends_is_told(tmp_path):
    fill(tmp_path, lr1=[1.0])
    make_run(tmp_path / "z", seed=0, lr=0.001, rows=scored(ENERGY, 9.0, 1.0000001))
    assert any("do not have the same figures" in note for note in report(tmp_path).notes)


def test_ties_have_no_best(tmp_path):
    fill(tmp_path, "eval/modes", lr1=[8.0, 8.0], lr2=[8.0, 8.0])
    found = report(tmp_path)
    assert not any(line.best for line in found.summaries)
    (compared,) = found.comparisons
    assert compared.words == "Every run of lr=0.001 and of lr=0.002 has 8: no difference."


@pytest.mark.parametrize(
    ("tag", "best"),
    [
        ("eval/energy", 0),
        ("eval/precision", 1),
        ("eval/std_ratio", None),
        ("samples/energy", 0),
        ("samples/quality", 1),
        ("theory/js", None),
    ],
)
def test_what_is_better_is_known_by_the_name(tmp_path, tag, best):
    fill(tmp_path, tag, lr1=[1.0, 1.5], lr2=[2.0, 2.5])
    lines = report(tmp_path).summaries
    assert [line.group for line in lines if line.best] == ([] if best is None else [best])


def test_the_best_value_of_a_run_stands_for_it_if_asked(tmp_path):
    make_run(tmp_path / "a", rows=scored(ENERGY, 3.0, 1.0, 2.0))
    found = report(tmp_path, best=True)
    assert (found.runs[0].values[ENERGY], report(tmp_path).runs[0].values[ENERGY]) == (1.0, 2.0)
    assert found.metrics[0].taken == "the best value of each run"


def test_evaluations_are_compared_where_nobody_says_and_all_else_has_curves(tmp_path):
    row = {"step": 10, "loss/d": 1.0, ENERGY: 2.0, f"{ENERGY}_floor": 0.1, "samples/energy": 3.0}
    make_run(tmp_path / "a", rows=[row, row | {"step": 20}])
    found = report(tmp_path)
    assert [metric.tag for metric in found.metrics if metric.chosen] == [ENERGY]
    assert {metric.tag for metric in found.metrics} == row.keys() - {"step"}
    assert found.runs[0].curves["loss/d"] == [(10, 1.0), (20, 1.0)]
    means = {metric.tag: metric.means for metric in found.metrics}
    assert means[ENERGY] == "energy distance to fresh data; lower is better"
    assert means["samples/energy"] == "energy distance from the data: 0 equal, 1 apart"
    assert means["loss/d"] == "losses of both players"


def test_metrics_are_asked_for_by_tag_short_name_or_pattern(tmp_path):
    row = {"step": 10, "loss/d": 1.0, ENERGY: 2.0, "samples/energy": 3.0, "samples/modes": 3.0}
    make_run(tmp_path / "a", rows=[row])

    def chosen(*words):
        return [metric.tag for metric in report(tmp_path, *words).metrics if metric.chosen]

    assert chosen("energy", "loss/d") == [ENERGY, "loss/d"]
    assert chosen("samples/*") == ["samples/energy", "samples/modes"]
    with pytest.raises(ConfigError, match=r"--metric: no run logged 'enrgy'; did you mean"):
        chosen("enrgy")


def test_a_band_is_of_one_configuration(tmp_path):
    fill(tmp_path, lr1=[1.0, 3.0], lr2=[5.0])
    found = {(band.metric, band.group): band for band in report(tmp_path).bands}
    band = found[ENERGY, 0]
    assert (band.steps, band.mean, band.low, band.high, band.n) == ([10, 20], [9.0, 2.0], [9.0, 1.0], [9.0, 3.0], 2)
    assert found[ENERGY, 1].mean == [9.0, 5.0]


def test_a_log_that_breaks_off_is_told(tmp_path):
    path = make_run(tmp_path / "a", rows=scored(ENERGY, 1.0))
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "eval/energy": {}}\n{"step": 30, "eval/energy": 2.0}\n')
    found = report(tmp_path)
    assert found.runs[0].values == {ENERGY: 1.0}
    assert any(note.startswith("a: metrics.jsonl: line 2 ") for note in found.notes)


def test_many_broken_logs_are_counted_and_many_directories_too(tmp_path):
    for i in range(30):
        log = make_run(tmp_path / f"r{i}", seed=i) / "metrics.jsonl"
        log.write_text('{"step": 1}\n[]\n{"step": 3, "loss/d": 1}\n')
    found = make([*tmp_path.iterdir()], Wanted(), "gan-report", warn=pytest.fail)
    assert found.title == "Runs in 30 directories" and len(found.runs) == 30
    assert sum("line 2 is not as gan-train writes it" in note for note in found.notes) == 20
    assert "10 more logs break off." in found.notes


def test_no_runs_is_an_error_and_only_the_newest_are_read(tmp_path):
    with pytest.raises(RunError, match="no runs in"):
        report(tmp_path)
    fill(tmp_path, lr1=[1.0, 2.0, 3.0])
    found = report(tmp_path, runs=2)
    assert len(found.runs) == 2 and "There are 1 older runs, which are left out (--max-runs)." in found.notes


def test_which_grids_show_the_same_z_is_said(tmp_path):
    for name, seed in {"a": 0, "b": 0, "c": 1}.items():
        make_run(tmp_path / name, seed=seed, lr=1.0 if name == "a" else 2.0, grids=[10])
    assert "the same z, at all steps: seed 0, Normal, dim 100, 64 samples." in report(tmp_path).same_z


def test_real_data_of_one_run_stand_for_all_that_have_the_same(tmp_path):
    a, b = (make_run(tmp_path / name, seed=seed) for seed, name in enumerate("ab"))
    (b / "samples/real.png").write_bytes(b"")
    assert report(tmp_path).real == b / "samples/real.png"
    (a / "config.yaml").write_text((a / "config.yaml").read_text().replace("modes: 8", "modes: 9"))
    assert report(tmp_path).real is None


def test_the_best_of_many_equal_ones_is_seldom_set_apart():
    """20 equal configurations of ten seeds. Each is held against the one that luck made the best, and yet in at most 5
    of 100 reports is any of them set apart: of 200 reports 10 are expected at most, 28 have odds below 1 in 10^5.
    Corrected over the 19 comparisons with the best alone, it would be 16 of 100.
    """
    random = np.random.default_rng(3)
    runs = [[RunInfo(f"{i}-{seed}", None, "finished", seed=seed) for seed in range(10)] for i in range(20)]
    groups = [Group(f"g{i}", {}, each) for i, each in enumerate(runs)]
    metric = Metric(ENERGY, "smallest")
    wrong = 0
    for _ in range(200):
        for group in groups:
            for run, value in zip(group.runs, random.normal(size=10).tolist(), strict=True):
                run.values = {ENERGY: value}
        found = comparisons(groups, metric, summaries(groups, metric))
        assert len(found) == 19
        wrong += any(compared.verdict == "more than noise" for compared in found)
    assert wrong < 28


def test_what_was_measured_on_other_data_is_not_compared(tmp_path):
    """Two data sets, two rates: each rate is compared on its own data, and none is the best of all."""
    fill(tmp_path, lr1=[1.0, 1.1], lr2=[2.0, 2.1], lr3=[5.0, 5.1], lr4=[6.0, 6.1])
    for path in tmp_path.glob("lr[34]-*"):
        config = (path / "config.yaml").read_text()
        (path / "config.yaml").write_text(config.replace("modes: 8", "modes: 25"))
    found = report(tmp_path)
    assert [(c.a, c.b) for c in found.comparisons] == [(0, 1), (2, 3)]
    assert found.comparisons[0].p_holm == approx(2 * min(c.p for c in found.comparisons))
    assert not any(line.best for line in found.summaries)
    assert any("they are not compared" in note for note in found.notes)


def test_jobs_that_never_came_to_train_are_told_and_in_no_figures(tmp_path):
    fill(tmp_path, lr1=[1.0, 2.0])
    jobs = [
        {"overrides": ["seed=2"], "directory": None, "status": "failed", "error": "out of memory"},
        {"overrides": ["seed=3"], "directory": None, "status": "waiting", "error": None},
    ]
    (tmp_path / "sweep.json").write_text(json.dumps({"jobs": jobs}))
    found = report(tmp_path)
    assert [(run.name, run.reason, run.group) for run in found.failed] == [("job 0", "out of memory", None)]
    assert (len(found.runs), found.summaries[0].n) == (4, 2)
    assert any(note.startswith("1 of 4 runs: no configuration can be read") for note in found.notes)


def test_a_run_that_finished_speaks_for_its_seed(tmp_path):
    """The first try of seed 1 failed early; with --unfinished it would stand for it in the place of the second."""
    fill(tmp_path, lr1=[1.0, 2.0])
    make_run(tmp_path / "a", seed=1, lr=0.001, rows=scored(ENERGY, 99.0), status="failed", reason="a NaN")
    assert report(tmp_path, unfinished=True).summaries[0].mean == 1.5


def test_who_is_called_the_best_of_which(tmp_path):
    """One lucky run has the smaller mean: it is not the best, and the other one is so only among those that count."""
    fill(tmp_path, lr1=[1.0], lr2=[2.0, 2.1, 2.2])
    make_run(tmp_path / "z", seed=9, lr=0.002, rows=scored(ENERGY, 99.0), status="failed", reason="a NaN")
    (said,) = findings(report(tmp_path))
    assert "lr=0.002 with 2.10 ± 0.25 (1 of 4 did not finish) is the best of those with two runs or more" in said
    assert said.endswith("whether that is more than seed noise cannot be told (against lr=0.001).")


def test_single_runs_cannot_tell(tmp_path):
    fill(tmp_path, lr1=[1.0], lr2=[2.0], lr3=[3.0])
    (said,) = findings(report(tmp_path))
    assert said.endswith("is the best; whether that is more than seed noise cannot be told.")


@pytest.mark.parametrize(("seeds", "said"), [((1, 1), "the same seed"), ((1, 2), "What tells them apart is the seed")])
def test_runs_of_one_seed_do_not_differ_by_it(tmp_path, seeds, said):
    for place, seed in enumerate(seeds):
        make_run(tmp_path / f"{place}", seed=seed, rows=scored(ENERGY, 1.0))
    (found,) = findings(report(tmp_path))
    assert found.startswith("No difference: both runs have the same configuration") and said in found


def test_real_data_of_two_sets_have_no_floor_between_them(tmp_path):
    rows = [{"step": 10, ENERGY: 2.0, f"{ENERGY}_floor": 1.0}]
    make_run(tmp_path / "a", rows=rows)
    assert curves(report(tmp_path))[ENERGY]["floor"] == 1.0
    other = make_run(tmp_path / "b", rows=[{"step": 10, ENERGY: 9.0, f"{ENERGY}_floor": 5.0}]) / "config.yaml"
    other.write_text(other.read_text().replace("modes: 8", "modes: 9"))
    assert curves(report(tmp_path))[ENERGY]["floor"] is None


def test_figures_on_different_data_are_told_and_not_compared(tmp_path):
    make_run(tmp_path / "a", rows=[{"step": 10, ENERGY: 2.0, "eval/modes": 8.0}])
    other = make_run(tmp_path / "b", rows=[{"step": 10, ENERGY: 9.0}]) / "config.yaml"
    other.write_text(other.read_text().replace("modes: 8", "modes: 9"))
    energy, modes = findings(report(tmp_path))
    assert energy.endswith("from modes=8 with 2 to modes=9 with 9; on different data, and so not compared.")
    assert modes.endswith("modes=8 with 8, and no figure of another configuration.")
