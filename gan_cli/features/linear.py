"""Features without labels: pixels as they are, or their principal components. Poor judges of images, and named so."""

import hashlib

import torch
from torch import Tensor

from gan_cli.features.space import Embedding, by, to_unit

MOST = 2048  # images that principal components are fitted to: bounds the memory and the time


def raw(shape: tuple[int, ...]) -> Embedding:
    """Pixels of images of one shape, D = C H W."""
    preprocessing = f"pixels of {by(shape)} to [-1, 1], one after the other"
    digest = hashlib.sha256(preprocessing.encode()).hexdigest()
    return Embedding("raw", digest, "raw_fd", preprocessing, None, lambda x: (to_unit(x).flatten(1), None), shape)


def pca(x: Tensor, dims: int = 64) -> Embedding:
    """The first principal components of images x, uint8 [N, C, H, W]: coordinates along the directions in which they
    vary most, about their mean, in units of [-1, 1] pixels and not whitened.

    Fitted in float64 to at most 2048 of them, evenly spaced; fewer than `dims` where there are fewer images or pixels.
    The digest is that of these images: the directions are a function of them, up to rounding, which may differ between
    machines. The sign makes each direction's largest entry positive.

    Raises:
        ValueError: no dimension, or fewer than two images.
    """
    if dims < 1 or len(x) < 2:
        raise ValueError(f"principal components need dims of at least 1 and two images, got {dims} and {len(x)}")
    seen = x[torch.linspace(0, len(x) - 1, min(len(x), MOST)).round().long()]
    rows = to_unit(seen).flatten(1).double()
    mean = rows.mean(0)
    rows -= mean
    dims = min(dims, len(rows) - 1, rows.shape[1])
    if len(rows) < rows.shape[1]:  # the smaller of the two matrices with the same spectrum
        _, vectors = torch.linalg.eigh(rows @ rows.T)
        directions = rows.T @ vectors.flip(1)[:, :dims]
        directions /= directions.norm(dim=0).clamp_min(torch.finfo(torch.float64).tiny)
    else:
        _, vectors = torch.linalg.eigh(rows.T @ rows)
        directions = vectors.flip(1)[:, :dims]
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    directions = (directions * torch.where(largest < 0, -1.0, 1.0)).contiguous()

    def of(images: Tensor) -> tuple[Tensor, None]:
        return (to_unit(images).flatten(1).double() - mean) @ directions, None

    shape = tuple(x.shape[1:])
    preprocessing = f"pixels of {by(shape)} to [-1, 1], {dims} principal components of {len(rows)} real images"
    digest = hashlib.sha256(preprocessing.encode())
    digest.update(seen.contiguous().numpy().data)
    return Embedding(f"pca-{dims}", digest.hexdigest(), "pca_fd", preprocessing, None, of, shape)
