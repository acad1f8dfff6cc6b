"""torchgan 0.1.0, the one package of its kind that still runs with today's PyTorch: an optional contender."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.case import Case, make_networks
from bench.contender import Contender
from bench.sets import Set
from bench.tutorial import batches


def missing(one: Set) -> str | None:
    """Why it cannot take part; None where it can."""
    if one.critic:
        return "torchgan's gradient penalty is another one (of the batch's slope, not each sample's); left out"
    if importlib.util.find_spec("torchgan") is None:
        return "torchgan is not installed (pip install --no-deps torchgan==0.1.0); left out"
    return None


class TorchGAN(Contender):
    """Its Trainer's own inner loop, with its losses, its logger (no TensorBoard, no console) and its figures of every
    gradient, on gan-cli's networks and the tutorial's DataLoader.

    In its favour: no epoch ends, so that it saves no model and draws no image.
    """

    def __init__(self, case: Case) -> None:
        os.environ |= {"TENSORBOARD_LOGGING": "0", "CONSOLE_LOGGING": "0", "VISDOM_LOGGING": "0"}
        from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
        from torchgan.models import Discriminator, Generator
        from torchgan.trainer import Trainer

        run = make_networks([*case.in_fp32().overrides(), "train.held_out=2"])
        self.device = run.device

        class G(Generator):  # type: ignore[misc]
            def __init__(self, net: nn.Module) -> None:
                super().__init__(run.prior.dim)
                self.net = net

            def forward(self, z: Tensor) -> Any:
                return self.net(z)

        class D(Discriminator):  # type: ignore[misc]
            def __init__(self, net: nn.Module) -> None:
                super().__init__(0)
                self.net = net

            def forward(self, x: Tensor) -> Any:
                return self.net(x)

        adam = {"name": torch.optim.Adam, "args": {"lr": 2e-4, "betas": (0.5, 0.999)}}
        models = {
            "generator": {"name": G, "args": {"net": run.G}, "optimizer": adam},
            "discriminator": {"name": D, "args": {"net": run.D}, "optimizer": adam},
        }
        place = Path(case.folder, "torchgan")
        self.trainer = Trainer(
            models,
            [MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()],
            device=self.device,
            checkpoints=str(place / "gan"),
            recon=str(place / "images"),
        )
        self.trainer.batch_size = case.one.batch
        self.batches = batches(case.data, case.one.batch)

    def run(self, steps: int) -> None:
        trainer, total = self.trainer, self.trainer.loss_information
        for _ in range(steps):
            x, labels = next(self.batches)
            trainer.real_inputs, trainer.labels = x.to(self.device), labels.to(self.device)
            loss_G, loss_D, updates_G, updates_D = trainer.train_iter()
            total["generator_losses"] += loss_G
            total["discriminator_losses"] += loss_D
            total["generator_iters"] += updates_G
            total["discriminator_iters"] += updates_D
            trainer.logger.run_mid_epoch(trainer)

    def close(self) -> None:
        self.batches = iter(())
