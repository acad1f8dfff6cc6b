"""The floor: the mathematics of both updates, and nothing else."""

import itertools

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bench.case import Case, make
from bench.contender import Contender
from gan_cli.losses import total
from gan_cli.models.layers import MinibatchStd


class Floor(Contender):
    """The least that any loop can do for these updates of these networks with these PyTorch operations.

    A true lower bound of gan-cli's step, because it does a part of the same operations and none besides. The networks,
    the loss, the penalty, the batch, the precision, the memory format and the fused optimizers are those that gan-cli
    builds. Batches are float tensors that were converted beforehand, where gan-cli gathers and converts. One pass of G
    serves both players (as with train.fakes=reused), and one pass of D both halves of its batch where D does not mix
    samples. D takes no gradient in G's step, and batch norm keeps no running statistics. There is no log, no average,
    no check, no read-out and no file.
    """

    BATCHES = 8  # enough that a batch is not in the processor's cache when it comes again

    def __init__(self, case: Case) -> None:
        run = make([*case.overrides(), "train.held_out=2", "train.ema_half_life_images=null"])
        self.device, self.G, self.D = run.device, run.G, run.D
        self.loss, self.penalty, self.dim, self.batch = run.loss, run.penalty, run.prior.dim, case.one.batch
        self.d_steps = case.one.d_steps
        self.opt_G, self.opt_D = run.opt_G, run.opt_D
        mixes = (_BatchNorm, MinibatchStd)
        self.at_once = not any(isinstance(module, mixes) for module in self.D.modules())  # D's samples in one pass
        self.weights = [p for p in self.D.parameters() if p.requires_grad]
        self.forward = run.forward  # in the run's precision
        for module in (*self.G.modules(), *self.D.modules()):
            if isinstance(module, _BatchNorm):
                module.track_running_stats = False
        # As they come: images of one or three channels with the channel last made every convolution of theirs slower.
        self.reals = itertools.cycle([next(run.reals).clone() for _ in range(self.BATCHES)])

    def noise(self) -> torch.Tensor:
        return torch.randn(self.batch, self.dim, device=self.device)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            for k in range(self.d_steps):
                with torch.set_grad_enabled(k == self.d_steps - 1):
                    fake = self.forward(self.G, self.noise())
                self.update_D(next(self.reals), fake.detach())
            self.update_G(fake)

    def update_D(self, x: torch.Tensor, fake: torch.Tensor) -> None:
        self.opt_D.zero_grad()
        if self.at_once:
            real_logits, fake_logits = self.forward(self.D, torch.cat([x, fake])).chunk(2)
        else:
            real_logits, fake_logits = self.forward(self.D, x), self.forward(self.D, fake)
        loss = total(self.loss.discriminator(real_logits, fake_logits))
        if self.penalty.active:
            loss = loss + self.penalty(self.D, x, fake)
        loss.backward()
        self.opt_D.step()

    def update_G(self, fake: torch.Tensor) -> None:
        for p in self.weights:
            p.requires_grad_(False)
        self.opt_G.zero_grad()
        self.loss.generator(self.forward(self.D, fake)).backward()
        self.opt_G.step()
        for p in self.weights:
            p.requires_grad_(True)
