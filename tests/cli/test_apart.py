"""Work in a process of its own: whatever becomes of it, this process goes on and knows."""

import multiprocessing
import os
import signal
import sys
import time
from contextlib import contextmanager

import pytest

from gan_cli.cli import apart
from gan_cli.cli.signals import NOTHING_TO_SAVE, stopped_by_signal
from gan_cli.errors import DataError, Stopped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="functions of a test cannot be sent to a fresh process")


def asleep() -> None:
    """Not to be ended but by SIGKILL."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def until_asked(stop: list[int]) -> None:
    """Ends, saving as it were, when it is asked to."""
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    while not stop:
        time.sleep(0.01)
    raise Stopped("saved", 143)


def refuse() -> None:
    raise DataError("no data\nbut advice")


@pytest.mark.parametrize(
    ("work", "code", "message"),
    [
        (lambda: None, 0, None),
        (refuse, 4, "no data\nbut advice"),
        (lambda: sys.exit(0), 0, None),
        (lambda: sys.exit(9), 9, None),
        (lambda: os._exit(7), 7, None),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), 137, "was killed by SIGKILL"),
        (lambda: os.kill(os.getpid(), signal.SIGUSR1), 138, "was killed by SIGUSR1"),
        (lambda: 1 / 0, 1, "ZeroDivisionError: division by zero"),
    ],
)
def test_however_work_ends_its_code_and_words_come_back(work, code, message):
    ending = apart.apart(work)
    assert (ending.code, ending.message, ending.signals, ending.stopped) == (code, message, (), False)


def test_a_bug_shows_its_traceback(capfd):
    apart.apart(lambda: 1 / 0)
    assert "Traceback" in capfd.readouterr().err


def test_what_takes_too_long_is_asked_to_end_and_then_killed(monkeypatch):
    monkeypatch.setattr(apart, "GRACE", 0.2)
    asked = apart.apart(lambda: until_asked([]), seconds=0.3)
    killed = apart.apart(asleep, seconds=0.3)
    assert (asked.code, killed.code) == (143, 137)
    assert asked.message == killed.message == "took longer than the 0.005 minutes that it was given"
    assert not asked.stopped, "it is a failure, and not half done by a signal"


def test_a_signal_is_handed_on_and_reported():
    here = os.getpid()

    def work() -> None:
        stop: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))  # before it can be asked
        os.kill(here, signal.SIGINT)
        until_asked(stop)

    ending = apart.apart(work)
    assert (ending.code, ending.message, ending.signals, ending.stopped) == (143, "saved", (signal.SIGINT,), True)


def test_a_second_ctrl_c_ends_it_at_once():
    here = os.getpid()

    def work() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for _ in range(2):
            os.kill(here, signal.SIGINT)
            time.sleep(0.2)  # two that wait at once count as one
        time.sleep(600)

    ending = apart.apart(work)
    assert (ending.code, ending.signals) == (137, (signal.SIGINT, signal.SIGINT))
    assert ending.message == "stopped at once; nothing was saved after the last checkpoint"


def test_ctrl_c_of_a_terminal_reaches_both_and_counts_once():
    """A terminal sends it to the whole group; this process is told, and the work goes on until it hears from here."""
    done = apart.apart(lambda: os.kill(os.getpid(), signal.SIGINT))
    assert (done.code, done.signals) == (0, ())


def test_a_signal_that_came_before_it_could_be_answered_shows_no_traceback(monkeypatch, capfd):
    @contextmanager
    def late():
        with stopped_by_signal():
            os.kill(os.getpid(), signal.SIGTERM)  # waits, as all signals do until the work begins
            yield

    monkeypatch.setattr(apart, "stopped_by_signal", late)
    done = apart.apart(lambda: None)
    assert (done.code, done.message) == (143, NOTHING_TO_SAVE)
    assert capfd.readouterr().err == ""


def test_work_is_asked_to_end_when_its_parent_is_killed(tmp_path):
    def work() -> None:
        (tmp_path / "began").touch()
        stop: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
        for _ in range(3000):  # and never for ever: nobody waits for it here
            if stop:
                (tmp_path / "saved").touch()
                return
            time.sleep(0.01)

    parent = multiprocessing.get_context("fork").Process(target=lambda: apart.apart(work))
    parent.start()
    wait_for(tmp_path / "began")
    parent.kill()
    parent.join()
    wait_for(tmp_path / "saved")


def wait_for(path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)
