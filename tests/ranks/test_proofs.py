"""Several processes train what one does: the same gradients, weights and figures, whatever the loss and its penalty."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, TINY, choices
from pytest import approx
from ranks_proof import Asked

MLP = (*TINY, "train.steps=20", "train.batch_size=16")
SMALL = ("model.base_channels=4", "prior.dim=4", "train.batch_size=16")
IMAGES = ("dataset=digits", "dataset.size=8", *SMALL)
PLAIN = ("model.generator.norm=none", "model.discriminator.norm=none")


def prove(folder: Path, size: int, settings: list[Asked]) -> list[dict[str, Any]]:
    """Let so many processes run these settings; what the first of them found, of each."""
    (folder / "asked.json").write_text(json.dumps([dataclasses.asdict(one) for one in settings]))
    np.save(folder / "images.npy", np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8))
    told = [sys.executable, str(ROOT / "tests" / "ranks_proof.py")]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen([*told, str(rank), str(size), str(folder)], env=env, cwd=folder, stderr=subprocess.PIPE)
        for rank in range(size)
    ]
    try:
        errors = [rank.communicate(timeout=900)[1].decode() for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0] * size, "\n".join(errors)
    found: list[dict[str, Any]] = json.loads((folder / "found.json").read_text())
    return found


def once(*overrides: str) -> list[str]:
    """Of overrides with one key the last."""
    return list({text.partition("=")[0]: text for text in overrides}.values())


def wanted(loss: str, penalty: str, *more: str, steps: int = 20) -> Asked:
    return Asked(once(*MLP, f"loss={loss}", f"penalty={penalty}", *more), steps)


# Each shows something else: lazy penalties, several updates of D, clipping, shared passes, reused fakes, what is drawn.
QUICK = {
    "wgan-gp": wanted("wgan_gp", "gp", "penalty.every=2", "train.clip_grad_norm=1", "train.d_steps=2"),
    "r3gan": wanted("relativistic", "r1r2", "train.fakes=reused", "optimizer.lr=1e-3"),
    "spectral norm": wanted("hinge", "none", "model.spectral_norm=true", steps=5),
    "r1": wanted("minimax", "r1", "train.updates=simultaneous"),
    "aids": Asked(
        once(
            *("dataset=array", "dataset.path=images.npy", "dataset.flip=true", *SMALL, *PLAIN, "penalty=gp"),
            *("model.pack=2", "aids.instance_noise=0.1", "aids.label_flips=0.2"),
            "aids.augment=[colour,translation,cutout]",
        ),
        steps=3,  # of 27 examples and 16 in a batch, which straddles two epochs
    ),
}
OTHERS = {
    "single precision": Asked(once(*MLP, "optimizer=sgd", "optimizer.lr=1e-3", "penalty=gp"), double=False),
    "resumed": Asked(once(*MLP, "penalty=gp", "penalty.every=2"), steps=6, resume=True),
    "dropout": Asked(once(*MLP, "model.discriminator.dropout=0.3"), steps=4, double=False, resume=True),
    "not a number": Asked(once(*MLP), poison=True),
    "batch norm": Asked(once(*MLP, "model.generator.norm=batch"), steps=2),
    "a mean that is forgotten": Asked(once(*MLP), steps=2, forget=True),
    "draws that are not shared": Asked(once(*MLP, "penalty=gp"), steps=2, apart=True),
}
SLOW = {
    "conditional": Asked(once(*IMAGES, *PLAIN, "model.conditional=true", "model.spectral_norm=true")),
    "batch norm of images": Asked(once(*IMAGES), steps=6),
    "r3gan of images": Asked(
        once(*IMAGES, "model=r3gan", "loss=relativistic", "dataset.size=16", "model.base_channels=16"), steps=3
    ),
    "points drawn once": Asked(once("dataset=ring", "dataset.points=50", *MLP[:2], "train.batch_size=16"), steps=8),
    "warm-up of D": Asked(once(*MLP, "train.d_head_start=3", "train.d_warmup_steps=2", "train.d_warmup=4")),
    "bfloat16": Asked(once(*MLP, "train.precision=bf16"), steps=1, double=False),
    "the data as G": Asked(once(*MLP, "train.g_is_data=true")),
}
EVERY = {  # lazy penalties with several updates of D for the half of it that runs on four processes
    f"{loss} {penalty}": (loss, penalty) for loss in choices("loss") for penalty in choices("penalty")
}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    named = QUICK | OTHERS
    return dict(zip(named, prove(tmp_path_factory.mktemp("two"), 2, list(named.values())), strict=True))


def holds(found: dict[str, Any]) -> None:
    """In double precision, where only rounding tells sums in two orders apart: Adam makes 1e-16 of a gradient near 0
    some 1e-11 of a weight.
    """
    assert found["moved"] > 1e-3, "there is something to compare"
    assert found["alike"], "all ranks have the same weights, to the bit"
    assert found["gradients"] < 1e-9
    assert found["weights"] < 1e-6
    assert found["figures"] < 1e-6


@pytest.mark.parametrize("name", QUICK)
def test_two_processes_train_what_one_does(quick, name):
    holds(quick[name])


def test_the_figures_are_those_of_the_global_batch(quick):
    names = {"loss/d", "loss/d_real", "loss/d_fake", "loss/d_penalty", "loss/g", "logit/real", "logit/fake"}
    assert names < set(quick["r1"]["names"])
    assert {"prob/d_x", "accuracy/real", "grad_norm/d", "grad_norm/g"} < set(quick["r1"]["names"])


def test_in_single_precision_the_weights_are_equal_to_rounding_where_nothing_amplifies_it(quick):
    found = quick["single precision"]
    assert found["gradients"] < 1e-6
    assert found["weights"] < 1e-6, "20 steps of SGD"


def test_a_checkpoint_of_two_is_gone_on_with_by_two_to_the_bit_dropout_included(quick):
    assert quick["dropout"]["again"]
    assert quick["dropout"]["states"] == 2
    assert quick["resumed"]["again"]


def test_a_checkpoint_of_two_is_gone_on_with_by_one_and_the_other_way_round(quick):
    assert quick["resumed"]["alone"] < 1e-9
    assert quick["resumed"]["joined"] < 1e-9


def test_dropout_differs_between_processes_and_weights_do_not(quick):
    assert quick["dropout"]["alike"]
    assert quick["dropout"]["gradients"] > 0.01, "other units were dropped than one process drops"


def test_under_batch_norm_by_process_weights_and_statistics_stay_alike(quick):
    found = quick["batch norm"]
    assert found["alike"]
    assert found["gradients"] > 1e-3, "each process normalises with its own samples"


def test_what_is_not_a_number_on_one_rank_ends_all_at_the_same_update(quick):
    first, second = quick["not a number"]["said"]
    assert first == second
    assert "not finite in step 3, before the update of D: loss/d_real is nan" in first


def test_a_mean_that_is_forgotten_is_seen(quick):
    found = quick["a mean that is forgotten"]
    assert not found["alike"]
    assert found["gradients"] > 0.01
    assert found["figures"] > 0.01


def test_draws_that_are_not_shared_are_seen(quick):
    found = quick["draws that are not shared"]
    assert found["alike"], "only the penalty's points are other ones"
    assert found["gradients"] > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("size", "more"), [(2, ()), (4, ("train.d_steps=5", "penalty.every=3"))])
def test_every_loss_under_every_penalty(tmp_path, size, more):
    asked = []
    for loss, penalty in EVERY.values():
        lazy = [text for text in more if penalty not in ("none", "clip") or not text.startswith("penalty.")]
        asked.append(wanted(loss, penalty, *lazy))
    every = dict(zip(EVERY, prove(tmp_path, size, asked), strict=True))
    wrong = {
        name: found
        for name, found in every.items()
        if not found["alike"] or max(found[key] for key in ("gradients", "weights", "figures")) > 1e-6
    }
    assert wrong == {}
    assert len(every) >= 35 and min(found["moved"] for found in every.values()) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 4])
def test_what_else_there_is(tmp_path, size):
    named = QUICK | SLOW
    found = dict(zip(named, prove(tmp_path, size, list(named.values())), strict=True))
    assert found["bfloat16"]["gradients"] == approx(0, abs=0.05), "rounded to 8 bits, by each rank for itself"
    by_process = found["batch norm of images"]
    assert by_process["alike"] and by_process["gradients"] > 1e-3
    for name in set(named) - {"bfloat16", "batch norm of images"}:
        assert found[name]["alike"], name
        assert max(found[name][key] for key in ("gradients", "weights", "figures")) < 1e-6, (name, found[name])


@pytest.mark.slow
def test_the_command_logs_the_same_figures_with_two_processes(tmp_path):
    """All of them: the losses of the global batch, and what rank 0 alone reads out, with its instance noise."""
    told = once(*MLP, "dataset=ring", "loss=wgan_gp", "optimizer=sgd", "optimizer.lr=1e-3", "aids.instance_noise=0.05")
    logs = []
    for devices in (1, 2):
        command = [sys.executable, "-m", "gan_cli.cli.train", *told, f"train.devices={devices}", "device=cpu"]
        command += ["train.log_every=5", "train.sample_every=20", f"hydra.run.dir={tmp_path}/{devices}"]
        subprocess.run(command, cwd=tmp_path, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=600)
        lines = (tmp_path / str(devices) / "metrics.jsonl").read_text().splitlines()
        logs.append([json.loads(line) for line in lines])
    assert [row["step"] for row in logs[0]] == [5, 10, 15, 20]
    assert {"theory/critic_gap", "theory/lipschitz", "grad_norm/g", "samples/modes"} < set(logs[0][-1])
    for one, two in zip(*logs, strict=True):
        assert {key for key, value in one.items() if isinstance(value, str)} == set()
        assert two == approx(one, rel=1e-4, abs=1e-5)
