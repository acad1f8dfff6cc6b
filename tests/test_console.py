"""What a user sees while a run goes on."""

import io
import os

from pytest import approx
from rich.console import Console as Terminal

from gan_cli.console import Console, Rate, Screen
from gan_cli.settings import TrainConfig

STEADY = (64).__mul__  # images of so many steps
METRICS = {"loss/d": 1.386, "loss/g": 0.693, "prob/d_x": 0.5, "prob/d_g_z": 0.25, "logit/real": 0.0}


def screen(is_terminal: bool) -> tuple[Terminal, io.StringIO]:
    stream = io.StringIO()
    return Terminal(file=stream, force_terminal=is_terminal, width=160, highlight=False), stream


def test_a_terminal_gets_a_live_bar_with_losses_probabilities_rate_and_time_left():
    terminal, stream = screen(True)
    with Console(0, 100, STEADY, terminal) as console:
        console.rate.lap(10)
        console.show(10, METRICS)
        console._last_draw = 0
        console.tick(10)
    drawn = stream.getvalue()
    for word in ("loss D 1.386", "G 0.693", "D(x) 0.500", "D(G(z)) 0.250", "10/100", "images/s", "left"):
        assert word in drawn


def test_without_a_terminal_there_is_a_line_now_and_then_and_one_at_the_end():
    terminal, stream = screen(False)
    with Console(0, 100, STEADY, terminal, interval=3600) as console:
        for step in range(10, 101, 10):
            console.tick(step)
            console.show(step, METRICS)
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("step 100/100 · loss D 1.386 · G 0.693 · D(x) 0.500 · D(G(z)) 0.250 · ")


def test_text_from_elsewhere_is_not_markup():
    terminal, stream = screen(False)
    with Console(0, 1, STEADY, terminal) as console:
        console.say("[bold]a path[/bold]")
    assert stream.getvalue() == "[bold]a path[/bold]\n"


def test_the_rate_counts_images_and_the_time_left_counts_this_process_alone(monkeypatch):
    clock = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    rate = Rate(step=50, steps=150, images=STEADY)
    assert rate.left(50) is None
    assert rate.lap(60) == 10 * 64 / 2
    assert rate.left(70) == 80 * 4 / 20


def test_steps_that_read_more_images_count_for_more(monkeypatch):
    warm = TrainConfig(steps=12, batch_size=8, d_steps=2, d_warmup=50, d_warmup_steps=2)
    clock = iter([100.0, 105.0, 107.0, 109.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    rate = Rate(step=0, steps=12, images=lambda steps: 8 * warm.batches(steps))
    assert rate.lap(1) == 50 * 8 / 5
    assert rate.lap(3) == (50 + 2) * 8 / 2
    assert rate.left(3) == approx(9 * 2 * 9 / (100 + 2)), "nine seconds for 102 batches, and 18 are left"


def test_a_screen_that_nobody_reads_falls_quiet():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        terminal = Screen(file=stream, force_terminal=True)
        with Console(0, 100, STEADY, terminal) as console:
            console.say("nobody reads this")
            console.show(10, METRICS)
        stream.write("nor this, and closing does not fail either")


def test_the_bar_stays_on_one_line_where_columns_are_few():
    stream = io.StringIO()
    with Console(0, 5000, STEADY, Terminal(file=stream, force_terminal=True, width=80, highlight=False)) as console:
        console.rate.lap(10)
        console.show(10, METRICS)
        console._last_draw = 0
        stream.truncate(0)
        console.tick(10)
    (line,) = [line for line in stream.getvalue().splitlines() if "10/5000" in line][:1]
    for told in ("loss D 1.386", "D(G(z)) 0.250", "left"):
        assert told in line
