"""`python -m bench kernels`: how fast the machine multiplies, in the shapes of real layers.

Matrix products in float32 by the library that PyTorch chooses and by the one that gan-cli lets it choose, and in
bfloat16; the convolutions of a DCGAN at 64 pixels, forward and both gradients, in both memory formats and precisions,
beside the same gradient of the weights by im2col and a matrix product. GFLOP/s of CPU time, the best of some rounds in
which all take turns; a share at the end says what the best kernel of each would save of a whole step's convolutions.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.words import RAW
from gan_cli import products

BATCH = 128
LAYERS = ((3, 64, 64), (64, 128, 32), (128, 256, 16), (256, 512, 8))  # channels in and out, side; stride 2
PRODUCTS = ((64, 784, 256), (256, 256, 256), (2048, 4096, 512))


def best(works: dict[str, Callable[[], object]], flop: float, rounds: int = 4) -> dict[str, float]:
    """GFLOP/s of each."""
    counts, found = {}, dict.fromkeys(works, 0.0)
    for name, work in works.items():
        begin = time.process_time()
        work()
        work()
        counts[name] = max(1, int(0.1 / max(time.process_time() - begin, 1e-6)))
    for _ in range(rounds):
        for name, work in works.items():
            begin = time.process_time()
            for _ in range(counts[name]):
                work()
            found[name] = max(found[name], flop * counts[name] / (time.process_time() - begin) / 1e9)
    return found


def gradient_by_product(x: Tensor, g: Tensor) -> Tensor:
    """The gradient of the weights of a convolution of 4 x 4, stride 2, padding 1: im2col, and one matrix product.

    Args:
        x: [N, C, H, W], channels last.
        g: the gradient of what came out, [N, O, H/2, W/2].
    """
    rows = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).unfold(1, 4, 2).unfold(2, 4, 2)  # [N, h, w, C, 4, 4]
    rows = rows.permute(0, 1, 2, 4, 5, 3).reshape(-1, 16 * x.shape[1])
    flat = g.permute(0, 2, 3, 1).reshape(-1, g.shape[1])
    return (flat.t() @ rows).view(g.shape[1], 4, 4, x.shape[1]).permute(0, 3, 1, 2)


def backward(g: Tensor, x: Tensor, w: Tensor, of_input: bool) -> Callable[[], object]:
    wanted = (of_input, not of_input, False)
    run = torch.ops.aten.convolution_backward
    return lambda: run(g, x, w, None, (2, 2), (1, 1), (1, 1), False, (0, 0), 1, wanted)


def layer(inputs: int, outputs: int, side: int) -> tuple[float, dict[str, float]]:
    """FLOP of one pass, and GFLOP/s of each way."""
    works: dict[str, Callable[[], object]] = {}
    for kind, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        for order, memory in (("", torch.contiguous_format), (" last", torch.channels_last)):
            x = torch.randn(BATCH, inputs, side, side).to(dtype).contiguous(memory_format=memory)
            w = torch.randn(outputs, inputs, 4, 4).to(dtype).contiguous(memory_format=memory)
            g = torch.randn_like(F.conv2d(x, w, stride=2, padding=1))
            works[f"{kind}{order}: out"] = lambda x=x, w=w: F.conv2d(x, w, stride=2, padding=1)  # type: ignore[misc]
            works[f"{kind}{order}: dx"] = backward(g, x, w, True)
            works[f"{kind}{order}: dw"] = backward(g, x, w, False)
        works[f"{kind} last: dw by product"] = lambda x=x, g=g: gradient_by_product(x, g)  # type: ignore[misc]
    flop = 2.0 * BATCH * outputs * inputs * 16 * (side // 2) ** 2
    return flop, best(works, flop)


def matrices(rows: int, inputs: int, outputs: int) -> dict[str, float]:
    """GFLOP/s of x w^T by both libraries, and in bfloat16."""
    x, w = torch.randn(rows, inputs), torch.randn(outputs, inputs)
    flop = 2.0 * rows * inputs * outputs
    found = best({"fp32, PyTorch's choice": lambda: F.linear(x, w)}, flop)
    if products.faster():
        found |= best({"fp32, oneDNN": lambda: F.linear(x, w)}, flop)
        torch.backends.mkldnn.matmul.fp32_precision = "none"  # type: ignore[attr-defined]
    a, b = x.bfloat16(), w.bfloat16()
    return found | best({"bf16": lambda: F.linear(a, b)}, flop)


def main(arguments: list[str]) -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser("python -m bench kernels", description=__doc__, formatter_class=RAW)
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args(arguments).threads)
    torch.manual_seed(0)
    print("| product | " + " | ".join(first := list(matrices(64, 64, 64))) + " |\n|---|" + "---|" * len(first))
    for shape in PRODUCTS:
        print(f"| {' x '.join(map(str, shape))} | " + " | ".join(f"{v:.0f}" for v in matrices(*shape).values()) + " |")
    products.faster()
    rows = {shape: layer(*shape) for shape in LAYERS}
    names = list(next(iter(rows.values()))[1])
    print("\n| convolution | " + " | ".join(f"{i} to {o}, {s} px" for i, o, s in rows), "|\n|---|" + "---|" * len(rows))
    for name in names:
        print(f"| {name} | " + " | ".join(f"{found[name]:.0f}" for _, found in rows.values()) + " |")
    for kind in ("fp32", "bf16"):
        now = saved = 0.0
        for flop, found in rows.values():
            out, dx, dw = (flop / found[f"{kind} last: {part}"] for part in ("out", "dx", "dw"))
            now += out + dx + dw
            saved += max(0.0, dw - flop / found[f"{kind} last: dw by product"])
        print(f"\n{kind}: the better gradient of weights of each layer would save {saved / now:.1%} of all this")
