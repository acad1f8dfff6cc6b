"""Where a run writes its figures and pictures: TensorBoard, `metrics.jsonl`, `timing.jsonl` and `samples/`.

`metrics.jsonl` holds values only, so that two equal runs have equal files; clocks and rates go to `timing.jsonl`. The
two files are the truth and TensorBoard a view of them: both are cut back to the last checkpoint on resume.
"""

import json
import math
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_cli.charts import layout
from gan_cli.errors import RunError
from gan_cli.grid import save_png

_END = ".end"  # how the name of the event file with a session's end ends


class Logbook:
    """The figures and pictures of one run.

    Args:
        directory: the run directory.
        step: the last committed step, 0 for a fresh run; TensorBoard drops what was logged after it.
        offsets: as `commit` returned them at that step; the rest of the files is cut off.
    """

    def __init__(self, directory: Path, step: int = 0, offsets: dict[str, int] | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # a second of imports

        self._directory, self.samples = directory, directory / "samples"
        try:
            self.samples.mkdir(parents=True, exist_ok=True)
            self._files = {}
            for name in ("metrics", "timing"):
                path = directory / f"{name}.jsonl"
                committed, found = (offsets or {}).get(name, 0), path.stat().st_size if path.exists() else 0
                if found < committed:
                    raise RunError(f"{path}: {found} bytes, and the checkpoint counts on {committed}; put it back")
                file = self._files[name] = path.open("ab")
                file.truncate(committed)
                file.seek(0, os.SEEK_END)  # truncating leaves the position, and with it `tell`, where it was
            for picture in self.samples.glob("step-*.png"):
                if int(picture.stem.removeprefix("step-")) > step:
                    picture.unlink()
        except OSError as error:
            raise RunError(f"{directory}: the run directory cannot be written: {error.strerror}") from error
        for end in directory.glob(f"events.out.tfevents.*{_END}"):
            end.unlink()
        # purge_step on fresh runs too: without it a point logged before the first checkpoint stays as a double.
        self._writer = SummaryWriter(str(directory), purge_step=step + 1, flush_secs=5)

    def open_session(self, choices: dict[str, Any], tags: Iterable[str] = ()) -> None:
        """Tell TensorBoard's HParams tab what this run chose, and lay out the charts of what it will log."""
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionStartInfo

        info = SessionStartInfo(start_time_secs=time.time())  # no group: each run is a row, named by its path
        for name, value in choices.items():
            if isinstance(value, bool):
                info.hparams[name].bool_value = value
            elif isinstance(value, int | float):
                info.hparams[name].number_value = value
            else:
                info.hparams[name].string_value = str(value)
        _session(self._writer, "session_start_info", info)
        self._writer.add_custom_scalars(layout(tags))

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

    def picture(self, step: int, tag: str, picture: np.ndarray[Any, Any]) -> None:
        """Log a picture [H, W, 3] uint8: a TensorBoard image and `samples/step-<step>.png` (or `samples/<tag>.png`)."""
        name = f"step-{step:09d}" if tag == "samples" else tag
        try:
            save_png(self.samples / f"{name}.png", picture)
        except OSError as error:
            raise RunError(f"{self.samples}: a picture cannot be written: {error.strerror}") from error
        self._writer.add_image(tag, picture, step, dataformats="HWC")

    def text(self, step: int, tag: str, markdown: str) -> None:
        """Log words, for TensorBoard's Text tab."""
        self._writer.add_text(tag, markdown, step)

    def alarm(self, step: int, name: str, markdown: str) -> None:
        """Log an alarm: its words, and a point where a curve of the same time shows it."""
        self.text(step, f"alarm/{name}", markdown)
        self._writer.add_scalar(f"alarm/{name}", 1.0, step)

    def commit(self) -> dict[str, int]:
        """Make all that was logged durable, and return the length of each file for `offsets`."""
        self._writer.flush()
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        return {name: file.tell() for name, file in self._files.items()}

    def close(self, success: bool | None = None) -> None:
        """Close the files. `success` ends the session in the HParams tab; None leaves it open for a resume."""
        from tensorboard.plugins.hparams import api_pb2
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo
        from torch.utils.tensorboard import SummaryWriter

        if success is not None:
            status = api_pb2.STATUS_SUCCESS if success else api_pb2.STATUS_FAILURE
            # In a file of its own: TensorBoard believes the first end it reads, and a resumed run takes this one back.
            with SummaryWriter(str(self._directory), filename_suffix=_END) as writer:
                _session(writer, "session_end_info", SessionEndInfo(status=status, end_time_secs=time.time()))
        self._writer.close()
        for file in self._files.values():
            file.close()

    def _write(self, name: str, step: int, values: Mapping[str, float | str]) -> None:
        # JSON has no word for what is not finite, and a log must say which one it was.
        plain = {k: v if isinstance(v, str) or math.isfinite(v) else str(v) for k, v in values.items()}
        row = {"step": step, **({"time": time.time()} if name == "timing" else {}), **plain}
        try:
            self._files[name].write(json.dumps(row).encode() + b"\n")
            self._files[name].flush()
        except OSError as error:
            raise RunError(f"{self._directory}/{name}.jsonl: cannot be written: {error.strerror}") from error
        for tag, value in values.items():
            if not isinstance(value, str):
                self._writer.add_scalar(tag, value, step)


def _session(writer: Any, kind: str, info: Any) -> None:
    """Write one message of the HParams plug-in: torch's own way makes a run of its own of it, and TensorBoard's needs
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
    writer.file_writer.add_summary(Summary(value=[value]))
