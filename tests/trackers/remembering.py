"""A tracker that writes down what it is told."""

from pathlib import Path

from gan_cli.trackers import About


class Remembering:
    """It fails at a step, if one is given."""

    def __init__(self, told: list[object] | None = None, fails_at: int | None = None, **about_itself: bool) -> None:
        self.told = [] if told is None else told
        self.fails_at = fails_at
        vars(self).update(about_itself)

    def begin(self, about: About) -> str:
        self.told.append(("begin", about.id, about.step))
        return about.id or "mine"

    def scalars(self, step, values) -> None:
        if step == self.fails_at:
            raise ConnectionError("no route to host")
        self.told.append((step, dict(values)))

    def picture(self, step, tag, png) -> None:
        self.told.append((step, tag))

    def end(self, success) -> None:
        self.told.append(("end", success))


def about(directory: Path, step: int = 0) -> About:
    directory.mkdir(exist_ok=True)
    return About(directory, {"train": {"steps": 9}, "seed": 0}, step)
