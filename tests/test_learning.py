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
    """Data N(8, 1), a G that starts at N(0, 1), plain gradient descent: theory's gradients are 4e-4 and 8 at first."""
    toy = ("dataset=gaussian", "dataset.mean=8", "model=mlp", "model.width=64", "model.generator.depth=0")
    how = ("prior.dim=1", "penalty=none", "train.d_head_start=300", "train.steps=400", "train.batch_size=256")
    first, last = {}, {}
    for loss in ("minimax", "nonsaturating"):
        train_in(tmp_path / loss, f"loss={loss}", *toy, *how, "optimizer=sgd", "optimizer.lr=0.02",
                 "train.log_every=10")  # fmt: skip
        first[loss], *_, last[loss] = (row for row in rows(tmp_path / loss) if "loss/g" in row)
    assert first["minimax"]["theory/g_shift"] < first["nonsaturating"]["theory/g_shift"] / 100
    assert last["minimax"]["theory/js"] > 0.69, "as far as ever: log 2 is 0.693"
    assert last["nonsaturating"]["theory/js"] < 0.01


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
