"""Axes that are split and joined: `rearrange`, in the words of einops, and blocks of pixels."""

from __future__ import annotations

import math
import re
from typing import Any

from nnarray._checks import check_one_of
from nnarray.ops._operation import operation


@operation("tensor")
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Return an array with its axes in another order, some as one and some split, as a pattern says.

    Parameters
    ----------
    tensor : array
    pattern : str
        A name for each axis, in brackets those that are one, before and after ``->``; ``...`` for any others.
    **axes_lengths : int
        Of axes that the array has as one with others.

    Raises
    ------
    ValueError
        If the pattern does not fit the array.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.rearrange(np.ones((2, 12, 5)), "b (h w) c -> b c h w", h=3).shape
    (2, 5, 3, 4)
    """
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError(f"A pattern has the axes before and after '->': received {pattern!r}.")
    hidden = tensor.ndim - len([group for group in _groups(left) if group != ["..."]])
    dots = [f"...{i}" for i in range(hidden)] if "..." in left else []
    before, after = _spread(_groups(left), dots), _spread(_groups(right), dots)
    if len(before) != tensor.ndim:
        raise ValueError(f"The pattern {pattern!r} names {len(before)} axes: received shape {tensor.shape}.")
    sizes: dict[str, int] = dict(axes_lengths)
    for group, length in zip(before, tensor.shape, strict=True):
        _measure(group, length, sizes, pattern)
    names = [name for group in before for name in group]
    wanted = [name for group in after for name in group]
    if sorted(names) != sorted(wanted):
        raise ValueError(f"The pattern has the same names on both sides: received {pattern!r}.")
    xp = tensor.namespace
    split = xp.reshape(tensor, tuple(sizes[name] for name in names))
    turned = xp.permute_dims(split, tuple(names.index(name) for name in wanted)) if len(names) > 1 else split
    return xp.reshape(turned, tuple(math.prod(sizes[name] for name in group) for group in after))


def _groups(side: str) -> list[list[str]]:
    """Return the names of each axis: none for 1, several in brackets."""
    found = re.findall(r"\(([^)]*)\)|(\.\.\.|\w+)", side)
    return [bare.split() if not name else [] if name == "1" else [name] for bare, name in found]


def _spread(groups: list[list[str]], dots: list[str]) -> list[list[str]]:
    return [each for group in groups for each in ([[dot] for dot in dots] if group == ["..."] else [group])]


def _measure(group: list[str], length: int, sizes: dict[str, int], pattern: str) -> None:
    """Enter the length of the one axis of a group whose length is not known."""
    unknown = [name for name in group if name not in sizes]
    known = math.prod(sizes[name] for name in group if name in sizes)
    if len(unknown) == 1 and known and length % known == 0:
        sizes[unknown[0]] = length // known
    elif unknown or known != length:
        raise ValueError(
            f"The axes {' '.join(group) or '1'} of {pattern!r} do not make one of length {length}: received "
            f"{ {name: sizes[name] for name in group if name in sizes} }."
        )


_CHANNELS = ("channels_last", "channels_first")


@operation("x")
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Return images whose channels are laid out as blocks of pixels."""
    xp, size = x.namespace, block_size
    if _is_last(data_format):
        n, height, width, depth = x.shape
        x = xp.reshape(x, (n, height, width, size, size, depth // size**2))
        x = xp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return xp.reshape(x, (n, height * size, width * size, depth // size**2))
    n, depth, height, width = x.shape
    x = xp.reshape(x, (n, depth // size**2, size, size, height, width))
    x = xp.permute_dims(x, (0, 1, 4, 2, 5, 3))
    return xp.reshape(x, (n, depth // size**2, height * size, width * size))


@operation("x")
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Return images whose blocks of pixels are laid out as channels."""
    xp, size = x.namespace, block_size
    if _is_last(data_format):
        n, height, width, depth = x.shape
        x = xp.reshape(x, (n, height // size, size, width // size, size, depth))
        x = xp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return xp.reshape(x, (n, height // size, width // size, depth * size**2))
    n, depth, height, width = x.shape
    x = xp.reshape(x, (n, depth, height // size, size, width // size, size))
    x = xp.permute_dims(x, (0, 1, 3, 5, 2, 4))
    return xp.reshape(x, (n, depth * size**2, height // size, width // size))


def _is_last(data_format: str) -> bool:
    return check_one_of("data_format", data_format, _CHANNELS) == "channels_last"
