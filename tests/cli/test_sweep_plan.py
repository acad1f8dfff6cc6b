"""A sweep before its first job: which jobs are the same run, and what all would take."""

from pathlib import Path

import pytest
from conftest import TINY, make_run, train_in
from sickroom import FIXED, jobs, statuses

from gan_cli.cli.sweep.combinations import Combination, Equal
from gan_cli.cli.sweep.foresee import on_disk


def combination(number: int, **config: object) -> Combination:
    return Combination(number, "", dict(config), {}, (), "")


def test_jobs_are_equal_if_every_key_of_their_configs_is():
    equal = Equal()
    told = [
        combination(0, seed=0, loss={"a": 1}),
        combination(1, seed=1, loss={"a": 1}),
        combination(2, loss={"a": 1}, seed=0, retry=True),
        combination(3, seed=0, loss={"a": 1.5}),
        combination(4, seed=1, loss={"a": 1}),
        combination(5, seed=0, loss={"a": 1}, resume="x"),
        combination(6, seed=0, loss={"a": 1}, resume="y"),
    ]
    assert [equal.earlier(job) for job in told] == [None, None, 0, None, 1, None, None]
    assert equal.told([f"job {n}" for n in range(7)]) == (
        "#2 job 2 is the same run as #0 job 0, and is not run a second time\n"
        "#4 job 4 is the same run as #1 job 1, and is not run a second time"
    )


def test_equal_jobs_are_said_and_run_once(gan_train):
    line = (*TINY, "loss=falls,hinge", "train.log_every=1,${train.d_steps}", FIXED)
    code, out, err = gan_train(*line)
    assert code == 1, err
    told = out.replace("\\", "")
    assert "#1 loss=falls train.log_every=${train.d_steps} is the same run as #0 loss=falls train.log_every=1" in told
    assert "#3  loss=hinge train.log_every=${train.d_steps}: the same as #2" in told
    assert [(job["status"], job["same_as"], job["step"]) for job in jobs(Path("sweep"))] == [
        ("failed", None, 3),
        ("failed", 0, 3),
        ("finished", None, 6),
        ("finished", 2, 6),
    ]
    assert sorted(path.name[0] for path in Path("sweep").glob("*_*")) == ["0", "2"]
    code, out, _ = gan_train(*line)
    assert (code, statuses(Path("sweep"))) == (1, ["failed", "failed", "finished", "finished"]), "as before"
    assert gan_train(*line, "retry=true")[0] == 0
    assert statuses(Path("sweep")) == ["finished"] * 4


def test_a_dry_run_lists_what_the_jobs_would_take_and_writes_nothing(gan_train):
    before = {*Path().rglob("*")}
    code, out, err = gan_train(*TINY, "loss=hinge,minimax", "seed=0,1,2", "train.steps=1000", "dry_run=true")
    assert code == 0, err
    assert {*Path().rglob("*")} == before
    rows = [line.split() for line in out.splitlines()]
    assert [row[:4] for row in rows[1:7]] == [
        [str(n), f"loss={loss}", f"seed={seed}", "1,000"]
        for n, (loss, seed) in enumerate((loss, seed) for loss in ("hinge", "minimax") for seed in (0, 1, 2))
    ]
    assert rows[1][4:] == rows[2][4:] == rows[3][4:], "one of those that differ in their seed was timed"
    assert "6 jobs, 2 timed: about" in out
    assert "nothing was written" in out


def test_a_dry_run_says_which_job_cannot_take_a_step(gan_train):
    code, out, _ = gan_train(*TINY, "loss=raises", "loss.step=1,50", "dry_run=true")
    assert (code, "ArithmeticError: sick" in out) == (1, True)
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    "line",
    [
        (*TINY, "train.steps=40", "train.checkpoint_every=5", "train.sample_every=20"),
        ("model.base_channels=8", "train.steps=6", "train.checkpoint_every=2", "train.keep=null"),
    ],
)
def test_what_a_run_leaves_on_the_disk_is_foretold_within_a_factor_of_two(tmp_path, line):
    foretold = on_disk(make_run(*line))
    train_in(tmp_path / "run", *line)
    found = sum(path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert found / 2 < foretold < 3 * found, (foretold, found)
