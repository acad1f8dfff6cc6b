"""A small classifier trained on the spot: features for labelled images where there are no weights from elsewhere.

Its Fréchet distance is called CFD, classifier Fréchet distance. It is no FID, and those of two classifiers cannot be
compared: the name and the digest of the space say which one it was.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gan_cli import state
from gan_cli.errors import DataError
from gan_cli.features.network import SIDES, Network, fits, prepared
from gan_cli.features.space import Embedding, by
from gan_cli.reading import is_regular
from gan_cli.seeds import derive, generator

RECIPE = 1  # counted up when anything of this file or of network.py changes what comes out
SEED = 0
EPOCHS, LEAST = 6, 16_000  # at least so often over the images, and so many images in all
BATCH, SMALL = 64, 32  # the smaller one below 10,000 images
RATE, DECAY = 4e-3, 1e-2
MAX_CLASSES = 1024
HELD_OUT = 10  # one in so many, where no test images are given
MOST = 100_000  # images that are learned from, drawn at random: of millions in a mapped file, memory holds no copy
Say = Callable[[str], None]


@dataclass(frozen=True)
class Classifier(Embedding):
    """A trained classifier as a space: 128 features after its last ReLU, and logits of the data's labels."""

    held_out: float = 0.0  # share of held-out images that it is right about
    n_held_out: int = 0


def classifier(
    x: Tensor,
    y: Tensor,
    x_test: Tensor | None = None,
    y_test: Tensor | None = None,
    *,
    name: str,
    cache: Path | None = None,
    say: Say = lambda _: None,
    device: str = "cpu",
) -> Classifier:
    """Train a classifier, or take the one that was trained on the same images before.

    A function of the images and of the machine alone: it draws from generators of its own, on one core, and leaves the
    global random state, the number of threads and the grad mode as they were. A minute for 60,000 images of 32 x 32.
    On another kind of processor its last bits are others, and so is the digest.

    Args:
        x, y: uint8 [N, C, H, W] with sides of 8 to 64, and their labels, int64 [N], from 0.
        x_test, y_test: held-out images; without them, a tenth of x is held out, always the same.
        name: of the data, such as mnist.
        cache: the folder of all caches; None keeps the classifier nowhere.
        say: gets a line an epoch.
        device: to compute features on; it is trained on the CPU.

    Raises:
        DataError: images or labels that it cannot learn from.
    """
    if (why := why_not(x, y)) is not None:
        raise DataError(f"{why}\nuse principal components or pixels")
    key = _digest(RECIPE, x, y, x_test, y_test)
    drawn = torch.randperm(len(x), generator=generator(SEED, "held out"))[:MOST]
    rows = torch.arange(len(x)) if len(x) <= MOST else drawn
    if x_test is None or y_test is None:
        apart, rows = drawn.tensor_split([len(drawn) // HELD_OUT])
        x_test, y_test = x[apart], y[apart]
    assert x_test.shape == (len(y_test), *x.shape[1:]) and len(y_test) > 0
    classes, shape = int(max(y.max(), y_test.max())) + 1, tuple(x.shape[1:])
    title = f"classifier-{name}-{shape[1] if shape[1] == shape[2] else by(shape[1:]).replace(' ', '')}"
    with _by_itself():
        net = Network(shape, classes)
        path = cache / "classifiers" / f"{key[:32]}.safetensors" if cache is not None else None
        held_out = None if path is None else _load(path, key, net, say)
        if held_out is None:
            _fit(net, x, y, rows, lambda text: say(f"{title}: {text}"))
            net.eval()
            held_out = _right(net, x_test, y_test)
            say(f"{title}: {held_out:.2%} of {len(x_test):,} held-out images right")
            if path is not None:
                _save(path, key, net, held_out, say)
    net.eval().requires_grad_(False)
    preprocessing = f"pixels of {by(shape)} to [-1, 1]"
    return Classifier(
        name=title,
        digest=state.digest({"recipe": RECIPE, "preprocessing": preprocessing, "weights": net.state_dict()}),
        distance="cfd",
        preprocessing=preprocessing,
        classes=classes,
        of=net.to(device).of,
        shape=shape,
        device=device,
        held_out=held_out,
        n_held_out=len(x_test),
    )


def why_not(x: Tensor, y: Tensor | None) -> str | None:
    """Why no classifier can be trained on images x with labels y; None where one can."""
    found = f"{str(x.dtype).removeprefix('torch.')} of {by(tuple(x.shape[1:]))}"
    if x.dtype != torch.uint8 or x.ndim != 4 or not fits(tuple(x.shape)):
        return f"a classifier takes uint8 images with sides of {SIDES[0]} to {SIDES[1]}, got {found}"
    if y is None or y.dtype != torch.int64 or y.shape != x.shape[:1]:
        return f"a classifier takes a label for each image, got {'none' if y is None else list(y.shape)}"
    seen = y.unique()
    if len(x) < 2 * HELD_OUT or len(seen) < 2:
        return f"a classifier takes {2 * HELD_OUT} images of two classes or more, got {len(x)} of {len(seen)}"
    if seen[0] < 0 or seen[-1] >= MAX_CLASSES:
        return f"a classifier takes labels of 0 to {MAX_CLASSES - 1}, got {int(seen[0])} to {int(seen[-1])}"
    return None


def _fit(net: Network, x: Tensor, y: Tensor, rows: Tensor, say: Say) -> None:
    """Cross-entropy; AdamW with one cycle of the rate (Smith and Topin 2017, arXiv:1708.07120)."""
    batch = BATCH if len(rows) >= 10_000 else min(SMALL, len(rows))
    each = len(rows) // batch  # a last batch of few would spoil what batch norm remembers
    epochs = max(EPOCHS, -(-LEAST // len(rows)))
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * each, pct_start=0.25)
    net.train()
    for epoch in range(epochs):
        if len(rows) >= 10_000 or epoch == 0:  # the rest of a small one takes seconds
            say(f"training on {len(rows):,} images, epoch {epoch + 1} of {epochs}")
        order = rows[torch.randperm(len(rows), generator=generator(SEED, "order", epoch))]
        for some in order[: each * batch].split(batch):
            optimizer.zero_grad()
            cross_entropy(net(prepared(x[some])), y[some]).backward()
            optimizer.step()
            schedule.step()


@torch.no_grad()
def _right(net: Network, x: Tensor, y: Tensor) -> float:
    """The share of images whose label it finds."""
    right = [net(prepared(part)).argmax(1) == labels for part, labels in zip(x.split(500), y.split(500), strict=True)]
    return float(torch.cat(right).double().mean())


@contextmanager
def _by_itself() -> Iterator[None]:
    """Train as in a fresh process of one core, and leave no trace: a GAN may be in training around it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums are in the same order, whatever else the process may use
    try:
        with (
            torch.random.fork_rng(devices=[]),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
        ):
            torch.default_generator.manual_seed(derive(SEED, "classifier"))  # not of the GPUs: they are not forked
            yield
    finally:
        torch.set_num_threads(threads)


def _digest(recipe: int, *tensors: Tensor | None) -> str:
    sha = hashlib.sha256(str(recipe).encode())
    for t in tensors:
        sha.update(repr(None if t is None else (str(t.dtype), tuple(t.shape))).encode())
        if t is not None:
            values = t.contiguous().numpy()
            sha.update(np.asarray(values, values.dtype.newbyteorder("<")).data)
    return sha.hexdigest()


def _save(path: Path, key: str, net: nn.Module, held_out: float, say: Say) -> None:
    """Keep it, whole or not at all; whoever else trains the same one comes to the same file."""
    content: dict[str, Any] = {"key": key, "held_out": held_out, "weights": net.state_dict()}
    unfinished = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(state.to_bytes(content | {"digest": state.digest(content)}))
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        say(f"the classifier cannot be kept in {path.parent}: {error.strerror}; it is trained anew next time")


def _load(path: Path, key: str, net: nn.Module, say: Say) -> float | None:
    """Fill the network from a file, which may be anybody's; give its held-out accuracy, or None where it is no good."""
    from safetensors import SafetensorError

    if not is_regular(path):
        return None
    planned = {name: weights.clone() for name, weights in net.state_dict().items()}
    try:
        content = state.read(path, limit=sum(t.numel() * t.element_size() for t in planned.values()))
        digest, held_out, weights = content.pop("digest"), content["held_out"], content["weights"]
        if content["key"] != key or digest != state.digest(content) or not 0 <= held_out <= 1:
            raise ValueError("its digest is another one")
        net.load_state_dict(weights)
        return float(held_out)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        say(f"{path} is damaged; the classifier is trained anew")
        net.load_state_dict(planned)
        return None
