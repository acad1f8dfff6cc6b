"""Each alarm on figures made by hand: raised where it should be, once, and not where it should not; resumed alike."""

import json
import math
import re

import pytest
import yaml
from conftest import choices, compose_plain, make_run, train_in

from gan_cli import checkpoint
from gan_cli.alarms import ALARMS, CAUSE, SAW, alarm
from gan_cli.check import GROUPS, leaves
from gan_cli.errors import ConfigError
from gan_cli.health import Health, Thresholds
from gan_cli.history import History, swings
from gan_cli.paths import CONF_DIR

BAND = {"theory/ranking_low": 0.46, "theory/ranking_high": 0.54, "theory/accuracy": 0.7}
FAIR = {"theory/ranking": 0.5} | BAND
SURE = {"theory/ranking": 1.0} | BAND
GOOD = {"samples/energy": 0.003, "samples/distance": 1.0, "samples/nearest": 1.0}
BAD = {"samples/energy": 0.3, "samples/distance": 0.9, "samples/nearest": 2.0}


def run(steps=2000, health=None, **figures):
    """The alarms of a run with these figures, and when: every 50 steps, those of samples every 100.

    A figure is a number or a function of the step; `/` is written `__`.
    """
    health = health or Health(modes=8, classes=10.0)
    raised = []
    for step in range(50, steps + 1, 50):
        row = {}
        for key, value in figures.items():
            name = key.replace("__", "/")
            if step % 100 == 0 or not name.startswith("samples/"):
                row[name] = value(step) if callable(value) else value
        raised += [(found.name, found.step) for found in health.watch(step, row)]
    return raised


def named(*groups, **more):
    """Figures as keyword arguments."""
    return {key.replace("/", "__"): value for group in groups for key, value in group.items()} | more


def test_a_run_that_learns_and_converges_raises_nothing():
    def falling(step):
        return 0.5 * math.exp(-step / 300)

    figures = named(GOOD, BAND, samples__energy=falling)
    figures |= {"theory__ranking": lambda step: 0.5 + 0.5 * math.exp(-step / 400)}
    figures |= {"theory__g_pull": 0.5, "theory__g_slope": lambda step: math.exp(-step / 100), "samples__modes": 8.0}
    assert run(**figures) == []


def test_a_coin_that_is_right_to_be_one_raises_nothing():
    """G is the data: D is at 50 %, its gradient is noise around 0, and the samples are good."""
    swings = {"logit__real": lambda step: 0.01 * (-1) ** (step // 50), "logit__fake": 0.0}
    assert run(**named(FAIR, GOOD, theory__g_slope=1e-6, theory__g_pull=0.5, **swings)) == []


@pytest.mark.parametrize(
    ("figure", "sick", "healthy"),
    [("distance", 0.05, 0.7), ("nearest", 0.01, 0.5), ("modes", 3.0, 4.0), ("classes", 1.7, 6.0)],
)
def test_mode_collapse_is_a_while_of_samples_that_are_all_alike(figure, sick, healthy):
    def samples(value):
        return named(GOOD, {"samples/quality": 0.9, f"samples/{figure}": value})

    assert run(**samples(lambda step: healthy if step < 1000 else sick)) == [("mode_collapse", 1500)]
    assert run(**samples(healthy)) == []
    assert run(**samples(lambda step: sick if step == 500 else healthy)) == [], "one evaluation is none"
    assert run(**samples(lambda step: sick if step % 300 else healthy)) == [], "nor are two in a row"


def test_a_G_that_never_was_varied_has_longer_but_not_for_ever():
    assert run(**named(GOOD, samples__distance=0.05)) == [("mode_collapse", 1600)], "three times 500 steps"
    assert run(**named(GOOD, samples__distance=lambda step: 0.05 if step < 1600 else 0.7)) == []


def test_a_G_that_ignores_z_is_caught_within_three_evaluations():
    assert run(**named(GOOD, samples__distance=1e-6)) == [("mode_collapse", 300)]
    assert run(**named(SURE, BAD, samples__distance=0.0))[0] == ("mode_collapse", 300), "however sure D is"


def test_a_G_that_D_keeps_from_learning_has_not_collapsed():
    assert run(**named(SURE, BAD, samples__distance=0.05)) == [("d_too_strong", 600)]


def test_samples_that_become_more_varied_have_not_collapsed():
    assert run(**named(GOOD, samples__distance=lambda step: 0.05 * 1.05 ** (step / 100))) == []


def test_few_modes_are_a_collapse_only_where_the_samples_lie_in_modes():
    few = named(GOOD, samples__modes=1.0)
    assert run(**few, samples__quality=0.01) == []
    assert run(**few, samples__quality=0.5) == [("mode_collapse", 1600)]
    assert run(**few, samples__quality=0.5, health=Health()) == [], "how many there are is not known"


def test_d_too_strong_is_a_D_that_is_sure_while_the_samples_stay_bad():
    assert run(**named(SURE, BAD, theory__g_pull=0.99)) == [("d_too_strong", 600)], "500 steps, from step 100 on"
    assert run(**named(SURE, GOOD)) == [], "what is left to tell is not visible"
    assert run(**named(SURE, BAD, theory__ranking=0.97)) == []
    assert run(**named(SURE, BAD, samples__energy=lambda step: 0.6 * 0.93 ** (step / 100))) == [], "G learns"
    assert run(**named(SURE, BAD, theory__ranking=lambda step: 1.0 if step % 100 else 0.8)) == [], "by turns"
    assert run(**named(SURE)) == [], "nobody has seen the samples"


def test_one_noisy_row_neither_raises_nor_hides_an_alarm():
    def noisy(step):
        return 0.5 if step == 300 else 1.0

    assert run(**named(SURE, BAD, theory__ranking=noisy)) == [("d_too_strong", 600)]
    assert run(**named(FAIR, GOOD, theory__ranking=lambda step: 1.0 if step == 300 else 0.5)) == []


def test_d_too_weak_is_a_coin_before_samples_that_are_visibly_not_the_data():
    assert run(**named(FAIR, BAD)) == [("d_too_weak", 600)]
    assert run(**named(FAIR, GOOD)) == [], "equilibrium"
    assert run(**named(FAIR, BAD, theory__ranking=0.3)) == [("d_too_weak", 600)], "G fools it"
    assert run(**named(FAIR, BAD, theory__ranking=0.55)) == [], "the band of a fair coin ends at 0.54"
    assert run(**named(FAIR, BAD, theory__ranking=lambda step: 0.3 if step // 50 % 3 else 0.8)) == []


def test_a_critic_can_be_too_weak_and_never_too_strong():
    def critic(ranking):
        figures = named(FAIR, BAD, theory__ranking=ranking)
        return {key: value for key, value in figures.items() if key != "theory__accuracy"}

    assert run(**critic(0.2)) == [("d_too_weak", 600)]
    assert run(**critic(1.0)) == [], "a strong critic is what Wasserstein's loss wants"


def test_vanishing_gradient_is_a_D_that_can_tell_and_a_loss_that_lets_nothing_through():
    assert run(**named(SURE, BAD, theory__g_pull=1e-4)) == [("vanishing_gradient", 600)], "and not d_too_strong too"
    assert run(**named(SURE, BAD, theory__g_pull=0.2)) == [], "neither is clear yet"
    assert run(**named(FAIR, BAD, theory__g_pull=1e-4)) == [("d_too_weak", 600)], "D has nothing to let through"
    assert run(**named(SURE, GOOD, theory__g_pull=1e-4)) == []
    assert run(**named(SURE, BAD, theory__ranking=0.9, theory__g_pull=0.15)) == []


def test_a_gradient_that_was_there_and_is_gone_has_vanished_whatever_the_loss():
    def dying(step):
        return 1.0 if step < 800 else 1e-3

    clear = named(SURE, BAD, theory__ranking=0.9, theory__g_pull=1.0)
    assert run(**clear, theory__g_slope=dying) == [("vanishing_gradient", 1050)], "six rows of eleven, from 800 on"
    assert run(**clear, theory__g_slope=1e-3) == [], "always small: the scale of the data"


def test_metric_regressing_is_a_clearly_better_past():
    def sick(step):
        return 0.01 if 400 <= step <= 1000 else 0.2

    assert run(**named(GOOD, samples__energy=sick)) == [("metric_regressing", 1600)], "500 steps, from 1,100 on"
    assert run(**named(GOOD, samples__energy=lambda step: 0.01 if step == 500 else 0.2)) == [], "one lucky evaluation"
    assert run(**named(GOOD, samples__energy=lambda step: 0.2 if step == 1100 else 0.01)) == [], "one unlucky one"
    assert run(**named(GOOD, samples__energy=lambda step: 0.002 if step < 1000 else 0.03)) == [], "nobody sees that"
    assert run(**named(GOOD, samples__energy=lambda step: 0.30 if step < 1000 else 0.45)) == [], "never good"


def test_quality_can_regress_where_distances_do_not_show_it():
    def quality(step):
        return 0.9 if step < 1000 else 0.3

    assert run(**named(GOOD, samples__quality=quality, samples__modes=8.0)) == [("metric_regressing", 1500)]
    assert run(**named(GOOD, samples__quality=lambda step: quality(step) / 10, samples__modes=8.0)) == []


def test_a_collapse_is_not_told_twice():
    def collapsing(step):
        return 1.0 if step < 1000 else 0.01

    figures = named(GOOD, samples__distance=collapsing, samples__energy=lambda step: 0.3 - 0.29 * collapsing(step))
    assert run(**figures) == [("mode_collapse", 1500)]


def wave(size, period=200.0):
    """D(x) - D(G(z)) of two players who circle: of the angle of a Dirac-GAN, with twice its frequency."""

    def fake(step):
        return size(step) * math.sin(2 * math.pi * (step + 20) / period)

    return named(BAND, logit__real=0.0, logit__fake=fake, theory__ranking=lambda step: float(fake(step) < 0))


def test_oscillating_is_a_margin_that_swings_through_0_and_does_not_fade():
    assert run(**wave(lambda step: 1.0)) == [("oscillating", 700)], "the seventh swing, from step 100 on"
    assert run(**wave(lambda step: 1.002**step)) == [("oscillating", 700)]
    assert run(**wave(lambda step: math.exp(-step / 500))) == [], "it fades"
    assert run(**wave(lambda step: 1.0 if step < 500 else 0.1)) == [], "it has faded"
    assert run(**wave(lambda step: 1.0 if step == 50 else 0.1)) == [], "what is left is noise"
    assert run(**named(SURE), logit__real=lambda step: 2 + math.sin(step), logit__fake=0.0) == [], "D stays ahead"
    assert run(**wave(lambda step: 1.0) | named(GOOD)) == [], "the average of G is fine"
    assert run(**wave(lambda step: 1.0) | named(BAD)) == [("oscillating", 700)]
    assert run(**wave(lambda step: 1.0) | {"theory__ranking": 0.5}) == [], "luck"
    assert run(**wave(lambda step: 1.0, period=2500.0)) == [], "once is no oscillation"


def test_what_D_says_before_its_weights_are_clipped_is_no_measure_of_swings():
    health = Health()
    health.watch(1, BAND | {"theory/ranking": 1.0, "logit/real": 100.0, "logit/fake": 0.0})
    assert run(health=health, **wave(lambda step: 1.0)) == [("oscillating", 700)]


def test_an_alarm_comes_once():
    health = Health()
    assert run(health=health, **named(FAIR, BAD)) == [("d_too_weak", 600)]
    assert run(health=health, **named(FAIR, BAD)) == []
    assert [*health.raised] == ["d_too_weak"]


def test_nobody_judges_the_first_steps():
    late = Health(Thresholds(grace=1000))
    assert run(health=late, **named(GOOD, samples__distance=0.0)) == [("mode_collapse", 1200)], "from step 1,000 on"


def test_figures_that_are_no_numbers_are_passed_over():
    figures = named(FAIR, GOOD, theory__js="n/a", theory__ranking="nan", samples__energy=float("nan"))
    assert run(**figures, theory__critic_gap=float("inf")) == []
    now_and_then = named(SURE, BAD, theory__ranking=lambda step: "nan" if step % 100 else 1.0)
    assert run(**now_and_then) == [("d_too_strong", 1000)], "the tenth row that has the figure"


@pytest.mark.parametrize("cut", [300, 600, 1200])
def test_read_again_the_rows_give_the_same_alarms(tmp_path, cut):
    figures = named(FAIR, BAD, samples__distance=lambda step: 0.9 if step < 700 else 0.1)
    whole = Health()
    assert run(health=whole, **figures) == [("d_too_weak", 600), ("mode_collapse", 1200)]
    rows = []
    for step in range(50, cut + 1, 50):
        row = {key.replace("__", "/"): value(step) if callable(value) else value for key, value in figures.items()}
        rows.append({"step": step} | {k: v for k, v in row.items() if step % 100 == 0 or not k.startswith("samples/")})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    resumed = Health()
    resumed.replay(tmp_path / "metrics.jsonl")
    assert resumed.raised == {name: a for name, a in whole.raised.items() if a.step <= cut}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rows": 1}, "rows must be at least 2, got 1"),
        ({"unlike": 1.5}, r"unlike must be in \[0, 1\], got 1.5"),
        ({"worse": 1.0}, "worse must be more than 1, got 1.0"),
        ({"grace": -1}, "grace must be at least 0, got -1"),
        ({"patience": 0}, "patience must be at least 1, got 0"),
    ],
)
def test_a_threshold_out_of_range_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Thresholds(**given)


def test_the_config_has_the_defaults_of_the_class():
    node = compose_plain()[0]["health"]
    assert Thresholds(**{key: value for key, value in node.items() if key != "_target_"}) == Thresholds()
    assert node.keys() - {"_target_"} == Thresholds.__dataclass_fields__.keys()


def test_helpers_by_hand():
    history = History()
    assert history.best("x", 3) is None
    assert history.last("x", 2) == []
    found = []
    for step, value in enumerate([5.0, 1.0, 9.0, 2.0, 7.0, 8.0]):
        history.add(step, {"x": value})
        found.append((history.best("x", 3), history.best("x", 3, before=1, lowest=True), history.ever("x", 9)))
    # the medians of three are 5, 2, 7, 7; without the last value they are 5, 2, 7
    assert found[2:] == [(5, None, True), (5, 5, True), (7, 2, True), (7, 2, True)]
    assert history.last("x", 7) == []
    assert history.newest("x", 7) == [5, 1, 9, 2, 7, 8]
    assert history.last("x", 2) == history.last("x", 2, span=1) == [7, 8]
    assert history.last("x", 2, span=3) == [9, 2, 7, 8]
    assert history.last("x", 2, span=6) == [], "it is only 5 steps long"
    assert swings([1, -1, 1, -0.2, 3], 0.5) == [1, 1, 3]
    assert swings([0, 0, 0], 0) == []


# What an alarm advises.

RECIPES = (
    (),
    ("penalty=none", "optimizer.generator.lr=1e-2"),
    ("penalty=none", "optimizer.discriminator.lr=1e-2", "train.d_steps=3"),
    ("loss=minimax", "penalty=none", "train.d_head_start=100"),
    ("loss=wgan_gp", "dataset=ring", "model=mlp"),
    ("loss=relativistic", "dataset=ring", "model=mlp", "optimizer=sgd"),
    ("aids.instance_noise=0.5", "aids.label_flips=0.2", "train.updates=simultaneous", "optimizer=rmsprop"),
)


@pytest.mark.parametrize("overrides", RECIPES, ids=" ".join)
def test_what_an_alarm_advises_can_be_typed_behind_the_command_and_changes_it(overrides):
    config = compose_plain(*overrides)[0]
    settings = dict(leaves(config))
    for name in ALARMS:
        advice = alarm(name, 1, "", settings).overrides
        assert 1 <= len(advice) <= 3
        for key, _, value in (override.strip("'").partition("=") for override in advice):
            if key in GROUPS:
                assert value in choices(key)
                (line,) = re.findall(r"^ *_target_: (.*)", (CONF_DIR / key / f"{value}.yaml").read_text(), re.M) or [""]
                assert line != config[key]["_target_"], f"{key}={value} is what the run has"
            else:
                assert key in settings, f"there is no {key}"
                assert yaml.safe_load(value) != settings[key], f"{key}={value} is what the run has"


def test_every_alarm_has_its_words_and_a_page():
    assert SAW.keys() == CAUSE.keys() == set(ALARMS)
    shown = str(alarm("mode_collapse", 1200, "samples/distance 0.1", {}))
    assert shown.startswith("alarm mode_collapse at step 1,200: ")
    assert "samples/distance 0.1" in shown
    assert all(len(line) <= 120 for line in shown.splitlines())


# In a run.

SMALL = ("model=mlp", "model.width=8", "train.batch_size=16")  # digits: no time goes into drawing
SICK = (*SMALL, "health.grace=0", "health.evaluations=2", "health.patience=1", "health.span=0")
SICK += ("train.sample_every=2", "train.log_every=2", "train.steps=8")


def alarms_in(directory):
    found = json.loads((directory / "status.json").read_text())["alarms"]
    return [(alarm["name"], alarm["step"]) for alarm in found]


def test_a_run_says_its_alarms_in_the_terminal_in_tensorboard_and_in_its_status(tmp_path, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_in(tmp_path, *SICK)  # an untrained G of eight units says much the same to every z
    assert alarms_in(tmp_path) == [("mode_collapse", 4)]
    shown = capsys.readouterr().out
    assert shown.count("alarm mode_collapse at step 4: the samples are far more alike than real data") == 1
    assert "samples/distance" in shown
    events = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    assert [(event.step, event.value) for event in events.Scalars("alarm/mode_collapse")] == [(4, 1.0)]
    (words,) = events.Tensors("alarm/mode_collapse/text_summary")
    assert b"far more alike" in words.tensor_proto.string_val[0]


def test_a_resumed_run_has_the_alarms_of_the_whole_one_and_says_none_twice(tmp_path, capsys):
    sick = (*SICK, "train.checkpoint_every=3", "train.keep=null")
    train_in(tmp_path / "whole", *sick)
    for kept in (3, 6):
        state = next(
            loaded
            for path in checkpoint.available(tmp_path / "whole/checkpoints")
            if (loaded := checkpoint.load(path))["step"] == kept
        )
        torn = tmp_path / f"torn{kept}"
        torn.mkdir()
        (torn / "metrics.jsonl").write_bytes((tmp_path / "whole/metrics.jsonl").read_bytes())
        (torn / "timing.jsonl").write_bytes((tmp_path / "whole/timing.jsonl").read_bytes())
        (torn / "status.json").write_bytes((tmp_path / "whole/status.json").read_bytes())
        capsys.readouterr()
        begun = make_run(*sick)
        with begun.open(torn, state):
            told = alarms_in(torn)
        begun.log.close()
        assert told == [("mode_collapse", 4)][: kept > 4], "what came after the checkpoint is taken back"
        train_in(torn, *sick, state=state)
        assert alarms_in(torn) == alarms_in(tmp_path / "whole")
        assert capsys.readouterr().out.count("alarm mode_collapse") == (kept < 4)


def test_a_run_ends_on_an_alarm_that_it_was_to_end_on(tmp_path):
    run = train_in(tmp_path / "a", *SICK, "train.stop_on=[mode_collapse]")
    assert (run.step, run.stopped_by.name) == (4, "mode_collapse")
    assert checkpoint.step_of(checkpoint.available(tmp_path / "a/checkpoints")[0]) == 4
    other = train_in(tmp_path / "b", *SICK, "train.stop_on=[d_too_weak,oscillating]")
    assert (other.step, other.stopped_by) == (8, None)
    state = checkpoint.load(checkpoint.available(tmp_path / "a/checkpoints")[0])
    on = train_in(tmp_path / "a", *SICK, "train.stop_on=[mode_collapse]", state=state)
    assert on.step == 8, "the user has heard it and goes on"


def test_a_run_that_a_signal_ends_is_not_ended_by_an_alarm_too(tmp_path):
    run = make_run(*SICK, "train.stop_on=[mode_collapse]")
    with run.open(tmp_path):
        run.stopping = True
        run.sound(alarm("mode_collapse", 4, "", {}))
    run.log.close()
    assert run.stopped_by is None


def test_a_run_ends_on_no_alarm_that_there_is_not():
    with pytest.raises(ConfigError, match=r"train\.stop_on: there is no alarm 'mode_colapse'; did you mean 'mode_coll"):
        make_run("train.stop_on=[mode_colapse]")


def test_the_watch_does_not_touch_the_run(tmp_path):
    one = train_in(tmp_path / "a", *SICK)
    other = train_in(tmp_path / "b", *SICK, "health.grace=100")
    assert alarms_in(tmp_path / "b") == []
    assert all((a == b).all() for a, b in zip(one.G.parameters(), other.G.parameters(), strict=True))
    assert (tmp_path / "a/metrics.jsonl").read_bytes() == (tmp_path / "b/metrics.jsonl").read_bytes()


def test_the_watch_knows_the_modes_and_the_classes_of_the_data():
    assert make_run(*SMALL, "dataset=grid").health.modes == 25
    digits = make_run(*SMALL).health
    assert digits.modes is None
    assert digits.classes == pytest.approx(10, abs=0.05)
