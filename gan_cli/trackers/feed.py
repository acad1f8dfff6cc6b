"""Between the logbook and a tracker: nothing that a tracker does, or fails to do, slows a run or ends it."""

import heapq
import json
import os
import queue
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gan_cli.errors import GanError, RunError
from gan_cli.reading import is_regular, read_json, read_rows
from gan_cli.trackers.tracker import About, Tracker

FOLDER = "trackers"  # in a run directory: what each tracker calls the run, and how far it was told
MOST_WAITING = 10_000  # rows and pictures, for a tracker that does not keep up
PATIENCE = 60.0  # seconds for a tracker to take the rest, at the end of a run
HASTE = 10.0  # the same where a signal or an error ends it
_ID = re.compile(r"[\w.:-]{1,200}", re.ASCII)  # it becomes part of file names

Call = Callable[[], None]


class Feed:
    """Tells one tracker all about a run: in the order of the steps, each figure of a step once.

    A run that was killed takes some steps again, which the tracker knows already, and the last ones before may have
    been lost on the way to it. How far it was told is written down before it is told; what is missing on a resume it
    is told from the run directory. So a tracker that is new to a resumed run learns all of it, too.

    Args:
        name: of the tracker, in the config.
        tracker: whom to tell.
        warn: says a line to the user; called in the thread that logs.
    """

    def __init__(self, name: str, tracker: Tracker, warn: Callable[[str], None]) -> None:
        self._name, self._tracker, self._warn = name, tracker, warn
        self._rewinds, self._waits = getattr(tracker, "rewinds", False), getattr(tracker, "waits", False)
        self._queue: queue.Queue[Call | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None  # not told to the user yet
        self._failed = False
        self._missed = 0
        self._before = self._mark = self._done = -1  # steps that the tracker was told: before, begun with, all of
        self._latest: dict[str, int] = {}  # the step of each figure that it was told last

    def begin(self, about: About) -> None:
        """Let the tracker begin, in the caller's own thread: it may ask for a password.

        Raises:
            RunError: it cannot, and no step is taken yet; a run that goes on does so without it.
        """
        self._path = about.directory / FOLDER / f"{self._name}.json"
        name, self._before = (None, -1) if self._rewinds else _known(self._path)
        self._mark = self._done = self._before
        self._about = replace(about, id=name)
        try:
            name = self._tracker.begin(self._about)
            self._about = replace(self._about, id=None if name is None else str(name))
            self._before = self._mark = self._done = min(self._before, getattr(self._tracker, "arrived", self._before))
            self._remember(self._mark)
        except (Exception, SystemExit) as error:
            if about.step == 0:
                raise RunError(f"logger.{self._name}: cannot begin: {_in_words(error)}") from error
            self._fail(error)
            self._speak()
            return
        if not self._waits:
            self._thread = threading.Thread(target=self._work, name=f"tracker {self._name}", daemon=True)
            self._thread.start()
        self._do(lambda: self._catch_up(about.step))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Figures were logged."""
        self._do(lambda: self._tell(step, values))

    def picture(self, step: int, tag: str, png: bytes) -> None:
        """A picture was logged."""
        self._do(lambda: self._show(step, tag, png))

    def rewind(self, step: int) -> None:
        """The run went back to a step, and takes those behind it in another way.

        Most trackers cannot take back what they were told: they keep that, and hear of later steps.
        """

        def again() -> None:
            self._tracker.begin(replace(self._about, step=step))
            self._mark = -1
            self._latest.clear()
            self._catch_up(step)

        if self._rewinds:
            self._do(again)

    def end(self, success: bool | None) -> None:
        """The run ends, in one of three ways; the tracker has a minute to take the rest."""
        self._do(lambda: self._tracker.end(success))
        all_is_here = f"all is in {self._about.directory}"
        if self._thread is not None:
            patience = PATIENCE if success else HASTE
            with suppress(queue.Full):
                self._queue.put(None, timeout=patience)
            self._thread.join(patience)
            if self._thread.is_alive() and not self._failed:
                self._failed = True
                self._trouble = f"does not take the last figures: {all_is_here}"
            self._thread = None
        if self._missed and not self._trouble:
            self._trouble = f"was too slow for {self._missed:,} rows and pictures: {all_is_here}"
        self._speak()

    def _do(self, call: Call) -> None:
        self._speak()
        if self._failed:
            return
        if self._waits:
            self._try(call)
            self._speak()
            return
        try:
            self._queue.put_nowait(call)
        except queue.Full:
            self._missed += 1

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            if not self._failed:
                self._try(call)

    def _try(self, call: Call) -> None:
        try:
            call()
        except (Exception, SystemExit) as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with suppress(GanError, OSError):
            self._remember(self._done)
        self._trouble = (
            f"ended: {_in_words(error)}; the run goes on without it, all is in {self._about.directory}, and a resume "
            "tells it what it missed"
        )
        self._failed = True

    def _speak(self) -> None:
        if self._trouble:
            trouble, self._trouble = self._trouble, None
            self._warn(f"logger.{self._name} {trouble}")

    def _tell(self, step: int, values: Mapping[str, float]) -> None:
        new = {tag: value for tag, value in values.items() if step > self._latest.get(tag, self._before)}
        if new:
            self._begin_step(step)
            self._tracker.scalars(step, new)
            self._latest |= dict.fromkeys(new, step)
            self._done = max(self._done, step)

    def _show(self, step: int, tag: str, png: bytes) -> None:
        name = f"picture {tag}"
        if step > self._latest.get(name, self._before):
            self._begin_step(step)
            self._tracker.picture(step, tag, png)
            self._latest[name] = step
            self._done = max(self._done, step)

    def _catch_up(self, last: int) -> None:
        """Tell what lies in the run directory up to a step, and was not told."""
        directory = self._about.directory
        logs = (_rows(directory / f"{name}.jsonl", self._before, last) for name in ("metrics", "timing"))
        for step, name, content in heapq.merge(*logs, _pictures(directory, self._before, last), key=lambda row: row[0]):
            if isinstance(content, Path):
                self._show(step, name, content.read_bytes())
            else:
                self._tell(step, content)

    def _begin_step(self, step: int) -> None:
        if step > self._mark:
            self._mark = step
            self._remember(step)

    def _remember(self, step: int) -> None:
        """Not made durable: a power failure costs the tracker's memory, and it is told all again as another run."""
        if self._rewinds or self._waits:
            return
        self._path.parent.mkdir(exist_ok=True)
        unfinished = self._path.with_name(f".tmp-{self._path.name}")
        unfinished.write_text(json.dumps({"id": self._about.id, "step": step}) + "\n")
        os.replace(unfinished, self._path)


def _known(path: Path) -> tuple[str | None, int]:
    """What a tracker calls the run, and how far it was told; the file may be somebody else's."""
    with suppress(RunError):
        found = read_json(path)
        name, step = found.get("id"), found.get("step")
        if type(step) is int and (name is None or (isinstance(name, str) and _ID.fullmatch(name))):
            return name, step
    return None, -1


Row = tuple[int, str, Mapping[str, float] | Path]


def _rows(path: Path, after: int, last: int) -> Iterator[Row]:
    """The rows of a log behind one step and up to another one."""
    with suppress(RunError):  # a log that was harmed, whose other readers say so; or a row that is just being written
        for row in read_rows(path) if is_regular(path) else ():
            step = row.pop("step")
            if step > last:
                return
            if step > after:
                yield step, "", {tag: float(v) for tag, v in row.items() if tag != "time" and v != "n/a"}


def _pictures(directory: Path, after: int, last: int) -> Iterator[Row]:
    """The pictures of samples behind one step and up to another one, that of real data first."""
    folder = directory / "samples"
    if after < 0 < last and is_regular(folder / "real.png"):
        yield 0, "real", folder / "real.png"
    for path in sorted(folder.glob("step-*.png")):
        number = path.stem.removeprefix("step-")
        if number.isdecimal() and after < int(number) <= last and is_regular(path):
            yield int(number), "samples", path


def _in_words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}{'...' if len(text) > 200 else ''}" if text else type(error).__name__
