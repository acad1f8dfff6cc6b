"""The processes of one run in good company: they meet, fail alike, and know of each other what went wrong.

Before they train, and whenever one of them fails, they leave each other words in a store of `torch.distributed`; while
they train, `Ranks` is how they talk.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch

from gan_cli import errors
from gan_cli.cli.devices.place import Place
from gan_cli.errors import DataError, GanError, LostError, Stopped
from gan_cli.ranks import Ranks

PATIENCE = 3600.0  # seconds to wait for another rank, which may read data or evaluate; a dead one is seen at once
ANSWER = 5.0  # seconds in which those that are alive say so
_FAILED = "failed"
T = TypeVar("T")


class Company:
    """What one process knows of the others; of a process alone, nothing here costs anything.

    Args:
        place: of this process.
        store: of `torch.distributed`; None for a process alone.
    """

    def __init__(self, place: Place | None = None, store: Any = None) -> None:
        self.place, self._store = place or Place(), store
        self.ranks = Ranks()
        self._rounds = 0
        self._gone: set[int] = set()

    @property
    def speaks(self) -> bool:
        """Whether this process says what went wrong: rank 0, or the first that is left where rank 0 is gone."""
        return self.place.rank == min(set(range(self.place.size)) - self._gone)

    @classmethod
    def by_file(cls, place: Place, path: Path) -> "Company":
        """Of processes on one machine, which share a file: nothing listens on the network."""
        from torch._C._distributed_c10d import FileStore

        return cls(place, FileStore(str(path)))

    @classmethod
    def by_torchrun(cls, place: Place) -> "Company":
        """Of processes that torchrun started, on any machines."""
        from torch.distributed.rendezvous import rendezvous

        if place.size == 1:
            return cls(place)
        store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=PATIENCE)))
        return cls(place, _of_this_start(place, store))

    def meet(self, device: str) -> Ranks:
        """Let all ranks talk; they are all here."""
        if self.place.size > 1:
            from torch import distributed

            on_gpu = device.startswith("cuda")
            distributed.init_process_group(
                "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
                store=self._store,
                rank=self.place.rank,
                world_size=self.place.size,
                timeout=timedelta(seconds=PATIENCE),
                device_id=torch.device(device) if on_gpu else None,
            )
            self.ranks = Ranks.joined()
        return self.ranks

    def part(self) -> None:
        """The run is at its end, on all ranks."""
        if not self.ranks.alone:
            from torch import distributed

            distributed.destroy_process_group()

    @contextmanager
    def alike(self) -> Iterator[None]:
        """Wait for all at the end. What fails on one rank fails on all, with the words of the first."""
        if self.place.size == 1:
            yield
            return
        own: Exception | None = None
        try:
            yield
        except Exception as error:
            own = error
        words = self._exchange("" if own is None else self._in_words(own))
        for rank, text in enumerate(words):
            if text and rank == self.place.rank and own is not None:
                raise own
            if text:
                raise _heard(text)

    def in_turn(self, make: Callable[[], T]) -> T:
        """Make something on all ranks, on one of each machine first: it may write what the others then find."""
        made: list[T] = []
        for turn in (0, 1):
            with self.alike():
                if min(self.place.local, 1) == turn:
                    made.append(make())
        return made[0]

    def first(self, make: Callable[[], T]) -> T | None:
        """Make something on rank 0 alone."""
        with self.alike():
            return make() if self.place.leads else None

    def from_lead(self, text: str) -> str:
        """What rank 0 passes, on all ranks."""
        if self.place.size == 1:
            return text
        self._rounds += 1
        if self.place.leads:
            self._store.set(f"said {self._rounds}", text)
        return self._wait(f"said {self._rounds}", 0)

    def same_data(self, fingerprint: str | None) -> None:
        """All ranks learn from the same data, of which each machine may have its own copy.

        Raises:
            DataError: one has other data than rank 0.
        """
        own = str(fingerprint)
        lead = self.from_lead(own)
        with self.alike():
            if own != lead:
                raise DataError(f"the data here are not those of rank 0\n  there {lead:.120}\n  here  {own:.120}")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Around training: where another rank fails it fails here, and the error says which and why.

        Raises:
            LostError: a process is gone without a word.
        """
        if self.place.size == 1:
            yield
            return
        try:
            yield
        except BaseException as error:
            if _is_of_talk(error):
                raise self._who() from error
            if not isinstance(error, LostError):  # who looks for others that are gone may blame one that is busy
                with suppress(Exception):  # where the store is gone, too, the others see that
                    self.note(error)
            raise

    def note(self, error: BaseException) -> None:
        """Tell the others why this process leaves. The first one to do so counts."""
        self._store.compare_set(_FAILED, "", self._in_words(error))

    def _exchange(self, text: str) -> list[str]:
        self._rounds += 1
        self._store.set(f"round {self._rounds} of {self.place.rank}", text)
        return [self._wait(f"round {self._rounds} of {rank}", rank) for rank in range(self.place.size)]

    def _wait(self, key: str, rank: int) -> str:
        """Words that another rank leaves; in Python, so that a signal is answered meanwhile."""
        until, pause = time.monotonic() + PATIENCE, 0.001
        while not self._store.check([key]):
            if self._store.check([_FAILED]):
                raise _heard(self._store.get(_FAILED).decode())
            if time.monotonic() > until:
                raise LostError(f"rank {rank} did not come within {PATIENCE / 60:g} minutes")
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        return str(self._store.get(key).decode())

    def _who(self) -> GanError | Stopped:
        """Why the others are silent: the first one to fail left words, unless it was killed."""
        missing = set(range(self.place.size)) - {self.place.rank}
        until = time.monotonic() + ANSWER
        try:
            self._store.set(f"alive {self.place.rank}", "")
            while time.monotonic() < until:
                if self._store.check([_FAILED]):
                    return _heard(self._store.get(_FAILED).decode())
                missing = {rank for rank in missing if not self._store.check([f"alive {rank}"])}
                time.sleep(0.05)
        except RuntimeError:  # the store was rank 0's, or torchrun's
            return LostError("the process that the others met at is gone: it was killed, or its machine is gone")
        self._gone = missing
        listed = ", ".join(map(str, sorted(missing)))
        return LostError(
            f"rank {listed} of {self.place.size} is gone: it was killed, or its machine or the network is gone"
            if missing
            else "the connection between the ranks broke, and all of them are alive"
        )

    def _in_words(self, error: BaseException) -> str:
        ours = isinstance(error, GanError | Stopped)
        text = str(error) if ours else f"{type(error).__name__}: {error}".removesuffix(": ")
        if not isinstance(error, Stopped | LostError) and not text.startswith("rank "):
            text = f"rank {self.place.rank}: {text}"
        code = getattr(error, "exit_code", 1)
        return json.dumps({"kind": type(error).__name__ if ours else "GanError", "code": code, "text": text[:4000]})


def _of_this_start(place: Place, store: Any) -> Any:
    """A corner of torchrun's store for the processes that are there now: what those before a restart said may still lie
    in it. Each rank asks with a word of its own, and rank 0 answers it.
    """
    from torch._C._distributed_c10d import PrefixStore

    own, until = os.urandom(8).hex(), time.monotonic() + PATIENCE
    missing = set(range(1, place.size)) if place.leads else {place.rank}
    if not place.leads:
        store.set(f"hello {place.rank}", own)
    while missing:
        for rank in sorted(missing):
            if place.leads and store.check([f"hello {rank}"]):
                asked = store.get(f"hello {rank}").decode()
                store.set(f"welcome {asked}", own)
                missing -= {rank} if store.check([f"thanks {own} {rank}"]) else set()
            elif not place.leads and store.check([f"welcome {own}"]):
                own, missing = store.get(f"welcome {own}").decode(), set()
                store.set(f"thanks {own} {rank}", "")
        if missing and time.monotonic() > until:
            raise LostError(f"rank {min(missing)} did not come within {PATIENCE / 60:g} minutes")
        time.sleep(0.02)
    return PrefixStore(f"gan-cli {own}", store)


def _heard(words: str) -> GanError | Stopped:
    """The error that another rank told of."""
    said = json.loads(words)
    kind = getattr(errors, said["kind"], GanError)
    return Stopped(said["text"], said["code"]) if kind is Stopped else kind(said["text"])


def _is_of_talk(error: BaseException) -> bool:
    """Whether a collective failed, and nothing else: gloo has no class of its own for it."""
    from torch import distributed

    kinds = (distributed.DistBackendError, distributed.DistNetworkError, distributed.DistStoreError)
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and "gloo" in str(error))
