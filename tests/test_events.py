"""Event files as TensorBoard reads them: one after the other, in the order in which they were begun."""

import os

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_cli import events
from gan_cli.events import EventFile


@pytest.mark.parametrize("hours", [0, -1], ids=["in one second", "the clock set back"])
def test_a_later_file_is_read_later_and_takes_back_what_was_logged_after_its_step(tmp_path, monkeypatch, hours):
    clock = [1_700_000_000.0]
    monkeypatch.setattr(events.time, "time", lambda: clock[0])
    for first in (1, 3):  # the second goes on from step 2, and the first had got to 4
        file = EventFile(tmp_path, purge_step=first)
        for step in range(first, 5):
            file.scalars(step, {"a": 10.0 * first + step, "b": 0.0})
        file.close()
        clock[0] += 3600 * hours
        monkeypatch.setattr(os, "getpid", lambda: 1)  # a smaller number than before, which must not matter
    read = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    read.Reload()
    assert [(point.step, point.value) for point in read.Scalars("a")] == [(1, 11), (2, 12), (3, 33), (4, 34)]
    assert [point.step for point in read.Scalars("b")] == [1, 2, 3, 4]
