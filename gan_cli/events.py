"""TensorBoard's event files, written in the caller's own thread.

TensorBoard's writer has a thread of its own; where the disk is full that one dies with a traceback, and the caller
learns of it at some later call. Here an error comes up where the figure was logged, and `flush` has written all of it.
"""

import os
import re
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_cli.crc32c import masked

_STAMP = re.compile(r"events\.out\.tfevents\.(\d{10})\.")


class EventFile:
    """A new event file; TensorBoard reads those of a directory in the order of their names.

    Args:
        purge_step: TensorBoard drops what earlier files logged at this step and later.
        suffix: of its name.

    Raises:
        OSError: here and in every method, the file system refuses.
    """

    def __init__(self, directory: Path, purge_step: int | None = None, suffix: str = "") -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        # Behind all others also where the clock was set back, or two files begin in one second.
        earlier = [int(match[1]) for path in directory.iterdir() if (match := _STAMP.match(path.name))]
        stamp = max([int(time.time()), *(second + 1 for second in earlier)])
        self.path = directory / f"events.out.tfevents.{stamp:010}.{socket.gethostname()}.{os.getpid()}{suffix}"
        self._file = self.path.open("xb")
        try:
            self._put(Event(file_version="brain.Event:2"))
            if purge_step is not None:
                self._put(Event(step=purge_step, session_log=SessionLog(status=SessionLog.START)))
            self.flush()
        except OSError:
            with suppress(OSError):
                self.close()
            raise

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """A point of each tag."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        self.add(Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]), step)

    def image(self, step: int, tag: str, png: bytes, height: int, width: int) -> None:
        """An RGB picture."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
        self.add(Summary(value=[Summary.Value(tag=tag, image=image)]), step)

    def add(self, summary: Any, step: int = 0) -> None:
        """Any other summary."""
        from tensorboard.compat.proto.event_pb2 import Event

        self._put(Event(summary=summary, step=step))

    def flush(self) -> None:
        """Hand all that was added to the system."""
        self._file.flush()

    def sync(self) -> None:
        """Make all that was added durable."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write the rest and close; closed it is also where that fails."""
        self._file.close()

    def _put(self, event: Any) -> None:
        event.wall_time = time.time()
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.write(length + masked(length) + data + masked(data))  # TensorFlow's TFRecord format
