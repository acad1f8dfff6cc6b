"""`sweep=NAME`: a file in conf/sweep, or in one's own directory, is a line; what is typed has the last word."""

import itertools
from pathlib import Path

import pytest
from conftest import TINY, choices, compose_plain
from hydra.core.override_parser.overrides_parser import OverridesParser
from sickroom import statuses, sweeps

from gan_cli.builder import examine
from gan_cli.cli.overrides import key_of, swept_keys
from gan_cli.cli.sweep.choice import written_out
from gan_cli.errors import ConfigError
from gan_cli.paths import CONF_DIR

MINE = """\
# @package _global_
defaults:
  - override /model: mlp
  - override /hydra/launcher: joblib
hydra:
  launcher:
    n_jobs: 1
  sweeper:
    params:
      loss: hinge,minimax
      optimizer.lr: 1e-3,0.01
      seed: range(2)
train:
  steps: 20
  stop_on: [mode_collapse]
dataset:
  path: "odd (old) = place"
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A directory of configs with a sweep in it."""
    monkeypatch.chdir(tmp_path)
    Path("mine/sweep").mkdir(parents=True)
    Path("mine/sweep/two.yaml").write_text(MINE)
    return [CONF_DIR, Path("mine")]


def test_a_file_is_the_line_that_it_stands_for(mine):
    line, name = written_out(["sweep=two", "device=cpu"], mine)
    assert name == "two"
    assert line == [
        "model=mlp",
        "hydra/launcher=joblib",
        "train.steps=20",
        "train.stop_on=[mode_collapse]",
        "dataset.path='odd (old) = place'",
        "hydra.launcher.n_jobs=1",
        "loss=hinge,minimax",
        "optimizer.lr=1e-3,0.01",
        "seed=range(2)",
        "device=cpu",
    ]
    for text in line:
        OverridesParser.create().parse_override(text)


def test_what_is_typed_has_the_last_word(mine):
    line, _ = written_out(["seed=7", "sweep=two", "train.epochs=1", "++optimizer.lr=0.1"], mine)
    keys = [key_of(text) for text in line]
    assert keys.count("seed") == keys.count("optimizer.lr") == 1
    assert {"seed=7", "train.epochs=1", "++optimizer.lr=0.1"} <= {*line}
    assert "train.steps" not in keys, "one length takes the place of another"
    assert written_out(["loss=hinge"], mine) == (["loss=hinge"], None)
    assert written_out(["loss=hinge", "sweep=null"], mine) == (["loss=hinge"], None)


@pytest.mark.parametrize(
    ("line", "content", "message"),
    [
        (["sweep=loses"], None, "there is no choice 'loses'; did you mean 'losses'?"),
        (["sweep=../loss/hinge"], None, "there is no choice"),
        (["sweep=losses,seeds"], None, "names several; one at a time"),
        (["sweep=bad"], "- a\n- b\n", "is a list"),
        (["sweep=bad"], "a: [1\n", "expected"),
        (["sweep=bad"], "a: &x 1\nb: *x\n", "has aliases"),
        (["sweep=bad"], "defaults: [losses]\n", "expected 'override /group: choice'"),
        (["sweep=bad"], "defaults: [{/loss: hinge}]\n", "expected 'override /group: choice'"),
        (["sweep=bad"], "hydra: {sweeper: {params: {loss: 'a,(b'}}}\n", "cannot be read as on a line"),
        (["sweep=bad"], "hydra: {sweeper: {params: 3}}\n", "is no mapping"),
        (["sweep=bad"], "a" * 70_000, "is larger than"),
    ],
)
def test_what_is_no_sweep_is_told(mine, line, content, message):
    if content is not None:
        Path("mine/sweep/bad.yaml").write_text(content)
    with pytest.raises(ConfigError) as refused:
        written_out(line, mine)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", choices("sweep"))
def test_every_sweep_that_ships_makes_runs_that_can_be_built(name):
    line, _ = written_out([f"sweep={name}"], [CONF_DIR])
    swept = swept_keys(line)
    assert swept, "several runs"
    values = [
        [f"{o.key_or_group}={value}" for value in o.sweep_string_iterator()] if o.is_sweep_override() else [text]
        for text, o in zip(line, OverridesParser.create().parse_overrides(line), strict=True)
    ]
    jobs = [list(job) for job in itertools.product(*values)]
    assert 4 <= len(jobs) <= 32
    for job in (jobs[0], jobs[-1]):
        examine(*compose_plain(*job), given=[key_of(text) for text in job])


def test_a_name_is_a_sweep_without_m_and_goes_on_as_its_line(gan_train):
    Path("mine/sweep").mkdir()
    Path("mine/sweep/two.yaml").write_text("hydra: {sweeper: {params: {loss: 'hinge,falls', seed: '0,1'}}}\n")
    code, out, _ = gan_train(*TINY, "sweep=two", "seed=3", flags=("--config-dir=mine",))
    assert (code, out.startswith("sweep=two is: gan-train loss=hinge,falls model=mlp")) == (1, True)
    (sweep,) = sweeps()
    assert sorted(path.name for path in sweep.glob("*_*")) == ["0_loss-hinge", "1_loss-falls"]
    Path("mine/sweep/two.yaml").write_text("hydra: {sweeper: {params: {loss: minimax}}}\n")
    assert gan_train(f"resume={sweep}", "retry=true", "trust=true", flags=("-m",))[0] == 0, "the line is what it was"
    assert statuses(sweep) == ["finished"] * 2


def test_help_tells_of_sweeps(gan_train):
    _, out, _ = gan_train(flags=("--help",))
    assert "sweep: d_steps, learning_rates, losses" in " ".join(out.split())
