"""What protects from a power failure, which a kill does not show: what is made durable, and in which order.

The witness of a whole run has every operation on its files.
"""

import re

RUN = "outputs/run/"


def commits(witness: list[str]) -> list[list[str]]:
    """The operations of each commit, from the last figure before it to its end, without `<` lines and numbers."""
    done, found = [], []
    for line in witness:
        sign, what, where = line.split()
        if sign == ">":
            done.append(f"{what} {re.sub(r'[0-9a-f]{16}|[0-9]+', 'N', where.removeprefix(RUN))}")
        elif what == "save":
            found.append(done)
            done = []
    return found


def test_a_commit_makes_the_logs_durable_and_then_the_checkpoint_and_then_removes_an_old_one(whole):
    found = commits(whole("mlp").lives[0].witness)
    assert len(found) == 11, "of steps 0, 5, ... 45 and 46"
    for done in found[1:]:
        last = {operation: place for place, operation in enumerate(done)}
        order = (
            "write metrics.jsonl", "sync metrics.jsonl", "save N", "write checkpoints/.tmp-N-N",
            "sync checkpoints/.tmp-N-N", "rename checkpoints/step-N-N.safetensors", "sync checkpoints",
            "remove checkpoints/step-N-N.safetensors",
        )  # fmt: skip
        places = [last.get(operation, -1 if operation == "write metrics.jsonl" else None) for operation in order]
        assert None not in places, dict(zip(order, places, strict=True))
        assert places == sorted(places), dict(zip(order, places, strict=True))
        assert last["sync timing.jsonl"] < last["save N"]
        events = [place for place, operation in enumerate(done) if operation.startswith("sync events")]
        assert events and events[-1] < last["save N"]


def test_small_files_are_durable_before_they_have_their_names(whole):
    lines = [line.split() for line in whole("mlp").lives[0].witness]
    done = [(what, where) for sign, what, where in lines if sign == ">"]
    for name in ("config.yaml", "run.json", "status.json"):
        synced = [i for i, (what, where) in enumerate(done) if what == "sync" and f".tmp-{name}" in where]
        named = [i for i, operation in enumerate(done) if operation == ("rename", RUN + name)]
        assert named
        assert all(any(s < n and n - s == 1 for s in synced) for n in named), name
