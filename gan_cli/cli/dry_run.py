"""`dry_run=true`: what a run is made of and what it would cost."""

import sys
import time

import torch
from rich.console import Console as Terminal
from rich.table import Table
from torch import Tensor, nn

from gan_cli.console import duration
from gan_cli.forward import call
from gan_cli.loop import turn
from gan_cli.run import Run


def dry_run(run: Run, terminal: Terminal) -> None:
    """Take a step to warm up and some to time, and print parts, shapes, parameters, memory and time."""
    shape, batch = tuple(run.reals.shape), run.cfg.batch_size
    # Looked at, not read: the first batch, on which a lazy penalty falls, belongs to the step that warms up.
    x, y = run.reals.peek_labelled(batch, "dry run")
    y = None if run.classes is None else y
    layers = layer_shapes(run.G, run.z(batch), y), layer_shapes(run.D, run.see(x), y)
    turn(run)
    turns = max(2, run.penalty.every)  # a lazy penalty comes with its share
    _wait(run.device)
    begin = time.perf_counter()
    for _ in range(turns):
        turn(run)
    _wait(run.device)
    seconds = (time.perf_counter() - begin) / turns

    for name, rows, net in zip(("G", "D"), layers, (run.G, run.D), strict=True):
        table = Table("layer", "output", title=f"{name}  {type(net).__module__}", title_justify="left")
        table.add_column("parameters", justify="right")
        for layer, output, parameters in rows:
            table.add_row(layer, " x ".join(map(str, output)), f"{parameters:,}" if parameters else "")
        table.add_section()
        table.add_row("total", "", f"{sum(p.numel() for p in net.parameters()):,}")
        terminal.print(table)
    held = run.reals.held_out("dry run")
    aside = f" and {len(held.x):,} held out" if held is not None else ""
    examples = "endless" if run.reals.size is None else f"{run.reals.size:,} examples{aside}"
    held_bytes = memory(run.device)
    per_step = run.cfg.batch_size * run.cfg.d_steps
    facts = {
        "data": f"{type(run.reals.data).__name__}, {examples}, each {' x '.join(map(str, shape))}",
        "prior": f"{type(run.prior).__name__}, dim {run.prior.dim}",
        "loss": type(run.loss).__name__,
        "penalty": type(run.penalty).__name__,
        "optimizers": f"G {_optimizer(run.opt_G)}; D {_optimizer(run.opt_D)}",
        "device": str(run.device) + ("" if run.ranks.alone else f", {run.ranks.size} processes; this is one of them"),
        "memory": "unknown on this system" if held_bytes is None else f"{held_bytes / 2**20:,.0f} MiB",
        "time a step": f"{seconds * 1e3:,.1f} ms ({per_step / seconds:,.0f} images/s)",
        "total": f"{run.steps:,} steps, about {duration(seconds * run.steps)}",
    }
    for key, value in facts.items():
        terminal.print(f"{key:12} {value}", markup=False)
    terminal.print("nothing was written: this was dry_run=true")


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _optimizer(optimizer: torch.optim.Optimizer) -> str:
    return f"{type(optimizer).__name__} lr {optimizer.defaults['lr']:g}"


def layer_shapes(net: nn.Module, x: Tensor, y: Tensor | None = None) -> list[tuple[str, tuple[int, ...], int]]:
    """Name, output shape and own parameters of every layer that `x`, or `x` of the classes `y`, passes, in order."""
    rows: list[tuple[str, tuple[int, ...], int]] = []

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            name = type(module).__name__.removeprefix("Parametrized")  # what a spectral norm makes of a name
            rows.append((name, tuple(output.shape), _own(module)))

    inside = {part for module in net.modules() for norm in _norms_under(module) for part in norm.modules()}
    layers = [m for m in net.modules() if m not in inside and (_own(m) or not any(m.children()))]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            call(net, x, y)
    finally:
        for handle in handles:
            handle.remove()
    return rows


def _norms_under(module: nn.Module) -> list[nn.Module]:
    """What makes a module's weights, where they are made: a spectral norm, with the weights that it divides."""
    return [norms for norms in [module._modules.get("parametrizations")] if norms is not None]


def _own(module: nn.Module) -> int:
    """The parameters of a module itself, those under a spectral norm included."""
    under = [p for norms in _norms_under(module) for p in norms.parameters()]
    return sum(p.numel() for p in [*module.parameters(recurse=False), *under])


def memory(device: torch.device) -> int | None:
    """The most bytes held so far: by torch on a GPU, by the whole process elsewhere; None where nobody counts them."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
