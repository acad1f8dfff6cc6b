"""The spectral norm, of any network: `model.spectral_norm`."""

from torch import nn
from torch.nn.utils import parametrizations


def spectral_norm(D: nn.Module) -> int:
    """Divide every weight of D by its largest singular value (Miyato et al. 2018, arXiv:1802.05957), in place.

    A convolution's weight [out, in, h, w] counts as the matrix [out, in h w], as in the paper. The value is followed by
    one power iteration an update. A weight that starts at 0, as one in each of R3GAN's blocks does, has no norm to
    divide by: it starts as a draw.

    Returns:
        How many layers it found.
    """
    kinds = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding
    layers = [module for module in D.modules() if isinstance(module, kinds)]
    for layer in layers:
        if not layer.weight.any():
            nn.init.normal_(layer.weight)
        parametrizations.spectral_norm(layer)
    return len(layers)
