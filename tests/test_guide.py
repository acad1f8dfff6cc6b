"""What TensorBoard is told of a run: charts of what it logs and no other, and words on each read-out."""

import json
import re

import pytest
from conftest import choices, make_run, train_in

from gan_cli.charts import CHARTS, layout
from gan_cli.guide import expected, guide
from gan_cli.pictures import generated, judged, judgements
from gan_cli.readouts import read_out

DIGITS = ("model=mlp", "model.width=8", "prior.dim=2", "dataset=digits", "train.steps=2", "train.batch_size=16",
          "train.log_every=1")  # fmt: skip
RING = (*DIGITS, "dataset=ring")


def charts(run):
    return [name for group in layout(expected(run)).values() for name in group]


@pytest.mark.parametrize(
    ("base", "loss"), [*((DIGITS, loss) for loss in choices("loss")), (RING, "minimax"), (RING, "hinge")]
)
def test_every_chart_of_a_run_has_a_curve_and_every_read_out_a_chart(tmp_path, loss, base):
    overrides = (*base, f"loss={loss}", "train.d_steps=1")
    run = train_in(tmp_path, *overrides)
    logged = set().union(*(json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()))
    for group in layout(expected(run)).values():
        for name, (kind, patterns) in group.items():
            wanted = patterns[:1] if kind == "Margin" else patterns
            assert any(re.search(pattern, tag) for pattern in wanted for tag in logged), name
    shown = [pattern for group in layout(expected(run)).values() for chart in group.values() for pattern in chart[1]]
    for tag in logged:
        if tag.startswith("theory/"):
            assert any(re.search(pattern, tag) for pattern in shown), f"{tag} is in no chart"


@pytest.mark.parametrize("base", [DIGITS, RING, (*RING, "dataset=point"), (*DIGITS, "loss=wgan_gp")], ids=" ".join)
def test_names_are_those_of_the_figures_that_take_longer_to_find(base):
    run = make_run(*base)
    assert judgements(run) == [*judged(run, generated(run))]
    assert [*read_out(run, {}, most=4)] == [*read_out(run, {})]


def test_a_critic_has_no_accuracy_and_a_probability_no_critic():
    assert "D's accuracy and the band of a fair coin" not in charts(make_run(*DIGITS, "loss=wgan_gp"))
    assert not [name for name in charts(make_run(*DIGITS)) if "critic" in name]


def test_no_chart_is_there_twice():
    names = [name for group in CHARTS.values() for name in group]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("loss", choices("loss"))
def test_the_guide_explains_every_read_out_that_the_run_logs(loss):
    run = make_run(*RING, f"loss={loss}")
    tags = expected(run)
    text = guide(run, tags)
    for tag in tags:
        if tag.startswith("theory/") and not tag.endswith(("_low", "_high", "lipschitz")):
            assert f"`{tag}`" in text, tag


def test_the_guide_says_what_does_not_hold_and_what_D_really_sees():
    run = make_run(*DIGITS, "loss.real_label=0.9", "aids.instance_noise=0.1", "model.pack=2", "penalty=none")
    text = guide(run, expected(run))
    assert "`theory/js`: n/a: with smoothed labels" in text
    assert "instance noise" in text
    assert "p^2" in text
