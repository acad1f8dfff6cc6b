"""Between the logbook and a tracker: all is told once and in order, and what a tracker does harms no run."""

import json
import threading
from typing import ClassVar

import pytest
from trackers.remembering import Remembering, about

from gan_cli.errors import RunError
from gan_cli.trackers import Feed, feed
from gan_cli.trackers.feed import FOLDER


def fed(tracker, directory, step=0, said=None):
    """A feed that has begun."""
    made = Feed("mine", tracker, [].append if said is None else said.append)
    made.begin(about(directory, step))
    return made


def log(directory, steps, name="metrics", **values):
    rows = [json.dumps({"step": step, **(values or {"a": step / 2})}) for step in steps]
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in rows))


def test_a_tracker_is_told_what_is_logged(tmp_path):
    tracker = Remembering()
    run = fed(tracker, tmp_path / "run")
    run.scalars(1, {"a": 1.0})
    run.picture(1, "samples", b"png")
    run.scalars(1, {"rate": 5.0})
    run.end(True)
    assert tracker.told == [("begin", None, 0), (1, {"a": 1.0}), (1, "samples"), (1, {"rate": 5.0}), ("end", True)]


def test_a_run_that_was_killed_doubles_no_step_and_loses_none(tmp_path):
    """The tracker got steps 1 to 3, the checkpoint is of step 4; step 5 is taken again."""
    directory, tracker = tmp_path / "run", Remembering()
    killed = fed(tracker, directory)
    for step in (1, 2, 3):
        killed.scalars(step, {"a": step / 2})
    killed._queue.put(None)  # as far as it came
    killed._thread.join()
    tracker.told.clear()
    log(directory, (1, 2, 3, 4))
    again = fed(tracker, directory, step=4)
    again.scalars(5, {"a": 2.5})
    again.end(True)
    assert tracker.told == [("begin", "mine", 4), (4, {"a": 2.0}), (5, {"a": 2.5}), ("end", True)]


def test_steps_that_are_taken_again_are_not_told_again(tmp_path):
    """Told up to 7, resumed from the checkpoint of step 5."""
    directory, tracker = tmp_path / "run", Remembering()
    first = fed(tracker, directory)
    for step in range(1, 8):
        first.scalars(step, {"a": step / 2})
    first.end(None)
    log(directory, range(1, 6))
    tracker.told.clear()
    again = fed(tracker, directory, step=5)
    for step in range(6, 10):
        again.scalars(step, {"a": step / 2})
    again.end(True)
    assert tracker.told == [("begin", "mine", 5), (8, {"a": 4.0}), (9, {"a": 4.5}), ("end", True)]


def test_a_tracker_that_is_new_to_a_resumed_run_learns_all_of_it(tmp_path):
    directory, tracker = tmp_path / "run", Remembering()
    log(directory, (1, 2), "timing", time=0.5, rate=9.0)
    log(directory, (1, 2, 3), a=1.0, b="nan", c="n/a")
    (directory / "samples").mkdir()
    for name in ("real", "step-000000002", "step-000000003"):
        (directory / "samples" / f"{name}.png").write_bytes(b"png")
    fed(tracker, directory, step=2).end(True)
    row = {"a": 1.0, "b": pytest.approx(float("nan"), nan_ok=True)}
    assert tracker.told == [
        *(("begin", None, 2), (0, "real"), (1, row), (1, {"rate": 9.0}), (2, row), (2, {"rate": 9.0}), (2, "samples")),
        ("end", True),
    ]


def test_a_tracker_that_can_begin_anew_does_after_a_rollback_and_others_keep_what_they_were_told(tmp_path):
    told = {}
    for rewinds in (True, False):
        directory, tracker = tmp_path / str(rewinds), Remembering(rewinds=rewinds)
        run = fed(tracker, directory)
        run.scalars(1, {"a": 1.0})
        run.scalars(2, {"a": 2.0})
        log(directory, (1,), a=1.0)  # cut back to the checkpoint of step 1
        run.rewind(1)
        run.scalars(2, {"a": 9.0})
        run.scalars(3, {"a": 3.0})
        run.end(True)
        told[rewinds] = [found for found in tracker.told if found[0] != "end"]
    before = [("begin", None, 0), (1, {"a": 1.0}), (2, {"a": 2.0})]
    assert told[True] == [*before, ("begin", "mine", 1), (1, {"a": 1.0}), (2, {"a": 9.0}), (3, {"a": 3.0})]
    assert told[False] == [*before, (3, {"a": 3.0})]


def test_a_tracker_that_fails_is_told_of_in_one_line_and_hears_no_more(tmp_path):
    tracker, said = Remembering(fails_at=2), []
    run = fed(tracker, tmp_path / "run", said=said)
    for step in (1, 2, 3):
        run.scalars(step, {"a": 1.0})
    run.end(True)
    assert tracker.told == [("begin", None, 0), (1, {"a": 1.0})]
    (line,) = said
    assert line.startswith("logger.mine ended: ConnectionError: no route to host; the run goes on without it")


def test_on_a_resume_a_tracker_that_failed_learns_what_it_missed(tmp_path):
    directory, tracker = tmp_path / "run", Remembering(fails_at=2)
    run = fed(tracker, directory)
    for step in (1, 2, 3):
        run.scalars(step, {"a": 1.0})
    run.end(None)
    log(directory, (1, 2, 3), a=1.0)
    tracker = Remembering()
    fed(tracker, directory, step=3).end(True)
    assert tracker.told == [("begin", "mine", 3), (2, {"a": 1.0}), (3, {"a": 1.0}), ("end", True)]


def test_one_that_cannot_begin_stops_a_new_run_and_no_other(tmp_path):
    class Refusing(Remembering):
        def begin(self, about):
            raise PermissionError("no api key")

    with pytest.raises(RunError, match=r"^logger\.mine: cannot begin: PermissionError: no api key$"):
        fed(Refusing(), tmp_path / "run")
    said, tracker = [], Refusing()
    run = fed(tracker, tmp_path / "run", step=5, said=said)
    run.scalars(6, {"a": 1.0})
    run.end(True)
    assert tracker.told == [] and len(said) == 1 and "no api key; the run goes on without it" in said[0]


def test_a_tracker_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    """The loop puts its figures down and goes on; at the end there is a limit."""
    monkeypatch.setattr(feed, "PATIENCE", 0.05)
    go, said = threading.Event(), []

    class Hanging(Remembering):
        def scalars(self, step, values):
            go.wait()

    monkeypatch.setattr(feed, "MOST_WAITING", 5)
    run = fed(Hanging(), tmp_path / "run", said=said)
    for step in range(1, 20):
        run.scalars(step, {"a": 1.0})
    run.end(True)
    go.set()
    (line,) = said
    assert line.startswith("logger.mine does not take the last figures: all is in ")


def test_a_tracker_that_ends_the_process_does_not(tmp_path):
    class Leaving(Remembering):
        def picture(self, step, tag, png):
            raise SystemExit(3)

    said = []
    run = fed(Leaving(waits=True), tmp_path / "run", said=said)
    run.picture(1, "samples", b"")
    run.scalars(2, {"a": 1.0})
    run.end(True)
    assert len(said) == 1 and "SystemExit: 3" in said[0]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"id": "../../etc", "step": 3}', '{"id": 5, "step": 3}', '{"step": "3"}']
)
def test_a_memory_that_was_harmed_is_that_of_another_run(tmp_path, content):
    directory, tracker = tmp_path / "run", Remembering()
    (directory / FOLDER).mkdir(parents=True)
    (directory / FOLDER / "mine.json").write_text(content)
    fed(tracker, directory, step=1).end(None)
    assert tracker.told[0] == ("begin", None, 1)


def test_what_did_not_arrive_before_a_kill_is_told_again_where_that_is_known(tmp_path):
    directory, tracker = tmp_path / "run", Remembering()
    first = fed(tracker, directory)
    for step in (1, 2, 3):
        first.scalars(step, {"a": 1.0})
    first.end(None)
    log(directory, (1, 2, 3), a=1.0)

    class Knowing:
        heard: ClassVar[list[int]] = []

        def begin(self, about):
            self.arrived = 1
            return about.id

        def scalars(self, step, values):
            self.heard.append(step)

        def end(self, success):
            pass

    fed(Knowing(), directory, step=3).end(True)
    assert Knowing.heard == [2, 3]
