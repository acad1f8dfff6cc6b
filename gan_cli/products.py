"""Which library multiplies float32 matrices on a CPU: the faster of two that are equally exact.

PyTorch asks MKL, which on processors of AMD keeps to instructions of half the width: 97 GFLOP/s a core where oneDNN,
which PyTorch has for convolutions, reaches 200 (docs/performance.md). It asks oneDNN for products, too, where that may
round their factors to bfloat16. On a processor without matrix units (AMX) oneDNN does not round, and multiplies
float32. That is not believed but tried: where products do not have the digits of float32, nothing changes.
Afterwards PyTorch's older word for all this, `torch.get_float32_matmul_precision()`, raises in this process.
"""

from typing import Any

import torch

from gan_cli import cpu

_SIDE = 96  # of the matrices of the trial: large enough for every kernel to be the one of large ones
_MOST = 2e-6  # of an error, relative to the norms: 24 bits give about 1e-7, the 8 of bfloat16 about 2e-3


def faster() -> bool:
    """Let oneDNN multiply float32 matrices where it is faster and exact, for the whole process.

    Where it is faster is not measured, so that the same machine has the same bits every time: AMD's with AVX-512.

    Returns:
        Whether it does.
    """
    switch = _switch()
    if switch is not None:
        switch.fp32_precision = "ieee"  # whatever a run on a GPU has left behind in this process
    if switch is None or cpu.vendor() != "AuthenticAMD" or not cpu.can("avx512f"):
        return False
    switch.fp32_precision = "bf16"
    if _exact():
        return True
    switch.fp32_precision = "ieee"
    return False


def _switch() -> Any:
    """PyTorch's setting, which came with 2.9; None in older versions."""
    found = getattr(torch.backends.mkldnn, "matmul", None)
    return found if hasattr(found, "fp32_precision") else None


def _exact() -> bool:
    """Whether products have the digits of float32, in all three shapes that a layer and its gradients take."""
    g = torch.Generator().manual_seed(0)
    a, b = (torch.randn(_SIDE, _SIDE, generator=g) for _ in range(2))
    exact = a.double() @ b.double()
    scale = exact.norm()
    products = (a @ b, a.t().contiguous().t() @ b, torch.nn.functional.linear(a, b.t().contiguous()))
    return all(float((p.double() - exact).norm() / scale) < _MOST for p in products)
