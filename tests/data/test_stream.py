"""The stream: endless, full, exact, and nowhere but at its cursor."""

import hashlib
import math
import time

import pytest
import torch
from torch.overrides import TorchFunctionMode

from gan_cli.data import Examples, Gaussian, Ring, Source, Stream
from gan_cli.data.rows import Rows, fits, send
from gan_cli.errors import DataError


class Numbers:
    """n images of one pixel whose value is their number, or points."""

    def __init__(self, n: int, flip: bool = False, points: bool = False) -> None:
        self.n, self.flip, self.points, self.loads = n, flip, points, 0
        self.shape = (2,) if points else (1, 1, 2)

    def load(self) -> Examples:
        self.loads += 1
        number = torch.arange(self.n)
        if self.points:
            return Examples(torch.stack([number, -number], 1).float(), number)
        return Examples(torch.stack([number, number * 0 + 255], 1).byte().view(-1, 1, 1, 2), None)


def numbers(x: torch.Tensor) -> list[int]:
    """Which examples a batch holds, from the left pixel."""
    return ((x[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def test_every_example_comes_exactly_once_an_epoch_and_batches_straddle_epochs():
    stream = Stream(Numbers(10), batch_size=4, seed=0)
    seen = [i for _ in range(5 * 10) for i in numbers(next(stream))]  # 200 in batches of 4: 20 epochs
    epochs = [seen[i : i + 10] for i in range(0, 200, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 20  # equal orders by chance: 190 / 10! = 1 in 19000


def test_one_batch_may_be_the_whole_data_set():
    stream = Stream(Numbers(4), batch_size=4, seed=0)
    assert [sorted(numbers(next(stream))) for _ in range(3)] == [[0, 1, 2, 3]] * 3


def test_pixels_become_minus_one_to_one_and_points_stay():
    x = next(Stream(Numbers(256), batch_size=256, seed=0))
    assert x.dtype == torch.float32
    assert (x.min().item(), x.max().item()) == (-1, 1)
    points = next(Stream(Numbers(3, points=True), batch_size=3, seed=0))
    assert sorted(points.tolist()) == [[0, 0], [1, -1], [2, -2]]


@pytest.mark.parametrize("data", [Numbers(10, flip=True), Numbers(10, points=True), Ring(), Gaussian()])
def test_the_cursor_is_the_only_state(data):
    first = Stream(data, batch_size=4, seed=3)
    batches = [next(first) for _ in range(12)]
    assert first.cursor == 12
    second = Stream(data, batch_size=4, seed=3)
    for cursor in (7, 0, 11, 3):  # jumps forwards and backwards
        second.cursor = cursor
        second.peek(5, "in between")
        assert torch.equal(next(second), batches[cursor])
    assert not torch.equal(batches[0], batches[1])


@pytest.mark.parametrize("data", [Numbers(10, flip=True), Numbers(10, points=True), Numbers(4)])
@pytest.mark.parametrize("held_out", [0, 3])
def test_data_that_do_not_fit_on_the_device_come_in_the_same_batches(data, held_out):
    """They are gathered one batch ahead; whether that was foretold well changes nothing."""
    n = min(4, data.n - held_out)
    near, far = (Stream(data, n, seed=3, held_out=held_out, resident=resident) for resident in (True, False))
    assert near.fingerprint == far.fingerprint
    for cursor in [*range(12), 7, 8, 9, 3, 2, 40, 41]:
        near.cursor = far.cursor = cursor
        assert torch.equal(next(near), next(far))
        assert near.labels is None or torch.equal(near.labels, far.labels)
        if cursor % 3 == 0:
            assert torch.equal(near.peek(5, "grid"), far.peek(5, "grid"))
            assert torch.equal(next(near.twin()), next(far.twin()))
    near.skipped = far.skipped = 5
    assert torch.equal(next(near), next(far))
    assert not held_out or torch.equal(near.held_out().x, far.held_out().x)


def test_what_comes_next_is_gathered_while_a_batch_is_worked_on(monkeypatch):
    gathered, gather = [], Rows._gather
    monkeypatch.setattr(Rows, "_gather", lambda self, which: gathered.append(which.tolist()) or gather(self, which))
    stream = Stream(Numbers(40, points=True), batch_size=4, seed=0, resident=False)
    batches = [next(stream)[:, 0].int().tolist() for _ in range(5)]
    stream._rows._pool.shutdown()
    assert gathered[:5] == batches
    assert len(gathered) == 6, "each batch once, and the one to come"


class Copies(TorchFunctionMode):
    """Notes how tensors are copied to a device."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[bool] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.to:
            self.waited.append(not (kwargs or {}).get("non_blocking", False))
        return func(*args, **(kwargs or {}))


def test_copies_from_memory_that_may_be_gone_are_waited_for():
    """Other devices than CUDA do not pin it."""
    meta = torch.device("meta")
    rows = Rows(Numbers(10, points=True).load(), meta, resident=False)
    with Copies() as copies:
        send(torch.arange(3), meta)
        rows.take(torch.arange(4))
    assert copies.waited == [True] * 3, "also x and y"


def test_data_fit_on_a_device_that_has_four_times_as_much_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4000, 9000))
    assert fits(1000, torch.device("cuda"))
    assert not fits(1001, torch.device("cuda"))
    assert fits(10**15, torch.device("cpu")), "they lie there already"


@pytest.mark.parametrize("data", [Numbers(50), Ring()])
def test_another_seed_is_another_stream(data):
    assert not torch.equal(next(Stream(data, 20, seed=0)), next(Stream(data, 20, seed=1)))


def test_flips_mirror_about_half_the_images_anew_each_time():
    stream = Stream(Numbers(100, flip=True), batch_size=100, seed=0)
    flipped = torch.stack([next(stream)[:, 0, 0, 0] == 1 for _ in range(40)])  # the right pixel is white
    share = flipped.float().mean().item()
    assert share == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(4000))  # 5 sigma: once in 1.7e6 seeds
    assert not torch.equal(flipped[0], flipped[1])
    assert (next(Stream(Numbers(100), 100, seed=0))[:, 0, 0, 1] == 1).all()  # none without flip


def test_a_source_is_loaded_once_and_says_its_size():
    data = Numbers(10, points=True)
    stream = Stream(data, batch_size=2, seed=0)
    next(stream), next(stream), stream.peek(3)
    assert isinstance(data, Source)
    assert data.loads == 1
    assert (stream.size, stream.shape) == (10, (2,))
    assert stream.examples is not None and stream.examples.y is not None
    density = Stream(Ring(), batch_size=2, seed=0)
    assert (density.size, density.examples, density.shape) == (None, None, (2,))


def test_peek_gives_distinct_examples_by_key_and_leaves_the_cursor():
    stream = Stream(Numbers(100, flip=True), batch_size=2, seed=0)
    x = stream.peek(64, "grid")
    assert len(set(numbers(x))) == 64
    assert torch.equal(x, stream.peek(64, "grid"))
    assert not torch.equal(x, stream.peek(64, "held out", 1))
    assert stream.cursor == 0
    assert sorted(numbers(stream.peek(250, "all"))) == sorted(
        [*range(100)] * 2 + numbers(stream.peek(250, "all"))[200:]
    )
    assert Stream(Ring(), 2, seed=0).peek(5, "grid").shape == (5, 2)


def test_fewer_examples_than_a_batch_gives_both_numbers_and_advice():
    with pytest.raises(
        DataError, match=r"has 3 examples, fewer than one batch of 4\nset train.batch_size to 3 or less"
    ):
        Stream(Numbers(3), batch_size=4, seed=0)
    with pytest.raises(DataError, match="empty"):
        Stream(Numbers(0), batch_size=4, seed=0)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        Stream(Numbers(3), batch_size=0, seed=0)


def test_a_source_that_breaks_its_promise_of_a_shape_is_refused():
    data = Numbers(5)
    data.shape = (3, 1, 2)
    with pytest.raises(DataError, match=r"Numbers promises examples of \(3, 1, 2\) and loads \(1, 1, 2\)"):
        Stream(data, batch_size=2, seed=0)


def test_a_step_costs_no_permutation():
    stream = Stream(Numbers(60000, points=True), batch_size=64, seed=0)
    next(stream)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        next(stream)
        times.append(time.perf_counter() - start)
    assert min(times) < 1e-3  # 0.02 ms here; a permutation of 60000 alone takes 1 ms


def test_what_is_held_out_is_never_trained_on_and_the_same_for_every_seed():
    streams = [Stream(Numbers(100), batch_size=5, seed=seed, held_out="auto") for seed in (0, 1)]
    held = [sorted(numbers(stream.held_out("a").x)) for stream in streams]
    assert len(held[0]) == 10
    assert held[0] == held[1]
    seen = {i for _ in range(90) for i in numbers(next(streams[0]))}
    assert seen == set(range(100)) - set(held[0])
    assert streams[0].size == 90
    assert torch.equal(streams[0].held_out("a").x, streams[0].held_out("b").x)


@pytest.mark.parametrize(("examples", "batch", "aside"), [(100, 5, 10), (10_000, 5, 256), (100, 95, 5), (9, 9, None)])
def test_auto_holds_out_a_tenth_and_leaves_a_batch(examples, batch, aside):
    held = Stream(Numbers(examples), batch, seed=0, held_out="auto").held_out("x")
    assert (None if held is None else len(held.x)) == aside


def test_more_held_out_than_there_is_to_spare_is_refused():
    with pytest.raises(DataError, match="10 examples, 7 of them held out, fewer than one batch of 4"):
        Stream(Numbers(10), batch_size=4, seed=0, held_out=7)
    with pytest.raises(DataError, match=r"set train.held_out to less than 10"):
        Stream(Numbers(10), batch_size=4, seed=0, held_out=12)
    with pytest.raises(ValueError, match="held_out must be auto, or at least 0, got -1"):
        Stream(Numbers(10), batch_size=4, seed=0, held_out=-1)


def test_a_density_draws_what_it_holds_out_by_name():
    stream = Stream(Gaussian(), batch_size=4, seed=0)
    first, again, other = (stream.held_out("a", step).x for step in (1, 1, 2))
    assert len(first) == 1024
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_labels_go_with_their_batch():
    stream = Stream(Numbers(10, points=True), batch_size=4, seed=0, held_out=2)
    for _ in range(5):
        x = next(stream)
        assert torch.equal(x[:, 0].long(), stream.labels)
    held = stream.held_out("a")
    assert torch.equal(held.x[:, 0].long(), held.y)
    assert stream.classes == 10, "also where the last class is held out"
    without = Stream(Numbers(10), batch_size=4, seed=0)
    next(without)
    assert without.labels is None
    assert without.classes is None


@pytest.mark.parametrize("data", [Numbers(64), Gaussian()])
def test_a_twin_gives_the_same_data_in_another_order_and_moves_nothing(data):
    stream = Stream(data, batch_size=16, seed=0)
    twin = stream.twin()
    next(stream)
    expected = Stream(data, batch_size=16, seed=0)
    next(expected)
    x = next(twin)
    assert not torch.equal(x, next(expected))
    expected.cursor = 1
    assert torch.equal(next(stream), next(expected))


# The fingerprint: what a resumed run must find again


class Given:
    """A source of these very examples."""

    flip = False

    def __init__(self, x: torch.Tensor, y: torch.Tensor | None = None) -> None:
        self.x, self.y, self.shape = x, y, tuple(x.shape[1:])

    def load(self) -> Examples:
        return Examples(self.x, self.y)


X = torch.arange(96, dtype=torch.uint8).view(8, 3, 2, 2)


def fingerprint(x, y=None, **options):
    return Stream(Given(x, y), batch_size=2, **{"seed": 0} | options).fingerprint


def test_the_fingerprint_is_of_the_data_and_nothing_else():
    words = "8 examples of 3 x 2 x 2, 1 held out"
    pixels = hashlib.sha256(bytes(range(96))).hexdigest()
    digest = hashlib.sha256(f"{words}, torch.uint8, {pixels}".encode()).hexdigest()
    assert fingerprint(X, held_out=1) == f"{words}, sha256 {digest[:32]}"
    strided = X.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # equal values, another order in memory
    assert not strided.is_contiguous()
    assert fingerprint(X) == fingerprint(X.clone(), seed=5) == fingerprint(strided)


@pytest.mark.parametrize(
    ("x", "y", "options"),
    [
        (X[:7], None, {}),
        (X.flip(0), None, {}),
        (X ^ torch.eye(96)[95].view_as(X).byte(), None, {}),  # the last bit of the last value
        (X.view(8, 2, 3, 2), None, {}),
        (X.float(), None, {}),
        (X, torch.zeros(8, dtype=torch.int64), {}),
        (X, None, {"held_out": 1}),
    ],
    ids=["fewer", "another order", "one bit", "shape", "type", "labels", "held out"],
)
def test_any_other_data_have_another_fingerprint(x, y, options):
    assert fingerprint(x, y, **options) != fingerprint(X)


def test_labels_count_in_the_fingerprint():
    y = torch.arange(8)
    assert fingerprint(X, y) != fingerprint(X, y.flip(0))


def test_a_density_has_no_fingerprint_and_a_twin_has_the_same():
    assert Stream(Ring(), batch_size=2, seed=0).fingerprint is None
    stream = Stream(Given(X), batch_size=2, seed=0)
    assert stream.twin().fingerprint == stream.fingerprint
