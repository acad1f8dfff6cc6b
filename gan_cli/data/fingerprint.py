"""What a run learned from, in one line: to tell whether a resumed run would learn from the same."""

import hashlib

import numpy as np
from torch import Tensor


def fingerprint(x: Tensor, y: Tensor | None, held_out: int) -> str:
    """Examples x [N, ...] and labels y [N] in words and as a digest of every value: the same text on every machine.

    The digest is the first 128 bits of SHA-256 over the words, the type and the values, low byte first: 0.04 s for
    MNIST at 32 x 32. Pixels, not files, are compared: files may move, but another decoder of JPEG gives another text.

    Args:
        held_out: how many of the examples are not trained on.

    >>> import torch
    >>> fingerprint(torch.zeros(9, 1, 2, 2, dtype=torch.uint8), torch.arange(9), 2)
    '9 examples of 1 x 2 x 2 with labels, 2 held out, sha256 8c62a0f0911ab43f136e7b5b58eb29f0'
    """
    shape = " x ".join(map(str, x.shape[1:]))
    text = f"{len(x)} examples of {shape}{' with labels' if y is not None else ''}, {held_out} held out"
    digest = hashlib.sha256(f"{text}, {x.dtype}".encode(), usedforsecurity=False)
    for part in (x, y):
        if part is not None:
            values = part.cpu().contiguous().numpy()
            digest.update(np.asarray(values, dtype=values.dtype.newbyteorder("<")).data)
    return f"{text}, sha256 {digest.hexdigest()[:32]}"
