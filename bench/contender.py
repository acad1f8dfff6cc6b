"""What takes part in a race: something that can be told to take so many steps."""

import torch

from bench.clock import Seconds, now, settled


class Contender:
    """One step is what gan-cli calls one: `d_steps` updates of D, then one of G."""

    device = torch.device("cpu")

    def run(self, steps: int) -> None:
        """Take steps."""
        raise NotImplementedError

    def pace(self, steps: int) -> Seconds:
        """Seconds a step, over so many of them, for a warm-up."""
        begin = now(self.device)
        self.run(steps)
        return (now(self.device) - begin).per(steps)

    def timed(self, steps: int) -> Seconds:
        """Seconds a step, over so many of them, with their share of all that is due now and then."""
        begin = now(self.device)
        self.run(steps)
        return (settled(self.device) - begin).per(steps)

    def close(self) -> None:
        """Let go of files and workers."""
