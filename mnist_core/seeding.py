"""Random streams: each is derived from a seed and the names of its use, so that none needs to remember a state."""

import hashlib

import numpy as np

__all__ = ["derive_seed", "generator"]


def derive_seed(seed: int, *use: str | int) -> int:
    """A seed of 31 bits for one use, independent of every other use of the same seed."""
    text = "/".join(map(str, (seed, *use)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def generator(seed: int, *use: str | int) -> np.random.Generator:
    """A NumPy generator (Philox) for one use of a seed."""
    return np.random.Generator(np.random.Philox(derive_seed(seed, *use)))
