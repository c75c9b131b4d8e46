"""Does a backend really work? Asked in stages, so that the answer names what is missing and what to type."""

from __future__ import annotations

import threading
import warnings
from contextvars import copy_context
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nnarray.backends._base import Backend


class BackendFallbackWarning(UserWarning):
    """A backend that was asked for does not work here, and NumPy takes its place."""


class BackendUnavailableError(RuntimeError):
    """A backend that was asked for does not work here, and nothing may take its place."""


class Stage(NamedTuple):
    """One step of a probe.

    Attributes
    ----------
    name : str
    passed : bool
    error : BaseException or None
        What the library raised.
    cause : str
        The error in plain words.
    cure : str
        What to type or change.
    """

    name: str
    passed: bool
    error: BaseException | None = None
    cause: str = ""
    cure: str = ""


class Probe(NamedTuple):
    """What a probe found; a failed stage is the last one, because later ones build on it.

    Attributes
    ----------
    backend : str
    stages : tuple of Stage
    """

    backend: str
    stages: tuple[Stage, ...]

    @property
    def failure(self) -> Stage | None:
        """The stage that failed, None if the backend works."""
        last = self.stages[-1]
        return None if last.passed else last

    @property
    def works(self) -> bool:
        """Whether every stage passed."""
        return self.failure is None

    def explain(self) -> str:
        """Return in one sentence or two why the backend does not work, and the cure."""
        failed = self.failure
        if failed is None:
            return f"Backend {self.backend!r} works."
        return f"Backend {self.backend!r} does not work here (stage {failed.name!r}): {failed.cause} {failed.cure}"


_found: dict[str, Probe] = {}
_lock = threading.RLock()


def probe(backend: Backend, refresh: bool = False) -> Probe:
    """Return what the stages of `backend` found; they run once in a process, or again with `refresh`."""
    with _lock:
        if refresh or backend.name not in _found:
            # In a thread of its own: within a trace of the library's, such as jax.jit, no array has a value.
            found: list[Probe] = []
            context = copy_context()
            apart = threading.Thread(target=lambda: found.append(context.run(_run, backend)))
            apart.start()
            apart.join()
            _found[backend.name] = found[0]
        return _found[backend.name]


def failed(backend: Backend, name: str, error: BaseException) -> Stage:
    """Return the stage that `error` ended, diagnosed by the backend, or as it is where the diagnosis fails too."""
    try:
        return Stage(name, False, error, *backend.diagnose(name, error))
    except Exception:
        return Stage(name, False, error, f"{type(error).__name__}: {error}.", f"Choose another than {backend.name}.")


def _run(backend: Backend) -> Probe:
    stages: list[Stage] = []
    name = "import"
    # Libraries warn of a broken install and go on; whether it is broken is what is being found out.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for name, check in backend.stages():
                check()
                stages.append(Stage(name, True))
            if not stages:
                raise RuntimeError("its probe has no stages")
        except (Exception, SystemExit) as error:
            stages.append(failed(backend, name, error))
    return Probe(backend.name, tuple(stages))
