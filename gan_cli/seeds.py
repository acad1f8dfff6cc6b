"""One seed, many independent random generators, each named by its purpose.

A generator that is a pure function of (seed, purpose, position) needs no stored state: the order of the data, the
noise of a grid and sample number i are the same whatever else drew random numbers before.
"""

import hashlib

import torch


def derive(seed: int, *key: str | int) -> int:
    """A seed in [0, 2**63) for one purpose.

    >>> derive(0, "permutation", 1) == derive(0, "permutation", 1)
    True
    >>> derive(0, "permutation", 1) == derive(1, "permutation", 0)
    False
    """
    digest = hashlib.blake2b(repr((seed, *key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *key: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator for one purpose: `generator(seed, "permutation", epoch)`."""
    return torch.Generator(device).manual_seed(derive(seed, *key))
