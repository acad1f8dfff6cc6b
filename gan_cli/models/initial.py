"""Initial values that several families share."""

import math

from torch import nn


def draw_weights(net: nn.Module, std: float) -> None:
    """Weights of dense layers and convolutions N(0, std^2), their biases 0. Norms stay the identity that they are.

    Raises:
        ValueError: a standard deviation that is not positive.
    """
    if not 0 < std < math.inf:
        raise ValueError(f"init_std must be greater than 0, got {std}")
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
