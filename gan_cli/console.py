"""What a user sees while a run goes on: a live bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from gan_cli.files import silence

_SHOWN = {  # logged figure: its name on the screen
    "loss/d": "loss D",
    "loss/g": "G",
    "prob/d_x": "D(x)",
    "prob/d_g_z": "D(G(z))",
    "logit/real": "D(x) logit",
    "logit/fake": "D(G(z)) logit",
    "theory/js": "JS",
    "theory/tv": "TV",
    "theory/triangular": "triangular",
    "theory/w1": "W1",
    "theory/relativistic_gap": "gap",
}


def figures(metrics: Mapping[str, float | str]) -> str:
    """The figures that fit on a line; probabilities in place of logits where the loss has them.

    >>> figures({"loss/d": 1.386, "loss/g": 0.693, "prob/d_x": 0.5, "prob/d_g_z": 0.5, "logit/real": 0.0})
    'loss D 1.386 · G 0.693 · D(x) 0.500 · D(G(z)) 0.500'
    >>> figures({"theory/js": "n/a"})
    'JS n/a'
    """
    hidden = ("logit/real", "logit/fake") if "prob/d_x" in metrics else ()
    shown = [(label, metrics[key]) for key, label in _SHOWN.items() if key in metrics and key not in hidden]
    return " · ".join(f"{label} {v}" if isinstance(v, str) else f"{label} {v:.3f}" for label, v in shown)


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(75), duration(3700)
    ('1:15', '1:01:40')
    """
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"


class Screen(Terminal):
    """A terminal that falls quiet when nobody reads it any more (`gan-train ... | head`): the run goes on."""

    def on_broken_pipe(self) -> None:
        """Write no more."""
        self.quiet = True
        silence(self.file)


class Rate:
    """Images a second and time left, from the steps of this process alone.

    Args:
        step, steps: where the run is and where it ends.
        images: the real images that the first so many steps read; not all steps read the same number.
    """

    def __init__(self, step: int, steps: int, images: Callable[[int], int]) -> None:
        self.steps, self._images = steps, images
        self._since = self._first = (time.perf_counter(), step)
        self.images_per_second = 0.0

    def lap(self, step: int) -> float:
        """Images a second since the last lap."""
        now = time.perf_counter()
        then, before = self._since
        self._since = (now, step)
        self.images_per_second = (self._images(step) - self._images(before)) / max(now - then, 1e-9)
        return self.images_per_second

    def left(self, step: int) -> float | None:
        """Seconds until the end at the mean rate of images so far; None before the first step."""
        started, first = self._first
        if step == first:
            return None
        read = self._images(step) - self._images(first)
        return (self._images(self.steps) - self._images(step)) * (time.perf_counter() - started) / read

    def rewind(self, step: int) -> None:
        """The run is at this step: rates are of what is done from here on."""
        self._since = self._first = (time.perf_counter(), step)


class _Left(ProgressColumn):
    def __init__(self, rate: Rate, wide: bool) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._rate, self._wide = rate, wide

    def render(self, task: Task) -> Text:
        left = self._rate.left(int(task.completed))
        rate = [f"{self._rate.images_per_second:,.0f} images/s"] if self._wide else []
        return Text(" · ".join(rate + ([] if left is None else [f"{duration(left)} left"])), style="cyan")


class Console:
    """The screen of one run; use it as a context.

    Args:
        step, steps: where the run is and where it ends.
        images: the real images that the first so many steps read.
        terminal: where to write; standard output unless a test looks on.
        interval: seconds between two lines where there is no terminal to draw a bar on.
    """

    def __init__(
        self,
        step: int,
        steps: int,
        images: Callable[[int], int],
        terminal: Terminal | None = None,
        interval: float = 10.0,
    ) -> None:
        self.rate = Rate(step, steps, images)
        self._terminal = terminal or Screen(highlight=False)
        self._interval, self._last_line, self._last_draw = interval, time.perf_counter(), 0.0
        self._bar: Progress | None = None
        if self._terminal.is_terminal:
            # One line, also where 80 columns are too few for all: the bar and the rate give way.
            wide = self._terminal.width >= 116
            figures = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
            done = MofNCompleteColumn(table_column=Column(no_wrap=True))
            columns = (*([BarColumn(24)] if wide else []), done, figures, _Left(self.rate, wide))
            # No refresh thread: it would take the interpreter away from the loop at its own pace.
            self._bar = Progress(*columns, console=self._terminal, auto_refresh=False)
            self._task = self._bar.add_task("starting", total=steps, completed=step)
        self._figures = ""

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.refresh()
            self._bar.stop()

    def tick(self, step: int) -> None:
        """After every step; draws five times a second at the most."""
        if self._bar and time.perf_counter() - self._last_draw > 0.2:
            self._last_draw = time.perf_counter()
            self._bar.update(self._task, completed=step)
            self._bar.refresh()

    def show(self, step: int, metrics: Mapping[str, float | str]) -> None:
        """New figures were logged."""
        self._figures = figures(metrics)
        if self._bar:
            self._bar.update(self._task, completed=step, description=self._figures)
        elif step >= self.rate.steps or time.perf_counter() - self._last_line >= self._interval:
            self._last_line = time.perf_counter()
            left = self.rate.left(step)
            end = "" if not left else f" · {duration(left)} left"
            rate = f"{self.rate.images_per_second:,.0f} images/s"
            self.say(f"step {step:,}/{self.rate.steps:,} · {self._figures} · {rate}{end}")

    def rewind(self, step: int) -> None:
        """The run went back to an earlier step, or begins with this one only now."""
        self.rate.rewind(step)
        if self._bar:
            self._bar.update(self._task, completed=step)

    def say(self, text: str) -> None:
        """A line of its own, above the bar."""
        self._terminal.print(text, markup=False, soft_wrap=True)
