"""What a search found: a table on the screen, in Markdown and as CSV, and the command of the best trial."""

import csv
import io
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from gan_cli.cli.command import COLUMNS, printable
from gan_cli.cli.search.journal import NAME
from gan_cli.cli.search.lines import Lines
from gan_cli.cli.search.settings import Settings
from gan_cli.cli.search.study import Study
from gan_cli.cli.search.trial import Trial
from gan_cli.console import Screen, duration
from gan_cli.files import write_text
from gan_cli.suite.tables import table

MARKDOWN, CSV, PICTURE = "search.md", "search.csv", "search.png"
ROWS = 12  # trials on the screen, which has 24 lines
WIDTH = 16  # columns of a setting's value
_LUCK = "the best of many was lucky, too; with seeds that did not choose it"
_COLOURS = {"complete": "green", "failed": "red", "pruned": "yellow"}


class Result:
    """A search, as far as it went.

    Args:
        settings: of it.
        study: its trials.
        lines: the commands of its trials.
        line: that of the search.
    """

    def __init__(self, settings: Settings, study: Study, lines: Lines, line: Sequence[str]) -> None:
        self._settings, self._study, self._lines, self._line = settings, study, lines, line
        self._keys = list(study.space.parts)
        self._shown = _short(self._keys)

    @property
    def title(self) -> str:
        """What was searched for."""
        many, seeds = len(self._study.trials), self._settings.seeds
        way = "largest" if self._settings.maximizes else "smallest"
        of_each = f", the mean of {seeds} seeds" if seeds > 1 else ""
        return f"the {way} {self._settings.tag}{of_each}, in {many} of {self._settings.n_trials} trials"

    def _cells(self, trial: Trial) -> list[str]:
        """A line of the table: number, settings, value, how it ended, time, why."""
        value = "" if trial.mean is None else f"{trial.mean:.5g}"
        value += "" if trial.spread is None else f" ± {trial.spread:.2g}"
        spent = "" if trial.seconds is None else duration(trial.seconds)
        settings = [str(trial.values[key]) for key in self._keys]
        return [str(trial.number), *settings, value, trial.state, spent, trial.why or ""]

    @property
    def _headings(self) -> list[str]:
        return ["#", *self._shown, self._settings.tag, "trial", "time", "why"]

    def show(self, directory: Path) -> None:
        """Print it.

        Args:
            directory: of the sweep, as the user calls it.
        """
        terminal = Screen(highlight=False)
        if not terminal.is_terminal:
            terminal.width = COLUMNS
        ranked = self._study.ranked()
        listed = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        rows = [[printable(cell) for cell in self._cells(trial)] for trial in ranked[:ROWS]]
        kept = [i for i, heading in enumerate(self._headings) if heading != "why" or any(row[i] for row in rows)]
        widths = {i: max(len(row[i]) for row in [self._headings, *rows]) for i in kept}
        widths |= {i: min(widths[i], WIDTH) for i in kept if 0 < i <= len(self._keys)}
        last = len(self._headings) - 1  # why: it has whatever is left
        left = terminal.width - sum(width + 2 for i, width in widths.items() if i != last) - 2
        widths |= {last: max(left, 3)} if last in kept else {}
        for i in kept:
            listed.add_column(
                self._headings[i], no_wrap=True, overflow="ellipsis", max_width=widths[i],
                justify="left" if self._headings[i] in ("trial", "why") else "right",
            )  # fmt: skip
        for row in rows:
            listed.add_row(*(Text(row[i], _COLOURS.get(row[i], "")) for i in kept))
        with terminal.capture() as captured:
            terminal.print(listed)
        print("", f"searched for {self.title}", sep="\n")
        print(*(line.rstrip() for line in captured.get().splitlines()), sep="\n")
        if len(ranked) > ROWS:
            print(f"and {len(ranked) - ROWS} more in {CSV}")
        print(printable(f"{self._ends()}; {', '.join((MARKDOWN, CSV, PICTURE, NAME))} in {directory}"))
        if self._study.best:
            print(f"the best, trial {self._study.best.number}:")
            print(printable(f"  {self._lines.command(self._study.best.values)}"))
            print(f"{_LUCK}:")
            print(printable(f"  {self._lines.check(self._study.best.values)}"))
        else:
            print("no trial came to its end: nothing was found")

    def _ends(self) -> str:
        states = [trial.state for trial in self._study.trials]
        words = {"complete": "complete", "pruned": "pruned by alarms", "failed": "failed", "running": "half done"}
        counted = [f"{states.count(state)} {word}" for state, word in words.items() if state in states]
        return ", ".join(counted) if counted else "no trial was made"

    def write(self, directory: Path) -> None:
        """The table as Markdown and CSV."""
        write_text(directory / MARKDOWN, self.markdown())
        write_text(directory / CSV, self.csv())

    def draw(self, directory: Path) -> None:
        """The picture."""
        from gan_cli.cli.search.picture import draw

        if self._study.trials:
            draw(self._settings, self._study, directory / PICTURE)

    def markdown(self) -> str:
        """One page: the best, the table, how to make it again."""
        text = ["# Search", "", f"For {self.title}; {self._ends()}.", ""]
        if self._study.best:
            text += [
                f"The best, trial {self._study.best.number}:",
                "",
                f"    {self._lines.command(self._study.best.values)}",
                "",
            ]
            text += [f"{_LUCK.capitalize()}:", "", f"    {self._lines.check(self._study.best.values)}", ""]
        text += [table(self._headings, [[printable(c) for c in self._cells(trial)] for trial in self._study.ranked()])]
        text += ["", f"![history and settings]({PICTURE})", "", "Made by", "", f"    {shlex.join(self._line)}"]
        return "\n".join(text) + "\n"

    def csv(self) -> str:
        """A line for each trial, the best first."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        many = self._settings.seeds
        seeds = [f"{self._settings.tag} of run {i}" for i in range(many)] if many > 1 else []
        heads = ["trial", "state", self._settings.tag, *seeds, *self._keys, "seconds", "why", "command"]
        writer.writerow(heads)
        for trial in self._study.ranked():
            found = [repr(value) for value in trial.found] + [""] * (len(seeds) - len(trial.found))
            settings = [trial.values[key] for key in self._keys]
            mean = "" if trial.mean is None else repr(trial.mean)
            spent = "" if trial.seconds is None else round(trial.seconds, 1)
            told = [spent, trial.why or "", self._lines.command(trial.values)]
            writer.writerow([trial.number, trial.state, mean, *(found if seeds else []), *settings, *told])
        return file.getvalue()


def _short(keys: Sequence[str]) -> list[str]:
    """Names of settings without what goes in front of them, where they stay distinct.

    >>> _short(["optimizer.lr", "loss", "model.G.width", "model.D.width"])
    ['lr', 'loss', 'model.G.width', 'model.D.width']
    """
    last = [key.rpartition(".")[2] for key in keys]
    return [short if last.count(short) == 1 else key for key, short in zip(keys, last, strict=True)]
