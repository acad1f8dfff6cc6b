"""What a run learned from, in one line: to tell whether a resumed run would learn from the same."""

import hashlib

import numpy as np
from torch import Tensor


def fingerprint(x: Tensor, y: Tensor | None, held_out: int, known: str | None = None) -> str:
    """Examples x [N, ...] and labels y [N] in words and as a digest of every value: the same text on every machine.

    The digest is the first 128 bits of SHA-256 over the words, the type, and the SHA-256 of the values of x and of y,
    low byte first: 0.04 s for MNIST at 32 x 32. Pixels, not files, are compared: files may move, but another decoder of
    JPEG gives another text.

    Args:
        held_out: how many of the examples are not trained on.
        known: the SHA-256 of x, in hexadecimal, where it is known.

    >>> import torch
    >>> fingerprint(torch.zeros(9, 1, 2, 2, dtype=torch.uint8), torch.arange(9), 2)
    '9 examples of 1 x 2 x 2 with labels, 2 held out, sha256 8b2bf871cf3568deeecf3c63427d2135'
    """
    shape = " x ".join(map(str, x.shape[1:]))
    text = f"{len(x)} examples of {shape}{' with labels' if y is not None else ''}, {held_out} held out"
    digests = [known or _sha256(x), *([] if y is None else [_sha256(y)])]
    whole = hashlib.sha256(", ".join((text, str(x.dtype), *digests)).encode(), usedforsecurity=False)
    return f"{text}, sha256 {whole.hexdigest()[:32]}"


def _sha256(x: Tensor) -> str:
    values = x.cpu().contiguous().numpy()
    low_first = np.asarray(values, dtype=values.dtype.newbyteorder("<"))
    return hashlib.sha256(low_first.data, usedforsecurity=False).hexdigest()
