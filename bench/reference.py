"""The tutorial's loop as a contender."""

from bench.case import Case, make_networks
from bench.contender import Contender
from bench.tutorial import CriticLoop, Loop, batches


class Tutorial(Contender):
    """Fair, because the networks are the very modules that gan-cli builds in fp32, and batch, updates, learning rate,
    threads and pixels are gan-cli's. In its favour: it writes no log, picture or checkpoint, and never ends an epoch.
    """

    def __init__(self, case: Case) -> None:
        run = make_networks([*case.in_fp32().overrides(), "train.held_out=2"])
        self.device = run.device
        plain = Loop(run.G, run.D, run.prior.dim, batches(case.data, case.one.batch), run.device)
        self.loop = CriticLoop(plain, case.one.d_steps, run.penalty) if case.one.critic else plain

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.loop.step()

    def close(self) -> None:
        self.loop.batches = iter(())  # its workers end
