"""Random numbers by Keras' names, and the seeds and keys they are a function of."""

from nnarray.random._dropout import check_rate, dropout
from nnarray.random._keys import (
    KeyStream,
    ResumedKeys,
    Seed,
    SeedGenerator,
    StepDraws,
    coming_key,
    drawing,
    key_from_seed,
    next_key,
    preserved_keys,
    seeded,
    set_seed,
    stream_from_seed,
)
from nnarray.random._normals import normal, standard_truncated_normal, truncated_normal
from nnarray.random._numbers import randint, uniform
from nnarray.random._samples import categorical, shuffle

__all__ = [
    "KeyStream",
    "ResumedKeys",
    "Seed",
    "SeedGenerator",
    "StepDraws",
    "categorical",
    "check_rate",
    "coming_key",
    "drawing",
    "dropout",
    "key_from_seed",
    "next_key",
    "normal",
    "preserved_keys",
    "randint",
    "seeded",
    "set_seed",
    "shuffle",
    "standard_truncated_normal",
    "stream_from_seed",
    "truncated_normal",
    "uniform",
]
