"""How long a run is, how its learning rate moves, and which settings contradict each other."""

import pytest
from pytest import approx

from gan_cli.settings import Settings, TrainConfig


def test_steps_epochs_and_images_say_the_same_thing_in_three_ways():
    per_step = {"batch_size": 50, "d_steps": 2}
    assert TrainConfig(steps=20, **per_step).total_steps(1000) == 20
    assert TrainConfig(epochs=2, **per_step).total_steps(1000) == 20
    assert TrainConfig(images=2000, **per_step).total_steps(1000) == 20
    assert TrainConfig(images=2001, **per_step).total_steps(None) == 21, "never less than was asked for"


def test_a_warm_up_of_D_counts_as_the_data_that_it_reads():
    warm = {"batch_size": 10, "d_steps": 2, "d_warmup": 5, "d_warmup_steps": 3}  # 15 batches, then 2 a step
    assert TrainConfig(images=150, **warm).total_steps(None) == 3
    assert TrainConfig(images=151, **warm).total_steps(None) == 4
    assert TrainConfig(images=190, **warm).total_steps(None) == 5
    assert TrainConfig(images=60, **warm).total_steps(None) == 2
    assert TrainConfig(epochs=1, **warm).total_steps(150) == 3


def test_an_endless_data_set_has_no_epochs():
    with pytest.raises(ValueError, match=r"endless and has no epochs; use train\.steps or train\.images"):
        TrainConfig(epochs=1).total_steps(None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "got none of them"),
        ({"steps": 10, "epochs": 2}, "got steps=10, epochs=2"),
        ({"steps": 0}, "steps must be positive, got 0"),
        ({"steps": -1}, "steps must be positive, got -1"),
        ({"epochs": 0.0}, "epochs must be positive"),
        ({"steps": 1, "batch_size": 0}, "batch_size must be positive"),
        ({"steps": 1, "log_every": -1}, "log_every must be positive"),
        ({"steps": 1, "threads": 0}, "threads must be auto or at least 1, got 0"),
        ({"steps": 1, "keep": 0}, "keep must be positive or null"),
        ({"steps": 1, "ema_half_life_images": 0}, "ema_half_life_images must be positive or null"),
        ({"steps": 1, "clip_grad_norm": -1.0}, "clip_grad_norm must be positive or null"),
        ({"steps": 1, "ema_ramp": -0.1}, "ema_ramp must not be negative"),
        ({"steps": 1, "lr_final": 0.1}, "lr_schedule is constant"),
        ({"steps": 1, "updates": "simultaneous", "d_steps": 5}, "got d_steps=5, g_steps=1"),
        ({"steps": 1, "updates": "simultaneous", "d_warmup_steps": 3}, "d_warmup_steps=3"),
        ({"steps": 1, "d_warmup": 0}, "d_warmup must be positive, got 0"),
        ({"steps": 1, "held_out": 1}, "held_out must be auto or at least 2 examples, got 1"),
        ({"steps": 1, "fakes": "reused", "g_steps": 2}, "got g_steps=2"),
    ],
)
def test_what_contradicts_itself_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)


def test_the_learning_rate_warms_up_and_decays():
    linear = TrainConfig(steps=100, lr_schedule="linear", lr_warmup_steps=4, lr_final=0.1)
    assert [linear.lr_factor(step, 100) for step in range(4)] == approx([0.25, 0.4955, 0.7365, 0.973])
    assert linear.lr_factor(50, 100) == approx(0.55)
    cosine = TrainConfig(steps=100, lr_schedule="cosine")
    assert [cosine.lr_factor(step, 100) for step in (0, 50, 75)] == approx([1.0, 0.5, 0.14644661])
    assert TrainConfig(steps=100).lr_factor(99, 100) == 1.0


def test_an_exponential_schedule_falls_by_the_same_share_at_each_step():
    """As in Goodfellow et al. 2014: 0.1 divided by 1.000004 after each of 125,000 batches ends at 0.0607."""
    config = TrainConfig(steps=125_000, lr_schedule="exponential", lr_final=1.000004**-125_000)
    factors = [config.lr_factor(step, 125_000) for step in (0, 1, 1000, 125_000)]
    assert factors == approx([1.0, 1 / 1.000004, 1.000004**-1000, 0.6065317], rel=1e-6)
    with pytest.raises(ValueError, match="never reaches 0; set lr_final"):
        TrainConfig(steps=1, lr_schedule="exponential")


@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_a_momentum_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match=r"momentum_final must be in \[0, 1\) or null"):
        TrainConfig(steps=1, momentum_final=value)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds_are_64_bit_and_not_negative(seed):
    with pytest.raises(ValueError, match="seed must be in"):
        Settings(seed=seed)
    assert Settings(seed=2**63 - 1).seed == 2**63 - 1
