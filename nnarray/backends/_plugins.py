"""What other packages register by entry points, and the backends among it: group ``nnarray.backends``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnarray._messages import describe
from nnarray.backends._base import Backend, summary

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "nnarray.backends"


@functools.cache
def registered(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in sorted(entry_points(group=group), key=lambda entry: entry.name)}


def plugins() -> dict[str, EntryPoint]:
    """Return the entry points that register backends by name."""
    return registered(GROUP)


def load_plugin(name: str) -> Backend:
    """Return the backend that an entry point stands for; one that cannot be loaded fails its probe, and says why.

    Its value is a module that is an array-API namespace, or ``module:Class``, where ``Class()`` is a `Backend`.
    """
    entry = plugins()[name]
    if not entry.attr:
        return Backend(name, entry.module)
    try:
        made = entry.load()()
        if not isinstance(made, Backend):
            raise TypeError(f"it must name a subclass of nnarray.backends.Backend: received {describe(made)}")
        if made.name != name:
            raise ValueError(f"its name and that of its entry point differ: received {made.name!r} and {name!r}")
    except (Exception, SystemExit) as error:
        return _Unloadable(entry, error)
    return made


class _Unloadable(Backend):
    """Stands for a plug-in that cannot be loaded, so that it disturbs nobody who does not ask for it."""

    def __init__(self, entry: EntryPoint, error: BaseException) -> None:
        super().__init__(entry.name, entry.module)
        self._entry = entry
        self._error = error

    def stages(self) -> tuple[tuple[str, Callable[[], Any]], ...]:
        def load() -> None:
            raise self._error

        return (("import", load),)

    def diagnose(self, stage: str, error: BaseException) -> tuple[str, str]:
        package = self._entry.dist.name if self._entry.dist else self._entry.module
        return (
            f"The plug-in that registers it, {self._entry.value} of {package}, cannot be loaded: {summary(error)}.",
            f"Mend, update or uninstall {package}.",
        )
