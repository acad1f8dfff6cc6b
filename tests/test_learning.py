"""A loop that runs and does not learn is a bug: the recipes reach what they promise. Minutes of training."""

import json
from pathlib import Path

import pytest
import torch
from conftest import train_in

pytestmark = pytest.mark.slow


def rows(directory: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("experiment", "steps"), [("ring", 1500), ("grid", 5000)])
def test_the_recipe_finds_every_mode_and_does_not_merely_return_their_means(tmp_path, experiment, steps):
    run = train_in(tmp_path, f"experiment={experiment}", f"train.steps={steps}")
    with torch.no_grad():
        samples = run.ema.G(run.z(2500))
    density = run.reals.data
    distances = torch.cdist(samples, torch.as_tensor(density.centres, dtype=torch.float32))
    close = distances.min(1).values < 3 * density.std
    found = distances.argmin(1)[close]
    assert len(found.unique()) == len(density.centres)
    assert close.float().mean() > 0.3
    spread = distances.min(1).values[close].std()
    assert spread > 0.1 * density.std


def test_minimax_starves_before_a_D_that_is_sure_and_the_nonsaturating_loss_learns(tmp_path):
    last = {}
    for loss in ("minimax", "nonsaturating"):
        run = (f"loss={loss}", "penalty=none", "train.d_head_start=300", "train.steps=1500", "train.batch_size=64")
        train_in(tmp_path / loss, *run, "optimizer.lr=2e-4", "train.log_every=10")
        last[loss] = rows(tmp_path / loss)[-20:]
    gradients = {loss: sum(row["grad_norm/g"] for row in tail) / 20 for loss, tail in last.items()}
    fooled = {loss: sum(row["prob/d_g_z"] for row in tail) / 20 for loss, tail in last.items()}
    assert fooled["minimax"] < 1e-3
    assert fooled["nonsaturating"] > 0.03
    assert gradients["minimax"] < gradients["nonsaturating"] / 100


def test_the_main_job_makes_digits_of_all_ten_classes(tmp_path):
    """Judged by a support vector machine that is right on 99 % of real digits."""
    from sklearn.svm import SVC

    run = train_in(tmp_path, "train.steps=1500")
    x, y = run.reals.examples
    judge = SVC(C=10, gamma="scale").fit(x.flatten(1).numpy() / 127.5 - 1, y.numpy())
    with torch.no_grad():
        samples = run.ema.G(run.z(1000)).flatten(1)
    counts = torch.bincount(torch.from_numpy(judge.predict(samples.numpy())), minlength=10)
    assert counts.min() >= 30, f"{counts.tolist()}: a tenth would be 100"
    assert samples.std(0).mean() > 0.2, "not one digit over and over"


def test_a_conditional_G_makes_the_digit_that_it_is_asked_for(tmp_path):
    """Judged by a support vector machine that is right on 99 % of real digits. Reached in 36 seconds: 97 %, and 90 % in
    the worst class.
    """
    from sklearn.svm import SVC

    run = train_in(tmp_path, "experiment=conditional_digits", "train.steps=2000")
    x, y = run.reals.examples
    judge = SVC(C=10, gamma="scale").fit(x.flatten(1).numpy() / 127.5 - 1, y.numpy())
    asked = torch.arange(10).repeat_interleave(50)
    with torch.no_grad():
        samples = run.ema.G(run.z(50).repeat(10, 1), asked).flatten(1)
    right = torch.from_numpy(judge.predict(samples.numpy())) == asked
    assert right.float().mean() >= 0.8
    assert right.view(10, 50).float().mean(1).min() >= 0.5, "in every class"
    assert samples.view(10, 50, -1).std(1).mean(1).min() > 0.1, "and not one digit over and over"
