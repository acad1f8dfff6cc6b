"""Where a run writes its figures and pictures: TensorBoard, `metrics.jsonl`, `timing.jsonl` and `samples/`.

`metrics.jsonl` holds values only, so that two equal runs have equal files; clocks and rates go to `timing.jsonl`, and
what evaluations found, with all that it takes to compare it, to `evaluations.jsonl`. The files are the truth and
TensorBoard a view of them: they are cut back to the last checkpoint on resume. Trackers (`gan_cli.trackers`) are told
the same, behind all that.
"""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_cli.charts import layout
from gan_cli.errors import RunError
from gan_cli.events import EventFile
from gan_cli.grid import png_bytes, write_whole
from gan_cli.room import refused
from gan_cli.trackers import Feed

_END = ".end"  # how the name of the event file with a session's end ends


class Logbook:
    """The figures and pictures of one run.

    Args:
        directory: the run directory.
        step: the last committed step, 0 for a fresh run; TensorBoard drops what was logged after it.
        offsets: as `commit` returned them at that step; the rest of the files is cut off.

    Raises:
        RunError: in every method, the file system refuses; the message names the file.
    """

    def __init__(self, directory: Path, step: int = 0, offsets: dict[str, int] | None = None) -> None:
        self._directory, self.samples = directory, directory / "samples"
        with _writing(directory), ExitStack() as opened:
            self.samples.mkdir(parents=True, exist_ok=True)
            for place in (".", "samples", "checkpoints", "generator", "evaluation"):
                for leftover in (directory / place).glob(".tmp-*"):  # of a process that was killed
                    leftover.unlink()
            self._files = {}
            for name, committed in self._lengths(offsets or {}).items():
                path = self._path(name)
                file = self._files[name] = opened.enter_context(path.open("ab"))
                file.truncate(committed)
                file.seek(0, os.SEEK_END)  # truncating leaves the position, and with it `tell`, where it was
            for picture in self.samples.glob("step-*.png"):
                number = picture.stem.removeprefix("step-")
                if number.isdecimal() and int(number) > step:
                    picture.unlink()
            for end in directory.glob(f"events.out.tfevents.*{_END}"):
                end.unlink()
            self._feeds: list[Feed] = []
            # On fresh runs too: what was logged before the first checkpoint is logged again, and would be there twice.
            self._events = EventFile(directory, purge_step=0 if offsets is None else step + 1)
            opened.pop_all()  # from here on it is `close` that closes them

    def _lengths(self, offsets: dict[str, int]) -> dict[str, int]:
        """How far each file is kept, before any of them is cut.

        Raises:
            RunError: figures that were committed are gone.
        """
        lengths = {}
        for name in ("metrics", "timing", "evaluations"):
            path = self._path(name)
            committed, found = offsets.get(name, 0), path.stat().st_size if path.exists() else 0
            if name == "evaluations" and not committed and not path.exists():
                continue  # it is there from the first evaluation on
            if name != "timing" and found < committed:
                raise RunError(f"{path}: {found} bytes, and the checkpoint counts on {committed}; put it back")
            lengths[name] = min(committed, found)  # clocks that are lost are no loss to a run
        return lengths

    def open_session(self, choices: dict[str, Any], tags: Iterable[str] = ()) -> None:
        """Tell TensorBoard's HParams tab what this run chose, and lay out the charts of what it will log."""
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionStartInfo
        from torch.utils.tensorboard.summary import custom_scalars  # a second of imports

        info = SessionStartInfo(start_time_secs=time.time())  # no group: each run is a row, named by its path
        for name, value in choices.items():
            if isinstance(value, bool):
                info.hparams[name].bool_value = value
            elif isinstance(value, int | float):
                info.hparams[name].number_value = value
            else:
                info.hparams[name].string_value = str(value)
        with _writing(self._events.path):
            self._events.add(_session("session_start_info", info))
            self._events.add(custom_scalars(layout(tags)))
            self._events.flush()

    def follow(self, feeds: Iterable[Feed]) -> None:
        """Tell these trackers, which have begun, of all that is logged from here on."""
        self._feeds += feeds

    def release(self) -> list[Feed]:
        """The trackers, for another logbook of the run: this one tells them nothing more."""
        feeds, self._feeds = self._feeds, []
        return feeds

    def scalars(self, step: int, metrics: dict[str, Tensor | float | str]) -> dict[str, float | str]:
        """Log figures; the one place that waits for the device.

        Returns:
            The figures as numbers; those that are words ("n/a") as they are. TensorBoard has no place for words.
        """
        tensors = {k: v for k, v in metrics.items() if isinstance(v, Tensor)}
        values: dict[str, float | str] = {k: v for k, v in metrics.items() if not isinstance(v, Tensor)}
        if tensors:
            fetched = torch.stack([t.detach().float() for t in tensors.values()]).tolist()
            values |= dict(zip(tensors, fetched, strict=True))
        values = {k: values[k] for k in metrics}  # the caller's order
        self._write("metrics", step, values)
        return values

    def timing(self, step: int, values: dict[str, float]) -> None:
        """Log clocks and rates, which differ between two equal runs."""
        self._write("timing", step, values)

    def evaluation(self, record: Mapping[str, Any]) -> None:
        """Log all about one evaluation: plain data, finite numbers."""
        path = self._path("evaluations")
        with _writing(path):
            if "evaluations" not in self._files:
                self._files["evaluations"] = path.open("ab")
            self._files["evaluations"].write(json.dumps(record, allow_nan=False).encode() + b"\n")
            self._files["evaluations"].flush()

    def picture(self, step: int, tag: str, picture: np.ndarray[Any, Any]) -> None:
        """Log a picture [H, W, 3] uint8: a TensorBoard image and `samples/step-<step>.png` (or `samples/<tag>.png`)."""
        path = self.samples / (f"step-{step:09d}.png" if tag == "samples" else f"{tag}.png")
        png = png_bytes(picture)
        with _writing(path):
            write_whole(path, png)
        with _writing(self._events.path):
            self._events.image(step, tag, png, *picture.shape[:2])
            self._events.flush()
        for feed in self._feeds:
            feed.picture(step, tag, png)

    def text(self, step: int, tag: str, markdown: str) -> None:
        """Log words, for TensorBoard's Text tab."""
        from torch.utils.tensorboard.summary import text

        with _writing(self._events.path):
            self._events.add(text(tag, markdown), step)
            self._events.flush()

    def alarm(self, step: int, name: str, markdown: str) -> None:
        """Log an alarm: its words, and a point where a curve of the same time shows it."""
        self.text(step, f"alarm/{name}", markdown)
        with _writing(self._events.path):
            self._events.scalars(step, {f"alarm/{name}": 1.0})
        for feed in self._feeds:
            feed.scalars(step, {f"alarm/{name}": 1.0})

    def commit(self) -> dict[str, int]:
        """Make all that was logged durable, and return the length of each file for `offsets`."""
        with _writing(self._events.path):
            self._events.sync()
        for name, file in self._files.items():
            path = self._path(name)
            with _writing(path):
                file.flush()
                os.fsync(file.fileno())
                if not os.path.samestat(os.fstat(file.fileno()), path.stat()):  # what is open lies somewhere else now
                    raise RunError(f"{path}: was replaced while the run was on, and what was logged since is not in it")
        return {name: file.tell() for name, file in self._files.items()}

    def close(self, success: bool | None = None) -> None:
        """Close the files. `success` ends the session in the HParams tab; None leaves it open for a resume."""
        from tensorboard.plugins.hparams import api_pb2
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo

        with ExitStack() as files:  # each is closed, whatever becomes of the others
            for feed in self.release():
                files.callback(feed.end, success)
            files.enter_context(_writing(self._events.path))
            files.callback(self._events.close)
            for name, file in self._files.items():
                files.enter_context(_writing(self._path(name)))
                files.callback(file.close)
            if success is not None:
                status = api_pb2.STATUS_SUCCESS if success else api_pb2.STATUS_FAILURE
                info = SessionEndInfo(status=status, end_time_secs=time.time())
                # In a file of its own: TensorBoard believes the first end it reads, and a resume takes this one back.
                with _writing(self._directory), closing(EventFile(self._directory, suffix=_END)) as end:
                    end.add(_session("session_end_info", info))

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.jsonl"

    def _write(self, name: str, step: int, values: Mapping[str, float | str]) -> None:
        # JSON has no word for what is not finite, and a log must say which one it was.
        plain = {k: v if isinstance(v, str) or math.isfinite(v) else str(v) for k, v in values.items()}
        row = {"step": step, **({"time": time.time()} if name == "timing" else {}), **plain}
        with _writing(self._path(name)):
            self._files[name].write(json.dumps(row).encode() + b"\n")
            self._files[name].flush()
        with _writing(self._events.path):
            numbers = {tag: value for tag, value in values.items() if not isinstance(value, str)}
            self._events.scalars(step, numbers)
            self._events.flush()
        for feed in self._feeds:
            feed.scalars(step, numbers)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """An OSError becomes one that names the file."""
    try:
        yield
    except OSError as error:
        raise refused(path, error) from error


def _session(kind: str, info: Any) -> Any:
    """One message of the HParams plug-in: torch's own way makes a run of its own of it, and TensorBoard's needs
    TensorFlow.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    value = Summary.Value(
        tag=f"_hparams_/{kind}",
        metadata=metadata.create_summary_metadata(HParamsPluginData(**{kind: info})),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])
