"""Which backend is in force, and what happens when the one that was asked for does not work."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, NamedTuple

from nnarray.backends._base import Backend
from nnarray.backends._probe import BackendFallbackWarning, BackendUnavailableError, Probe, probe
from nnarray.backends._registry import get_backend


class _Pair(NamedTuple):
    backend: Backend
    device: Any


class Selection(_Pair):
    """A backend with one of its devices (None: the library's default).

    Attributes
    ----------
    requested : str
        The name that was asked for: another than the backend's if that one does not work, or ``"auto"``.
    """

    requested: str

    def __new__(cls, backend: Backend, device: Any, requested: str | None = None) -> Selection:
        self = super().__new__(cls, backend, device)
        self.requested = backend.name if requested is None else requested
        return self

    # Some libraries' devices can be neither copied nor pickled.
    def __deepcopy__(self, memo: dict[int, Any]) -> Selection:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        device = None if self.device is None else self.backend.device_name(self.device)
        return _restored, (self.backend.name, device, self.requested)


def _restored(name: str, device: str | None, requested: str) -> Selection:
    backend = get_backend(name)
    return Selection(backend, backend.device(device), requested)


_default: Selection | None = None
_scoped: ContextVar[Selection | None] = ContextVar("nnarray_backend", default=None)
_warned: set[tuple[str, str]] = set()
_lock = threading.RLock()


def required_backends() -> tuple[str, ...]:
    """Return the backends that ``NNARRAY_REQUIRE_BACKEND`` names, separated by commas: nothing may replace them.

    Raises
    ------
    ValueError
        If one of them is unknown: a guard with a typo in its name would guard nothing.
    """
    names = [name.strip() for name in os.environ.get("NNARRAY_REQUIRE_BACKEND", "").split(",")]
    try:
        return tuple(get_backend(name).name for name in names if name)
    except ValueError as error:
        raise ValueError(f"NNARRAY_REQUIRE_BACKEND={','.join(names)}: {error}") from None


def select(backend: str | ModuleType | Backend, device: Any = None, on_missing: str = "warn") -> Selection:
    """Return the selection of a backend that works and one of its devices, both checked.

    Parameters
    ----------
    backend : str, module or Backend
        ``"auto"`` is CuPy if it works here, else NumPy.
    device : optional
        One of its devices or its name; None takes the library's default.
    on_missing : {"warn", "raise"}
        What to do if the backend does not work: take NumPy and warn, once for each cause, or raise.

    Raises
    ------
    ValueError
        If backend, device or `on_missing` is unknown.
    BackendUnavailableError
        If the backend does not work and `on_missing` is "raise" or ``NNARRAY_REQUIRE_BACKEND`` names it.
    """
    check_on_missing(on_missing)
    automatic = isinstance(backend, str) and backend == "auto"
    adapter = get_backend("cupy" if automatic else backend)
    requested = "auto" if automatic else adapter.name
    found = probe(adapter)
    if found.works:
        return Selection(adapter, adapter.device(device), requested)
    if adapter.name == "numpy" or adapter.name in required_backends() or (on_missing == "raise" and not automatic):
        raise unavailable(found)
    if not automatic:
        _warn(found)
    return Selection(get_backend("numpy"), None, requested)


def check_on_missing(on_missing: str) -> str:
    """Return what to do if a backend does not work, or raise ValueError if it is neither "warn" nor "raise"."""
    if on_missing not in ("warn", "raise"):
        raise ValueError(f"on_missing must be 'warn' or 'raise': received on_missing={on_missing!r}.")
    return on_missing


def insisted_on(selection: Selection, on_missing: str) -> Selection:
    """Return a selection made before; if `on_missing` is "raise", raise where NumPy took a backend's place in it."""
    if on_missing == "raise" and selection.requested not in (selection.backend.name, "auto"):
        raise unavailable(probe(get_backend(selection.requested)))
    return selection


def unavailable(found: Probe) -> BackendUnavailableError:
    """Return the error that says why a backend does not work, caused by what its library raised."""
    error = BackendUnavailableError(found.explain())
    error.__cause__ = None if found.failure is None else found.failure.error
    return error


def _warn(found: Probe) -> None:
    assert found.failure is not None
    cause = (found.backend, found.failure.cause)
    with _lock:
        if cause in _warned:
            return
        warnings.warn(
            f"{found.explain()} NumPy takes its place. (To make this an error, pass on_missing='raise' or set "
            f"NNARRAY_REQUIRE_BACKEND={found.backend}; to look closer: python -m nnarray doctor {found.backend})",
            BackendFallbackWarning,
            stacklevel=_depth_of_user(),
        )
        # Only once it is said: where warnings are errors, each request is one.
        _warned.add(cause)


def _depth_of_user() -> int:
    """Return the stacklevel, counted from `_warn`, of the first frame outside this package."""
    frame, depth = sys._getframe(1), 1
    own = ("nnarray", "contextlib")
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in own:
        frame, depth = frame.f_back, depth + 1
    return depth


def chosen_backend(on_missing: str = "warn") -> Selection | None:
    """Return what `use_backend`, else `set_backend`, else ``NNARRAY_BACKEND`` asks for; None if none of them does.

    Raises
    ------
    BackendUnavailableError
        If that does not work and `on_missing` is "raise", also where NumPy has taken its place before.
    """
    chosen = _scoped.get() or _default
    if chosen is None and (name := os.environ.get("NNARRAY_BACKEND", "").strip()):
        try:
            return select(name, on_missing=on_missing)
        except ValueError as error:
            raise ValueError(f"NNARRAY_BACKEND={name}: {error}") from None
    return None if chosen is None else insisted_on(chosen, on_missing)


def current_backend(on_missing: str = "warn") -> Selection:
    """Return the selection in force where no array and no argument decides: `chosen_backend` or NumPy."""
    return chosen_backend(on_missing) or select("numpy")


def set_backend(backend: str | ModuleType, device: Any = None, on_missing: str = "warn") -> None:
    """Select the backend of the process.

    Parameters
    ----------
    backend : str or module
        ``"numpy"``, ``"cupy"``, ``"torch"``, ``"jax"``, ``"array_api_strict"``, the name of a registered plug-in, or
        any installed library that follows the array API standard, by name or as its namespace. ``"auto"`` is CuPy if
        it works here, else NumPy.
    device : optional
        One of the library's devices or its name, such as ``"cuda:0"``; None takes the library's default.
    on_missing : {"warn", "raise"}
        What to do if the backend does not work here: take NumPy and warn, once for each cause, or raise.

    Raises
    ------
    ValueError
        If backend or device is unknown.
    BackendUnavailableError
        If the backend does not work and `on_missing` is "raise" or ``NNARRAY_REQUIRE_BACKEND`` names it.

    Examples
    --------
    >>> import nnarray as nna
    >>> try:
    ...     nna.set_backend("nunpy")
    ... except ValueError as error:
    ...     print(str(error).partition(" Known")[0])
    Unknown backend: 'nunpy'. Did you mean 'numpy'?
    """
    global _default
    _default = select(backend, device, on_missing)


@contextmanager
def use_backend(backend: str | ModuleType, device: Any = None, on_missing: str = "warn") -> Iterator[Selection]:
    """Select a backend inside a ``with`` block; arguments and errors as in `set_backend`.

    Examples
    --------
    >>> import nnarray as nna
    >>> with nna.use_backend("numpy") as selection:
    ...     selection.backend.name
    'numpy'
    """
    selection = select(backend, device, on_missing)
    token = _scoped.set(selection)
    try:
        yield selection
    finally:
        _scoped.reset(token)
