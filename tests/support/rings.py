"""Keyrings without a table and without KMS."""

from __future__ import annotations

import math
from functools import lru_cache

from kernel import keyrings
from kernel.keyrings import Generation, Keyring, Seed


def hold(ring: Keyring, *seeds: str, active_from: int = 0) -> None:
    """Give this process these generations of a ring, newest first; the newest is used from `active_from` on (ms).

    The table is not read until the ring is forgotten.
    """
    made = [_generation(seed, ring.signs, active_from if number == 0 else 0) for number, seed in enumerate(seeds)]
    ring._generations = tuple(made)
    ring._seeds = {each.kid: Seed(seed.encode()) for each, seed in zip(made, seeds, strict=True)}
    ring._read_at = math.inf


def hold_all(seed: str) -> None:
    """Give this process one generation of each ring, all different."""
    for ring in keyrings.RINGS.values():
        hold(ring, seed + ring.name)


def forget_all() -> None:
    """Forget all generations, so that this process is like a new one."""
    for ring in keyrings.RINGS.values():
        ring.forget()


@lru_cache(maxsize=64)
def _generation(seed: str, signs: bool, active_from: int) -> Generation:
    made = Seed(seed.encode())
    return Generation(made.kid, "", 0, active_from, keyrings._public_jwk(made) if signs else None)
