"""What built parts owe each other: shapes, scalars, batches. Each check returns the mistakes that it finds."""

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_cli.aids import Aids
from gan_cli.alarms import ALARMS
from gan_cli.bounds import MANY, memory
from gan_cli.check import Problem, did_you_mean
from gan_cli.data import Stream
from gan_cli.health import Thresholds
from gan_cli.losses import Loss
from gan_cli.penalties import Penalty
from gan_cli.pictures import evaluating
from gan_cli.scores import PREFIX, SCORES, tag
from gan_cli.settings import TrainConfig
from gan_cli.targets import locate
from gan_cli.trackers import METHODS

# What a class that a config names must be, by the path of its node; losses, priors and data sets are tried out instead.
KINDS: Mapping[str, type] = {
    "model.generator": nn.Module,
    "model.discriminator": nn.Module,
    "penalty": Penalty,
    "train": TrainConfig,
    "aids": Aids,
    "health": Thresholds,
}


@contextmanager
def noting(net: nn.Module, put_out: list[int]) -> Iterator[None]:
    """Notes the bytes that each layer puts out. What makes a layer's weights, such as a spectral norm, is no layer."""

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and not getattr(module, "inplace", False):
            put_out.append(output.numel() * output.element_size())

    made = {part for module in net.modules() for norm in _made_by(module) for part in norm.modules()}
    layers = [m for m in net.modules() if m not in made and made.issuperset(m.children())]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _made_by(module: nn.Module) -> list[nn.Module]:
    return [child for name, child in module.named_children() if name == "parametrizations"]


def batch(
    train: TrainConfig | None,
    pack: int,
    put_out: Mapping[str, int],
    inputs: Mapping[str, tuple[int, ...]],
    device: torch.device,
    memories: int = 1,
) -> Iterator[Problem]:
    """What a step keeps of a batch for its gradients has to fit in memory.

    Args:
        memories: that share the batch evenly.
        put_out: bytes that the layers of each network put out for one sample, by its path.
        inputs: the shape of one input of each.
    """
    if train is None or put_out.keys() != inputs.keys():
        return
    G, D = put_out["model.generator"], put_out["model.discriminator"]
    d_step = 2 * D // pack + (G if train.fakes == "reused" else 0)  # G's pass in D's step keeps nothing otherwise
    kept = max(d_step, G + D // pack)
    share = train.batch_size // memories
    need = share * (kept + 4 * sum(math.prod(shape) for shape in inputs.values()))
    if need > memory(device):
        yield Problem(
            "train.batch_size",
            f"{share:,} samples take {need / 1e9:,.1f} GB in the layers of G and D, and there are "
            f"{memory(device) / 1e9:,.1f} GB of memory; take fewer",
        )


def optimizer(path: str, made: Any) -> Iterator[Problem]:
    """An optimizer moves weights by its gradient alone, and does move them."""
    if made is None:
        return
    if not isinstance(made, torch.optim.Optimizer):
        yield Problem(f"{path}._target_", f"makes a {type(made).__name__}, expected a torch.optim.Optimizer")
        return
    lr = made.defaults.get("lr")
    if isinstance(lr, int | float) and not lr > 0:
        yield Problem(f"{path}.lr", f"must be greater than 0, got {lr}")
    closure = inspect.signature(type(made).step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        name = type(made).__name__
        yield Problem(f"{path}._target_", f"{name} wants to evaluate the loss itself; use Adam, AdamW, RMSprop or SGD")


def momentum(train: TrainConfig | None, *optimizers: torch.optim.Optimizer | None) -> Iterator[Problem]:
    """Momentum can move only where there is some."""
    if train is None or train.momentum_final is None:
        return
    for name in sorted({type(o).__name__ for o in optimizers if o is not None and not o.defaults.get("momentum")}):
        yield Problem(
            "train.momentum_final",
            f"{name} has no momentum to move from here; use optimizer=sgd with optimizer.momentum=0.5, or null",
        )


def standardise(model: Mapping[str, Any], shape: tuple[int, ...]) -> Iterator[Problem]:
    """Networks that standardise take moments, and those of points of a few numbers."""
    for player in ("generator", "discriminator"):
        name = model[player]["_target_"]
        if "moments" not in inspect.signature(locate(name)).parameters:
            why = f"{name} takes no moments of the data; leave it out, or use model=mlp"
            yield Problem("model.standardise", why)
            return
    if len(shape) == 3 or math.prod(shape) > MANY:
        why = f"is for points of at most {MANY} numbers; the data set gives {list(shape)}; leave it out"
        yield Problem("model.standardise", why)


def labels(reals: Stream, pack: int, train: TrainConfig) -> Iterator[Problem]:
    """Conditional networks need labels that count from 0, each of a sample of its own."""
    held = reals.held_out("labels")
    parts = [y for y in (reals.y, None if held is None else held.y) if y is not None]
    if not parts:
        why = f"{type(reals.data).__name__} has no labels; use data with labels, or conditional=false"
        yield Problem("model.conditional", why)
    elif (least := min(int(y.min()) for y in parts)) < 0:
        why = f"labels must be 0 or more, and the data have {least}; give them numbers from 0 on"
        yield Problem("model.conditional", why)
    if pack > 1:
        yield Problem("model.pack", "a pack has no label of its own; use pack=1, or conditional=false")
    if train.g_is_data:
        yield Problem("train.g_is_data", "g_is_data draws without labels; leave it out, or use conditional=false")


def _takes(net: nn.Module, inputs: int) -> bool:
    """Whether a network can be called with so many inputs; as far as can be told."""
    try:
        inspect.signature(net.forward).bind(*[None] * inputs)
    except TypeError:
        return False
    except ValueError:  # no signature to look at
        return True
    return True


def maps(
    path: str,
    net: nn.Module,
    given: tuple[int, ...],
    wanted: tuple[int, ...],
    classes: int | None,
    put_out: dict[str, int],
) -> Iterator[Problem]:
    """A network must map what it gets to what the other one, or the loss, needs.

    Args:
        put_out: where the bytes are noted that its layers put out for one sample.
    """
    sizes: list[int] = []
    if classes is not None and not _takes(net, 2):
        yield Problem(path, "knows no labels; use model=dcgan, mlp, resnet or r3gan, or conditional=false")
        return
    try:
        # Evaluation mode: the trial neither needs a batch nor leaves a trace in running statistics.
        with torch.no_grad(), evaluating(net), noting(net, sizes):
            y = [] if classes is None else [torch.zeros(given[0], dtype=torch.int64)]
            found = tuple(net(torch.zeros(given), *y).shape)
        put_out[path] = sum(sizes) // given[0]
        if found != wanted:
            yield Problem(path, f"maps {list(given)} to {list(found)}, expected {list(wanted)}")
    except Exception as error:  # whatever a user's own network raises
        yield Problem(path, f"fails on an input of shape {list(given)}: {error}")


def batch_norm(
    G: nn.Module | None,
    D: nn.Module | None,
    penalty: Penalty | None,
    train: TrainConfig | None,
    pack: int,
    processes: int = 1,
) -> Iterator[Problem]:
    """Batch norm needs a batch, and takes each sample's own slope away.

    Args:
        processes: that normalise their share of a batch each for itself.
    """
    normed = [any(isinstance(m, _BatchNorm) for m in net.modules()) for net in (G, D) if net is not None]
    if any(normed) and train is not None and train.batch_size // processes // pack <= 1:
        each = " in each process" if processes > 1 else ""
        why = f"batch norm needs more than 1 sample{each}; use a larger batch, or another norm of the model"
        yield Problem("train.batch_size", why)
    if D is not None and normed[-1] and penalty is not None and penalty.per_sample:
        why = "has batch norm, and this penalty needs each sample's own slope; take it out, or set penalty=none"
        yield Problem("model.discriminator", why)


def aids_and_packs(
    aids: Aids | None, pack: int, train: TrainConfig | None, shape: tuple[int, ...] | None
) -> Iterator[Problem]:
    """Augmentation is for images, a batch has to be made of whole packs, and read-outs need two."""
    if aids is not None and aids.augment and shape is not None and len(shape) != 3:
        yield Problem("aids.augment", f"is for images; the data set gives {list(shape)}")
    if train is not None and train.batch_size % pack:
        why = f"{train.batch_size} samples are no whole packs; take a multiple of model.pack={pack}"
        yield Problem("train.batch_size", why)
    if train is not None and train.held_out != "auto" and train.held_out < 2 * pack:
        why = f"{train.held_out} held out are fewer than two packs; hold out {2 * pack} examples or more"
        yield Problem("train.held_out", why)


def alarms(train: TrainConfig | None) -> Iterator[Problem]:
    """A run stops on alarms that there are."""
    for name in train.stop_on if train is not None else ():
        if name not in ALARMS:
            yield Problem("train.stop_on", f"there is no alarm {name!r}{did_you_mean(name, ALARMS)}")


def evaluation(train: TrainConfig | None) -> Iterator[Problem]:
    """An evaluation measures metrics that there are; whether the data have them is known when they are read."""
    for name in (train.eval_metrics or ()) if train is not None else ():
        if name.removeprefix("+") not in SCORES:
            yield Problem("train.eval_metrics", f"there is no metric {name!r}{did_you_mean(name, SCORES)}")
    judge = train.judge[0] if train is not None and train.judge else ""
    if judge.startswith(PREFIX) and judge.removeprefix(PREFIX) not in SCORES:
        yield Problem("train.keep_best", f"there is no metric {judge!r}{did_you_mean(judge, map(tag, SCORES))}")


def trackers(made: Mapping[str, object]) -> list[Problem]:
    """Each tracker has the four methods that are called."""
    return [
        Problem(f"logger.{name}", f"{type(tracker).__name__} has no method {method}(); see gan_cli.trackers.Tracker")
        for name, tracker in made.items()
        for method in METHODS
        if tracker is not None and not callable(getattr(tracker, method, None))
    ]


def loss_and_prior(loss: Any, prior: Any) -> Iterator[Problem]:
    """A user's own loss and prior must give what the loop reads."""
    logits = torch.zeros(2)
    try:
        if loss is not None:
            scalars = [*loss.discriminator(logits, logits).values(), loss.generator(logits, logits)]
            if not isinstance(loss, Loss):
                raise TypeError("it must be a subclass of gan_cli.losses.Loss")
            scalars += [loss.estimate(logits, logits)] if loss.divergence else []
            if any(part.shape != () for part in scalars):
                raise TypeError("D's parts, G's loss and the estimate of a divergence must be scalars")
    except Exception as error:  # whatever a user's own class raises
        yield Problem("loss", f"is no loss: {str(error) or type(error).__name__}")
    try:
        if prior is not None and prior.sample(2, torch.Generator()).shape != (2, prior.dim):
            raise TypeError("sample(n, generator) must give [n, dim]")
    except Exception as error:
        yield Problem("prior", f"is no prior: {str(error) or type(error).__name__}")
