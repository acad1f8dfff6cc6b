"""gan-probe: it tells an equilibrium from a weak D, measures what theory says is to be gained, and touches no run."""

import copy
import dataclasses
import json
import math
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from conftest import choices, compose_plain, train_in

from gan_cli import checkpoint
from gan_cli import probe as module
from gan_cli.builder import build
from gan_cli.cli.probe import main
from gan_cli.cli.verdict import words
from gan_cli.probe import Estimate, Findings, Reading, probe
from gan_cli.run import FORMAT, Run

# p = N(0, 1); G is affine, so that it can be p exactly, and D has a hidden layer
TOY = ("dataset=gaussian", "model=mlp", "model.width=16", "model.depth=1", "model.generator.depth=0", "prior.dim=1")
TOY += ("train.steps=9", "train.batch_size=128", "optimizer.lr=0.01", "penalty=none")

D_LOSS, JS, RIGHT = 1.1635, 0.1114, 0.6915  # of the optimal D where G is N(1, 1)


@cache
def _composed(*overrides: str) -> dict:
    return compose_plain(*overrides)[0]


def composed(*overrides: str) -> dict:
    return copy.deepcopy(_composed(*overrides))


def toy(*overrides: str, mean: float = 0.0, slope: float = 0.0, bias: float = 0.0) -> tuple[dict, dict]:
    """The config and a checkpoint of G = N(mean, 1) against D(x) = slope x + bias."""
    config = composed(*TOY, *overrides)
    run = build(config)
    hidden, last = run.D.net[1], run.D.net[3]
    with torch.no_grad():
        for p in (*run.D.parameters(), *run.G.parameters()):
            p.zero_()
        run.G.net[0].weight.fill_(1.0)
        run.G.net[0].bias.fill_(mean)
        hidden.weight[:2, 0] = torch.tensor([1.0, -1.0])  # leaky(x) - leaky(-x) = 1.2 x, at any x
        last.weight[0, :2] = torch.tensor([slope, -slope]) / 1.2
        last.bias.fill_(bias)
    return config, saved(run)


def saved(run: Run) -> dict:
    return {"format": FORMAT, "step": 7, "G": run.G.state_dict(), "D": run.D.state_dict()}


def said(found: Findings, config: dict, steps: int = 200) -> str:
    return " ".join(words(found, steps, config))


def test_a_d_at_rest_against_the_data_is_an_equilibrium():
    config, state = toy()
    found = probe(config, state, 100)
    assert found.verdict == "equilibrium"
    assert found.own.right == 0.5
    assert found.own.d.mean() == pytest.approx(math.log(4))
    assert found.d_gain.value < 2 * found.d_gain.error
    assert found.g_gain == Estimate(0.0, 0.0)  # a D without slope gives a G nothing to follow
    text = said(found, config, 100)
    assert text.startswith("50 % is real: equilibrium, on D's side. In 100 updates no D of this kind")
    assert "neither side has a better move" in text


def test_points_that_were_drawn_once_are_those_of_the_run(monkeypatch):
    ring = ("dataset=ring", "dataset.points=64", "model=mlp", "model.width=4", "prior.dim=2", "train.batch_size=16")
    config, seen = composed(*ring, "seed=5", "train.steps=9"), []

    class Table(module._Table):
        def __init__(self, run, each):
            seen.append(run)
            super().__init__(run, each)

    monkeypatch.setattr(module, "_Table", Table)
    run = build(config)
    probe(config, saved(run), 1)
    (probed,) = seen
    assert torch.equal(probed.reals.whole.x, run.reals.whole.x)
    assert torch.equal(probed.twin.whole.x, run.reals.whole.x)
    assert not torch.equal(next(probed.reals), next(run.reals)), "in another order"


def test_a_d_that_lost_its_weights_is_weak_and_what_it_misses_is_the_divergence():
    config, state = toy(mean=1.0)
    found = probe(config, state, 300)
    assert (found.verdict, found.own.right) == ("weak_d", 0.5)
    best = found.D[found.best_D]
    # The optimal D's figures, as far as 1,024 pairs show them: 4 standard errors (once in 15,000)
    assert found.d_gain.value == pytest.approx(math.log(4) - D_LOSS, abs=4 * found.d_gain.error)
    assert best.divergence == pytest.approx(JS, abs=2 * found.d_gain.error)
    assert best.right == pytest.approx(RIGHT, abs=4 * 0.5 / math.sqrt(2048))
    assert found.D.keys() == {"trained on", "fresh"}
    text = said(found, config)
    assert text.startswith("50 % is a weak D's.")
    assert "G is not done. Give D more: train.d_steps=2" in text


def test_nothing_is_to_be_gained_over_the_optimal_d():
    config, state = toy(mean=1.0, slope=-1.0, bias=0.5)  # the logit of D* is mu^2/2 - mu x
    found = probe(config, state, 100)
    assert found.verdict == "not_at_half"
    assert found.own.d.mean() == pytest.approx(D_LOSS, abs=4 * Estimate.of(found.own.d).error)
    assert not found.d_gain.is_positive
    assert "more than a fair coin" in said(found, config) and "D is not weak" in said(found, config)
    # A G alone with this D runs down its slope: L_G = softplus(x - 1/2), from x ~ N(1, 1) to where it is 0
    assert found.best_G is not None and found.g_gain is not None
    assert found.g_gain.value == pytest.approx(float(found.own.g.mean() - found.G[found.best_G].g.mean()))
    assert found.g_gain.value > 0.5


def test_the_duality_gap_is_the_sum_of_both_gains_where_the_game_is_zero_sum():
    found = probe(*toy("loss=minimax", mean=1.0, slope=-0.3), 60)
    assert found.g_gain is not None and found.duality_gap is not None
    assert found.duality_gap.value == pytest.approx(found.d_gain.value + found.g_gain.value, abs=1e-6)
    assert found.d_gain.value > 0 and found.g_gain.value > 0


def test_outputs_off_by_a_constant_cost_loss_but_hide_nothing():
    config, state = toy(bias=2.0)
    found = probe(config, state, 100)
    assert found.own.right == 0.5  # every real sample right, every fake one wrong
    # softplus(-2) + softplus(2) - log 4, if the other D were exact
    assert found.d_gain.value == pytest.approx(0.8676, abs=0.02)
    assert found.verdict == "equilibrium"


def test_a_d_that_is_wrong_more_often_than_a_coin_lags():
    config, state = toy(mean=1.0, slope=1.0, bias=-0.5)  # it takes one for the other
    found = probe(config, state, 50)
    assert found.verdict == "not_at_half"
    assert found.own.right == pytest.approx(1 - RIGHT, abs=4 * 0.5 / math.sqrt(2048))
    text = said(found, config)
    assert "less than a fair coin; G has moved past it" in text and "the run's D is weaker than its kind allows" in text


def test_too_few_steps_to_learn_anything_are_no_proof():
    config, state = toy("optimizer.discriminator.lr=1e-9")
    found = probe(config, state, 1)
    assert found.verdict == "cannot_tell"
    text = said(found, config, 1)
    assert text.startswith("Cannot tell.")
    assert "learning rate (1e-09)" in text and "Try --steps 10 or --lr" in text


@pytest.mark.parametrize("loss", choices("loss"))
def test_every_loss_tells_both_apart(loss):
    config, state = toy(f"loss={loss}", "train.batch_size=64")
    assert probe(config, state, 40).verdict == "equilibrium"
    config, state = toy(f"loss={loss}", "train.batch_size=64", mean=1.5)
    assert probe(config, state, 40).verdict == "weak_d"


@pytest.mark.parametrize(
    "overrides",
    [
        ("dataset=digits", "model=dcgan", "model.base_channels=2", "dataset.size=8", "model.conditional=true"),
        ("dataset=digits", "model=dcgan", "model.base_channels=2", "dataset.size=8", "penalty=none", "model.pack=2"),
        ("dataset=ring", "model=mlp", "model.width=4", "train.g_is_data=true", "model.spectral_norm=true"),
        ("dataset=ring", "model=mlp", "model.width=4", "aids.instance_noise=0.5", "train.lr_schedule=cosine"),
    ],
    ids=["conditional", "packs", "g_is_data", "noise"],
)
def test_every_kind_of_run_is_probed_and_only_the_trained_player_moves(overrides):
    config = composed(*overrides, "train.steps=9", "train.batch_size=16")
    run = build(config)
    own = saved(run)
    found = probe(config, own, 2)
    assert set(found.D) == {"trained on", "fresh"}
    assert set(found.G) == (set() if run.cfg.g_is_data else {"trained on", "fresh"})
    assert (found.g_gain is None) == (found.duality_gap is None) == run.cfg.g_is_data

    table = module._Table(run, lambda name, steps: range(steps))
    before = {player: {k: v.clone() for k, v in own[player].items()} for player in "GD"}
    for moved, other in ("DG", "GD")[: 1 if run.cfg.g_is_data else 2]:
        assert table.trained(moved, 2, {"trained on": (before["G"], before["D"])})
        now = {"G": run.G.state_dict(), "D": run.D.state_dict()}
        assert all(torch.equal(value, before[other][key]) for key, value in now[other].items()), f"{other} is frozen"
        assert any(not torch.equal(value, before[moved][key]) for key, value in now[moved].items())


def test_equal_seeds_find_equal_figures_and_others_do_not():
    game = toy(mean=1.0)
    first, again, other = (probe(*game, 5, seed).D["fresh"].d for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_trainings_begin_alike_whatever_went_before():
    game, order = toy(mean=1.0), []

    def each(name: str, steps: int) -> Iterable[int]:
        order.append(name)
        return range(steps)

    found = probe(*game, 5, each=each)
    assert order == ["D, trained on", "D, fresh", "G, trained on", "G, fresh"]  # weak: no control
    run = build(game[0])
    table = module._Table(run, each)
    seats = {"one": (game[1]["G"], game[1]["D"]), "the same": (game[1]["G"], game[1]["D"])}
    twice = table.trained("D", 5, seats)
    assert torch.equal(twice["one"].d, twice["the same"].d)
    assert found.D["trained on"].d.shape == (1024,)


def test_figures_that_are_not_finite_end_it():
    config, state = toy()
    state["D"] = {key: value * math.nan for key, value in state["D"].items()}
    with pytest.raises(module.Diverged, match="not finite"):
        probe(config, state, 5)


def test_a_d_that_leaves_the_finite_numbers_does_not_count():
    config, state = toy("loss=least_squares", "optimizer=sgd", "optimizer.lr=1e6", mean=1.0)
    with pytest.raises(module.Diverged, match="every D trained against the run's G left"):
        probe(config, state, 50)


def test_data_of_which_nothing_is_held_out_cannot_judge(tmp_path):
    import numpy as np

    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32))
    given = ("dataset=array", f"dataset.path={tmp_path / 'few.npy'}", "model=mlp", "train.batch_size=4")
    with pytest.raises(module.DataError, match="nothing of it is held out"):
        probe(composed(*given), saved(build(composed(*given))), 1)


def reading(d: list[float], right: float) -> Reading:
    return Reading(torch.tensor(d, dtype=torch.float64), torch.zeros(len(d), dtype=torch.float64), right, None)


def test_the_verdict_is_beyond_chance_only():
    """Gains of D with means of 0.1 and errors of 0.1/3 or 0.1/1.5: three standard errors, and one and a half."""
    n = 100
    noise = torch.linspace(-1, 1, n, dtype=torch.float64)
    noise = noise / noise.std() * math.sqrt(n)  # a standard error of 1
    for errors, verdict in ((1 / 3, "weak_d"), (1 / 1.5, "cannot_tell")):
        better = 2.0 - 0.1 * (1 + errors * noise)
        found = Findings(
            reading([2.0] * n, 0.5), {"fresh": reading(better.tolist(), 0.6)}, {}, 2.0, None, pairs=False
        )
        assert found.d_gain.value == pytest.approx(0.1)
        assert found.d_gain.error == pytest.approx(0.1 * errors)
        assert found.verdict == verdict
    assert found.coin == pytest.approx((0.5 - 0.98 / math.sqrt(2 * n), 0.5 + 0.98 / math.sqrt(2 * n)))
    assert dataclasses.replace(found, pairs=True).coin[1] == pytest.approx(0.5 + 0.98 / math.sqrt(n))


# the command


@pytest.fixture
def run(tmp_path) -> Path:
    """A directory as gan-train leaves it, as far as gan-probe looks: the lobotomised toy."""
    return on_disk(tmp_path / "run", *toy(mean=1.0))


def on_disk(directory: Path, config: dict, state: dict) -> Path:
    directory.mkdir()
    kept = {key: value for key, value in config.items() if key not in ("resume", "dry_run", "trust")}
    (directory / "config.yaml").write_text(yaml.safe_dump(kept))
    checkpoint.save(directory / "checkpoints", 7, state, None)
    return directory


def fails(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def contents(directory: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_it_fits_a_screen_and_leaves_the_run_as_it_is(run, tmp_path, capsys):
    before = contents(run)
    main([str(run), "--steps", "50", "--out", str(tmp_path / "probe.json")])
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""  # no bar in a pipe
    assert len(lines) <= 24 and all(len(line) <= 80 for line in lines[1:])
    assert lines[0] == f"{run}, step 7: 50 updates of each player, the other one frozen"
    assert "  the run's D              1.3863   50.0 %      0.0000" in lines
    assert "fair coin      47.8 % to 52.2 % right" in lines
    assert " ".join(lines).find("50 % is a weak D's.") > 0
    assert contents(run) == before

    found = json.loads((tmp_path / "probe.json").read_text())
    assert found["verdict"] == "weak_d"
    assert (found["step"], found["steps"], found["seed"], found["held_out"]) == (7, 50, 0, 1024)
    gains = [found["own"]["d_loss"] - found["D"][name]["d_loss"] for name in ("trained on", "fresh")]
    assert found["d_gain"]["value"] == pytest.approx(max(gains))
    assert f"D's gain          {found['d_gain']['value']:.4f} ± {found['d_gain']['error']:.4f}   " in out


def test_help_answers_at_once():
    lines = ("import sys", "from gan_cli.cli.probe import main", "try: main(['--help'])")
    code = "\n".join([*lines, "finally: assert 'torch' not in sys.modules"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--steps N" in done.stdout and "exit codes: 0 whatever the verdict" in done.stdout


def test_options_change_the_training_and_are_recorded(run, tmp_path):
    out = tmp_path / "probe.json"
    main([str(run), "--steps", "2", "--lr", "1e-12", "--batch-size", "4", "--device", "cpu", "--out", str(out)])
    found = json.loads(out.read_text())
    assert (found["lr"], found["batch_size"], found["device"]) == (1e-12, 4, "cpu")
    assert found["D"]["trained on"]["d_loss"] == pytest.approx(found["own"]["d_loss"], abs=1e-6)


def test_a_critic_is_judged_in_pairs(tmp_path, capsys):
    main([str(on_disk(tmp_path / "run", *toy("loss=wgan_gp", mean=1.0))), "--steps", "20"])
    out = capsys.readouterr().out
    assert "fair coin      46.9 % to 53.1 % right of pairs" in out
    assert out.splitlines()[3] == "D, with G frozen           D loss    right         gap"


def test_what_is_no_run_ends_in_a_line(run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert fails(tmp_path / "nowhere") == 5
    assert "there is no directory" in capsys.readouterr().err
    assert fails(tmp_path / "empty") == 5
    assert "holds no run (no config.yaml)" in " ".join(capsys.readouterr().err.split())
    assert fails(run, "--out", tmp_path / "nowhere" / "probe.json") == 5
    assert "--out: there is no directory" in capsys.readouterr().err
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert fails(run) == 5
    assert "damaged" in capsys.readouterr().err
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    assert fails(run) == 5
    assert "no checkpoint" in " ".join(capsys.readouterr().err.split())


def test_a_damaged_newest_checkpoint_is_passed_over(run, capsys):
    newest = run / "checkpoints" / "step-000000009-0123456789abcdef.safetensors"
    newest.write_bytes(b"torn")
    main([str(run), "--steps", "1"])
    out, err = capsys.readouterr()
    assert ", step 7:" in out and "going back to step 7" in err


@pytest.mark.parametrize("change", [{"format": 99}, {"G": {}}, {"D": None}], ids=["format", "G", "D"])
def test_a_checkpoint_that_does_not_belong_ends_in_a_line(tmp_path, change, capsys):
    config, state = toy()
    assert fails(on_disk(tmp_path / "run", config, state | change), "--steps", "1") == 5
    assert "the checkpoint" in capsys.readouterr().err


def test_foreign_code_runs_only_when_trusted(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine_to_probe.py").write_text(
        textwrap.dedent("""
            from pathlib import Path
            from gan_cli.losses import NonSaturating
            Path("imported").touch()
            class Mine(NonSaturating):
                pass
        """)
    )
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["loss"]["_target_"] = "mine_to_probe.Mine"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    assert fails(run, "--steps", "1") == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "names code outside gan_cli" in err and "add --trust" in err
    assert not Path("imported").exists()
    main([str(run), "--steps", "1", "--trust"])
    assert Path("imported").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps", "0"), "must be a whole number of at least 1, got '0'"),
        (("--steps", "many"), "must be a whole number of at least 1, got 'many'"),
        (("--seed", "-1"), "must be a whole number of at least 0"),
        (("--lr", "nan"), "must be above 0, got nan"),
        (("--batch-size", "1.5"), "must be a whole number"),
        (("--device", "tpu"), "device: expected one of auto, cpu, cuda"),
    ],
)
def test_wrong_options_are_refused(run, options, message, capsys):
    assert fails(run, *options) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_trained_toy_is_real_until_its_d_is_lobotomised(tmp_path, capsys):
    settings = (*TOY, "dataset.mean=1", "model.width=32", "model.depth=2", "train.steps=1500", "train.batch_size=256")
    settings += ("optimizer.lr=5e-3", "optimizer.betas=[0.0, 0.9]", "train.lr_schedule=linear", "penalty=r1")
    run = train_in(tmp_path / "trained", *settings)
    config = composed(*settings)
    good = checkpoint.load_newest(run.directory / "checkpoints", print)
    main([str(on_disk(tmp_path / "good", config, good)), "--steps", "500"])
    assert "50 % is real: equilibrium" in capsys.readouterr().out
    early = build(config)  # G as it was before training, D without its weights
    lost = {key: torch.zeros_like(value) for key, value in good["D"].items()}
    main([str(on_disk(tmp_path / "bad", config, saved(early) | {"D": lost})), "--steps", "500"])
    assert "50 % is a weak D's." in capsys.readouterr().out
