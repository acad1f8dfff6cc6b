"""The reference: a loop with the semantics of the standard PyTorch tutorial on DCGAN, written anew. Also a script,
which says when its first step is done:

    python -m bench.tutorial DATA.npy
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader, Dataset, RandomSampler

WORKERS = 2


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images of one array, one at a time: as a PIL image, through the transforms, as torchvision's MNIST gives them.

    In favour of the tutorial: its own images are JPEG files, which are decoded, scaled and cropped besides.
    """

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        from torchvision import transforms

        self.array = array
        half = (0.5,) * (array.shape[3] if array.ndim == 4 else 1)
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(half, half)])

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.array[index])), 0


class Points(Dataset[tuple[Tensor, int]]):
    """Points of one array, one at a time."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.from_numpy(self.array[index]), 0


def batches(path: Path, batch: int) -> Iterator[Any]:
    """Batches from two workers, shuffled, for ever.

    In favour of the tutorial: one endless epoch, so that no worker is ever started again.
    """
    array = np.load(path)
    data = Points(array) if array.ndim == 2 else Pictures(array)
    order = RandomSampler(data, replacement=True, num_samples=2**40)
    return iter(DataLoader(data, batch_size=batch, sampler=order, num_workers=WORKERS))


class Loop:
    """Two backward calls for D, label tensors and BCE on probabilities, `.item()` of five figures each step, gradients
    of D's weights computed in G's step and thrown away by the next `zero_grad`, Adam as it comes.

    Args:
        G, D: D gives logits; the sigmoid that BCE needs is put on top of it.
        batches: of real samples.
    """

    def __init__(self, G: nn.Module, D: nn.Module, dim: int, batches: Iterator[Any], device: torch.device) -> None:
        self.G, self.D, self.dim, self.batches, self.device = G, nn.Sequential(D, nn.Sigmoid()), dim, batches, device
        self.criterion = nn.BCELoss()
        self.opt_D = Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_G = Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.losses: list[tuple[float, float]] = []  # of D and of G, kept to be plotted at the end

    def step(self) -> None:
        self.D.zero_grad()
        real = next(self.batches)[0].to(self.device)
        n = real.size(0)
        label = torch.full((n,), 1.0, dtype=torch.float, device=self.device)
        output = self.D(real).view(-1)
        loss_real = self.criterion(output, label)
        loss_real.backward()
        output.mean().item()
        fake = self.G(torch.randn(n, self.dim, device=self.device))
        label.fill_(0.0)
        output = self.D(fake.detach()).view(-1)
        loss_fake = self.criterion(output, label)
        loss_fake.backward()
        output.mean().item()
        loss_D = loss_real + loss_fake
        self.opt_D.step()

        self.G.zero_grad()
        label.fill_(1.0)
        output = self.D(fake).view(-1)
        loss_G = self.criterion(output, label)
        loss_G.backward()
        output.mean().item()
        self.opt_G.step()
        self.losses.append((loss_D.item(), loss_G.item()))


class CriticLoop:
    """The same with a critic (WGAN-GP): new data and a penalty for each of its updates, D's weights not frozen."""

    def __init__(self, loop: Loop, d_steps: int, penalty: Any) -> None:
        self.G, self.D, self.dim, self.batches, self.device = loop.G, loop.D[0], loop.dim, loop.batches, loop.device
        self.opt_G, self.opt_D, self.losses = loop.opt_G, loop.opt_D, loop.losses
        self.d_steps, self.penalty = d_steps, penalty

    def step(self) -> None:
        for _ in range(self.d_steps):
            self.D.zero_grad()
            real = next(self.batches)[0].to(self.device)
            fake = self.G(torch.randn(real.size(0), self.dim, device=self.device)).detach()
            loss_D = self.D(fake).mean() - self.D(real).mean() + self.penalty(self.D, real, fake)
            loss_D.backward()
            self.opt_D.step()
            value = loss_D.item()
        self.G.zero_grad()
        loss_G = -self.D(self.G(torch.randn(real.size(0), self.dim, device=self.device))).mean()
        loss_G.backward()
        self.opt_G.step()
        self.losses.append((value, loss_G.item()))


def main(path: Path) -> None:
    """DCGAN of 64 base channels on images of 32 pixels in one channel: the first step, and the clocks at its end."""
    from gan_cli.models.dcgan import Discriminator, Generator  # nothing of it imports more than torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    shape = (1, 32, 32)
    G, D = Generator(shape, 100).to(device), Discriminator(shape).to(device)
    Loop(G, D, 100, batches(path, 128), device).step()
    from bench.clock import now

    print(time.time(), now(device).cpu, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
