"""Seeds and keys: every random number of the library is a function of a key and a counter."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from nnarray._config import Configured
from nnarray._messages import describe
from nnarray._refusals import refuse_state
from nnarray._replay import once
from nnarray.array import Array, as_array, is_traced
from nnarray.backends import Backend, backend_of, current_backend, integer_of

Key = tuple[int, int]
Stream = tuple[Key, tuple[int, int]]

#: Second key word of the streams that a user's own seed opens, apart from those that the process numbers.
_EXPLICIT = 2**64 - 1

_CURE = (
    "Draw outside and give the numbers as an argument. In a layer, loss or metric, give a SeedGenerator, made in "
    "__init__, as seed: it draws other numbers at each step in fit, evaluate and predict, and for each counter= in "
    "stateless_call."
)

#: Of whatever threads draw from: steps of counts.
_lock = threading.Lock()


def set_seed(seed: int) -> None:
    """Restart all randomness of the process: initial weights, shuffles, dropout masks.

    Within `nnarray.random.seeded`, restart that of the block alone.

    Parameters
    ----------
    seed : int
        At least 0 and below 2**64. The same seed gives the same bits on every backend.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.set_seed(0)
    """
    _stream().restart(seed)


def check_seed(seed: object) -> int:
    """Return a seed that is an integer of 64 bits, or raise."""
    try:
        found = -1 if isinstance(seed, bool) else integer_of(seed)
    except TypeError:
        found = -1
    if not 0 <= found < 2**64:
        raise ValueError(f"A seed is an integer of at least 0 and below 2**64: received {describe(seed)}.")
    return found


class KeyStream:
    """Keys one after the other, which several threads may take: each key is given once after a `restart`.

    Parameters
    ----------
    seed : int
        First word of the keys.
    """

    def __init__(self, seed: int) -> None:
        self.restart(seed)

    restarts = 0

    def restart(self, seed: int) -> None:
        """Begin anew, with another seed or the same."""
        seed = check_seed(seed)
        with _lock:
            self._seed, self._count = seed, 0
            self.restarts += 1

    def next(self) -> Key:
        """Return the next key."""
        with _lock:
            self._count += 1
            return self._seed, self._count - 1

    def fork(self) -> KeyStream:
        """Return a stream that gives the keys that this one will give."""
        made = KeyStream.__new__(KeyStream)
        with _lock:
            made._seed, made._count = self._seed, self._count
        return made

    @property
    def state(self) -> Key:
        """The key that comes next."""
        with _lock:
            return self._seed, self._count

    @classmethod
    def at(cls, key: Key) -> KeyStream:
        """Return a stream whose next key is `key`."""
        made = cls.__new__(cls)
        made._seed, made._count = check_seed(key[0]), check_seed(key[1])
        return made


_process = KeyStream(int.from_bytes(os.urandom(8), "little") >> 1)
_scoped: ContextVar[KeyStream | None] = ContextVar("nnarray_key_stream", default=None)


def _stream() -> KeyStream:
    return _scoped.get() or _process


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a stream of its own inside a ``with`` block or, as a decorator, in each call of a function.

    In the block numbers are those that `set_seed` with that seed would give; what was drawn before and is drawn after
    it is as without the block. Blocks may stand in one another. A block is one thread's: threads that are started in
    it draw from the process's stream, unless they run in a copy of the context (``contextvars.copy_context``).

    Parameters
    ----------
    seed : int
        At least 0 and below 2**64.

    Raises
    ------
    ValueError
        If the seed is no such integer.

    Examples
    --------
    >>> import nnarray as nna
    >>> with nna.random.seeded(0):
    ...     first = nna.random.uniform((3,))
    >>> with nna.random.seeded(0):
    ...     bool((nna.random.uniform((3,)) == first).all())
    True
    """
    with _drawing_from(KeyStream(seed)):
        yield


@contextmanager
def preserved_keys() -> Iterator[None]:
    """Give the keys that the block takes out again afterwards."""
    with _drawing_from(_stream().fork()):
        yield


@contextmanager
def _drawing_from(stream: KeyStream) -> Iterator[None]:
    token = _scoped.set(stream)
    try:
        yield
    finally:
        _scoped.reset(token)


def next_key() -> Key:
    """Return the next key of the process, or of the block of `seeded`; no two calls, in whatever threads, get the same.

    Another `set_seed` begins the keys of its seed anew.
    """
    refuse_state("A draw from the process's stream", _CURE)
    return once(_stream().next)


class ResumedKeys:
    """Keys that go on where those of another process stopped, until this process is seeded.

    Parameters
    ----------
    key : tuple of two int
        The next one.
    """

    def __init__(self, key: Key) -> None:
        self._keys = KeyStream.at(key)
        self._restarts = _process.restarts

    def next(self) -> Key:
        """Return the next key: that of the block of `seeded`, if there is one, or of the process if it was seeded."""
        if _scoped.get() is not None or _process.restarts != self._restarts:
            return next_key()
        return self._keys.next()

    @property
    def state(self) -> Key:
        """The key that comes next."""
        return self._keys.state if _process.restarts == self._restarts else _process.state


def coming_key() -> Key:
    """Return the key that `next_key` will give."""
    return _stream().state


def key_from_seed(seed: int | None) -> Key:
    """Return the key that a user's `seed` stands for; None takes the process's next."""
    return next_key() if seed is None else (check_seed(seed), _EXPLICIT)


class SeedGenerator(Configured):
    """A key with a counter that steps at each use.

    Given as `seed`, it makes a function draw other numbers at each call, the same in each run of the program.

    Parameters
    ----------
    seed : int, optional
        None takes the process's next key, which `set_seed` makes reproducible.
    name : str, optional

    Examples
    --------
    >>> import nnarray as nna
    >>> seed = nna.random.SeedGenerator(0)
    >>> first, second = nna.random.uniform((3,), seed=seed), nna.random.uniform((3,), seed=seed)
    >>> bool((first != second).all())
    True
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = seed
        self.name = name
        self.key = key_from_seed(seed)
        self._count = 0

    @property
    def state(self) -> tuple[int, int, int]:
        """The words of the key and the counter; set it to go on from there."""
        return *self.key, self._count

    @state.setter
    def state(self, value: tuple[int, int, int]) -> None:
        first, second, count = (check_seed(word) for word in value)
        self.key, self._count = (first, second), count

    def next(self) -> int:
        """Return the counter and step it."""
        refuse_state("A draw from a SeedGenerator", _CURE)
        return once(self._step)

    def _step(self) -> int:
        with _lock:
            self._count += 1
            return self._count - 1


#: What a function takes as `seed`.
Seed = int | SeedGenerator | None


class StepDraws:
    """The draws of a step: within it, generators draw a function of the step's number.

    Parameters
    ----------
    counter : int or integer array without axes, or None
        Number of the step; a replayed plan takes it as an argument. None goes on with the draws around these, or lets
        generators count by themselves.
    like : array or None
        Whose library and device random arrays are of, which are Arrays if it is one; None for those around, or in
        force.
    phase : int
        Of what it is a step: the same number means other draws in another phase.
    """

    def __init__(self, counter: Any, like: Any, phase: int = 0) -> None:
        self._counter = None if counter is None else _as_counter(counter)
        self._around = _draws.get()
        self._like = like
        self._phase = phase
        self._count = 0

    @property
    def counts(self) -> bool:
        """Whether there is a number to draw from."""
        return self._counter is not None or (self._around is not None and self._around.counts)

    def next(self) -> tuple[Any, int]:
        """Return the counter of the next draw."""
        if self._counter is None:
            assert self._around is not None
            return self._around.next()
        # The second word keeps these apart from the generators' own draws, whose second word is 0.
        return self._counter, (self._phase << 32) + 1 + once(self._step)

    def _step(self) -> int:
        self._count += 1
        return self._count - 1

    @property
    def place(self) -> tuple[Backend, Any]:
        """Backend and device of the arrays drawn."""
        if self._like is None:
            return current_backend() if self._around is None else self._around.place
        raw = self._like.value if isinstance(self._like, Array) else self._like
        backend = backend_of(raw)
        return backend, backend.device_of(raw)

    def as_in_step(self, x: Any) -> Any:
        """Return a drawn array as those of the step are: raw, or an Array."""
        if self._like is None:
            return x if self._around is None else self._around.as_in_step(x)
        return as_array(x) if isinstance(self._like, Array) else x


def _as_counter(counter: Any) -> Any:
    """Return a known number as an int; what a plan takes as an argument stays an array."""
    if not is_traced(counter):
        return integer_of(counter)
    if "int" not in str(counter.dtype):
        raise TypeError(f"The number of a step is an integer: received {describe(counter)}.")
    return counter


_draws: ContextVar[StepDraws | None] = ContextVar("nnarray_step_draws", default=None)


@contextmanager
def drawing(draws: StepDraws | None) -> Iterator[None]:
    """Let generators draw for a step within the block; None lets them count by themselves."""
    token = _draws.set(draws)
    try:
        yield
    finally:
        _draws.reset(token)


def drawing_place() -> tuple[Backend, Any]:
    """Return backend and device of random arrays: those of the training step, or those in force."""
    draws = _draws.get()
    return current_backend() if draws is None else draws.place


def as_in_step(x: Any) -> Any:
    """Return a drawn array as it is handed out: an Array in a step of Arrays, else raw."""
    draws = _draws.get()
    return x if draws is None else draws.as_in_step(x)


def stream_from_seed(seed: Seed) -> Stream:
    """Return the key and counter that a call with `seed` draws from.

    An integer gives the same at every call, a SeedGenerator its next, None the process's next.
    """
    if not isinstance(seed, SeedGenerator):
        return key_from_seed(seed), (0, 0)
    draws = _draws.get()
    return seed.key, (seed.next(), 0) if draws is None or not draws.counts else draws.next()
