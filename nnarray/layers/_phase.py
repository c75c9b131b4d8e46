"""What surrounds the calls of layers: whether they train, and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnarray.layers._layer import Layer

#: None where no layer is being called.
_training: ContextVar[bool | None] = ContextVar("nnarray_training", default=None)
_observer: ContextVar[Callable[..., Any] | None] = ContextVar("nnarray_observer", default=None)


@contextmanager
def training_phase(training: bool | None) -> Iterator[bool]:
    """Say whether the layers called in the block are in training; None leaves that as it is around."""
    around = _training.get()
    wanted = bool(around) if training is None else training
    if wanted is around:
        yield wanted
        return
    token = _training.set(wanted)
    try:
        yield wanted
    finally:
        _training.reset(token)


def is_outermost() -> bool:
    """Whether a layer that is called here is called by no other layer."""
    return _training.get() is None


@contextmanager
def observing(observer: Callable[..., Any]) -> Iterator[None]:
    """Let `observer` stand around every layer's computation in the block.

    Parameters
    ----------
    observer : callable
        Called as ``observer(layer, compute, *args, **kwargs)``, where `compute` is the layer's ``call``; what it
        returns takes the place of ``compute(*args, **kwargs)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import layers
    >>> def tell(layer, compute, *args, **kwargs):
    ...     print(layer.name)
    ...     return compute(*args, **kwargs)
    >>> with layers.observing(tell):
    ...     _ = layers.Flatten(name="flat")(np.zeros((2, 3)))
    flat
    """
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def observed(layer: Layer, compute: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``compute(*args, **kwargs)``, through the observer in force if there is one."""
    observer = _observer.get()
    return compute(*args, **kwargs) if observer is None else observer(layer, compute, *args, **kwargs)
