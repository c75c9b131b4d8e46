"""`cupy.random._generator_api` on the host: CuPy's generators are refused, as their kernels are GPUs' alone."""

from __future__ import annotations

from typing import Any, NoReturn


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise NotImplementedError; without it, arrays would be left as they were made."""
    raise NotImplementedError(
        "The host's stand-in for CUDA has no generators of cupy.random. Draw with nnarray.random, or with NumPy, and "
        "bring the numbers over by cupy.asarray."
    )


init_curand = random_raw = _refuse


class Generator:
    """Has CuPy's name, and cannot be made."""

    __init__ = _refuse


class FeistelBijection:
    """Has CuPy's name, and cannot be made."""

    __init__ = _refuse
