"""Custom objects: classes and functions that configs and look-ups find by the name they are registered under."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_registered: dict[str, Any] = {}
_lent: ContextVar[Mapping[str, Any]] = ContextVar("nnarray_custom_objects", default={})  # noqa: B039 -- never changed


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Return a decorator that registers a class or function, so that configs can name it.

    Parameters
    ----------
    package : str
        Keeps equal names of two projects apart.
    name : str, optional
        By default that of the class or function. It is known as ``"package>name"``.

    Raises
    ------
    ValueError
        If a class has no ``get_config``.

    Examples
    --------
    >>> import nnarray as nna
    >>> @nna.utils.register_keras_serializable(package="docs")
    ... def cube(x):
    ...     return x**3
    >>> nna.activations.get("docs>cube") is cube
    True
    >>> _ = nna.utils.get_custom_objects().pop("docs>cube")
    """

    def register(obj: T) -> T:
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(f"A class to be registered needs get_config(): received {obj.__name__}. Define it first.")
        _registered[f"{package}>{name or obj.__name__}"] = obj  # type: ignore[attr-defined]
        return obj

    return register


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Let configs and look-ups in the block find further classes and functions.

    Parameters
    ----------
    custom_objects : mapping of str to class or function

    Examples
    --------
    >>> import nnarray as nna
    >>> with nna.utils.custom_object_scope({"cube": lambda x: x**3}):
    ...     nna.activations.get("cube")(2)
    8
    """
    token = _lent.set({**_lent.get(), **custom_objects})
    try:
        yield
    finally:
        _lent.reset(token)


def get_custom_objects() -> dict[str, Any]:
    """Return the registered classes and functions by name: the dict itself, which may be changed.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.get_custom_objects().get("docs>unknown") is None
    True
    """
    return _registered


def get_registered_name(obj: Any) -> str:
    """Return the name under which a class or function is registered, or else its own.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.get_registered_name(nna.initializers.HeNormal)
    'HeNormal'
    """
    return registered_name(obj) or obj.__name__


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """Return the class or function that is registered under a name, or None.

    Parameters
    ----------
    name : str
    custom_objects, module_objects : mapping of str to class or function, optional
        Where it is looked up if it is not registered.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.get_registered_object("cube", {"cube": lambda x: x**3})(2)
    8
    """
    found = found_custom(name)
    return {**(module_objects or {}), **(custom_objects or {})}.get(name) if found is None else found


def custom_objects() -> dict[str, Any]:
    """Return what is registered and what the scopes around lend, which goes first."""
    return {**_registered, **_lent.get()}


def found_custom(*names: Any) -> Any:
    """Return the custom object of the first of the names that is one, or None."""
    known = custom_objects()
    return next((known[name] for name in names if isinstance(name, str) and name in known), None)


def registered_name(x: Any) -> str | None:
    """Return the name under which a class or function is known, or None."""
    return next((name for name, known in custom_objects().items() if known is x), None)
