"""Reads what W&B wrote offline, `run-<id>.wandb`: LevelDB's log format behind a header of 7 bytes."""

import json
import struct
from pathlib import Path
from typing import Any

BLOCK = 1 << 15


def records(path: Path) -> list[Any]:
    """The records of a file, in order."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, found, whole = path.read_bytes(), 7, [], b""
    while at + 7 <= len(data):
        if BLOCK - at % BLOCK < 7:  # too short for a header: zeros
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole, at = whole + data[at + 7 : at + 7 + length], at + 7 + length
        if kind in (1, 4):  # full, last
            record = Record()
            record.ParseFromString(whole)
            found.append(record)
            whole = b""
    return found


def rows(path: Path) -> list[dict[str, Any]]:
    """The history: a dict of figures a step, `_step` among them; of a picture `samples` its `samples._type`."""
    return [
        {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records(path)
        if record.WhichOneof("record_type") == "history"
    ]


def exit_codes(path: Path) -> list[int]:
    """With which exit codes the run ended there."""
    return [record.exit.exit_code for record in records(path) if record.WhichOneof("record_type") == "exit"]
