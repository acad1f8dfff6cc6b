"""What a run's bits depend on beside its seed: the machine, and the random generators that PyTorch keeps for itself."""

from typing import Any

import torch
from torch import Tensor

from gan_cli import cpu


def machine() -> dict[str, Any]:
    """What the last bits of a result depend on, beside the seed."""
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_initialized() else {}
    return gpu | {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "vendor": cpu.vendor(),  # libraries choose their code by it
    }


def fast_float32(device: torch.device, allowed: bool) -> None:
    """Whether a GPU of Nvidia may round the factors of float32 products and convolutions to TF32, 11 of their 24 bits,
    and take the sums in float32; for the whole process. Elsewhere nothing changes.

    PyTorch's newer settings, one for each library, are left alone: with them its own older ones cannot be read.
    """
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high" if allowed else "highest")
        torch.backends.cudnn.allow_tf32 = allowed


def device_random(device: torch.device) -> Tensor | None:
    """The state of the device's own random generator; None on a CPU, which has the global one."""
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None


def set_device_random(device: torch.device, state: Tensor | None) -> None:
    """Put back what `device_random` gave."""
    if state is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    elif state is not None and device.type == "mps":
        torch.mps.set_rng_state(state)


def size_of(*states: Any) -> int:
    """Bytes of the tensors in some state dicts."""
    return sum(t.numel() * t.element_size() for state in states for t in state.values() if isinstance(t, Tensor))


def not_finite(**states: Any) -> list[str]:
    """The tensors of state dicts, by their dotted names, that hold NaN or infinity. Waits for the device once."""
    names, answers = [], []
    for name, t in _tensors(states):
        if t.is_floating_point():
            names.append(name)
            answers.append(t.isfinite().all())
    found = torch.stack([a.to(answers[-1].device) for a in answers]).tolist() if answers else []
    return [name for name, fine in zip(names, found, strict=True) if not fine]


def _tensors(value: Any, path: str = "") -> list[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        return [(path, value)]
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return [found for key, inner in inside for found in _tensors(inner, f"{path}.{key}" if path else str(key))]
