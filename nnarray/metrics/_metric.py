"""The base of metrics: state in variables, which follows the arrays that are counted in."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nnarray import config, initializers, nn
from nnarray._config import Configured
from nnarray._lookup import snake_case
from nnarray._messages import describe
from nnarray.array import Array, on_device_of, place_methods
from nnarray.backends import backend_of, convert, current_backend, find_backend, use_backend
from nnarray.variables import RehearsalScope, StatelessScope, Variable, current_scope


class Metric(Configured):
    """Accumulates over batches: ``update_state`` adds one, ``result`` reads, ``reset_state`` starts again.

    A subclass makes its state in ``__init__`` by `add_variable`, of any shape, and assigns to it in ``update_state``.
    Variables and metrics that it keeps in attributes, also in lists, tuples and dicts, belong to it.

    The state is made on the backend in force. If ``update_state`` is given arrays of another library or device, the
    state moves there first.

    Parameters
    ----------
    name : str, optional
        By default the class name in snake case.
    dtype : str, optional
        Floating-point dtype of the state, by default `nnarray.config.floatx`, which also replaces dtypes of 16 bits:
        they cannot count beyond 2048.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> class Largest(nna.metrics.Metric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name)
    ...         self.largest = self.add_variable((), "zeros", name="largest")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         xp = nna.array_namespace(y_pred)
    ...         self.largest.assign(xp.maximum(self.largest.value, xp.max(y_pred)))
    ...     def result(self):
    ...         return self.largest.value
    >>> metric = Largest()
    >>> float(metric(None, np.asarray([1.0, 3.0]))), float(metric(None, np.asarray([2.0])))
    (3.0, 3.0)
    """

    shared_arguments = ("name", "dtype")
    name = "metric"
    dtype: str | None = None
    _takes_any = True
    #: Whether it is better the greater, "up", or the less it is, "down"; None if that is not known.
    _direction: str | None = None
    #: Whether all of the state exists; False until the first batch where its shapes depend on that.
    _built = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = snake_case(cls.__name__)
        if "update_state" in vars(cls):
            place_methods(cls, "update_state")
            cls.update_state = _following_arrays(cls.update_state)  # type: ignore[method-assign]
        if "result" in vars(cls):
            cls.result = _where_the_state_is(cls.result)  # type: ignore[method-assign]

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or type(self).name
        self._takes_any = dtype is None
        asked_for = config.floatx() if dtype is None else nn.check_float_dtype(dtype)
        self.dtype = asked_for if asked_for in ("float32", "float64") else config.floatx()

    # -- state ------------------------------------------------------------------------------------------------------

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: str | None = None, name: str | None = None
    ) -> Variable:
        """Make a variable of the state on the backend in force.

        Parameters
        ----------
        shape : sequence of int
        initializer : str, Initializer or callable ``f(shape, dtype)``
            Gives the values that `reset_state` returns to.
        dtype : str, optional
            The metric's by default.
        name : str, optional

        Returns
        -------
        Variable
        """
        dtype = dtype or self.dtype or config.floatx()
        initial = np.asarray(initializers.get(initializer or "zeros")(tuple(shape), dtype))
        if initial.shape != tuple(shape):
            raise ValueError(
                f"The initializer of {name or 'a variable'!r} must give shape {tuple(shape)}: received "
                f"{describe(initial)}."
            )
        backend, device = current_backend()
        value = backend.xp.asarray(convert(initial, backend, dtype, device), copy=True)
        variable = Variable(value, name or "variable", trainable=False)
        variable.path = f"{self.name}/{variable.name}"
        self.__dict__.setdefault("_initial", {})[variable] = initial
        return variable

    add_weight = add_variable

    def _build_beside(self, like: Any, shape: Sequence[int], *names: str) -> None:
        """Make variables whose shape the first batch tells, as attributes, where its array `like` is."""
        scope = current_scope()
        if scope is not None and not isinstance(scope, RehearsalScope):
            raise TypeError(
                f"{self!r} makes its state at the first batch, and stateless forms need it before. Call "
                "update_state with a batch once, then reset_state."
            )
        raw = like.value if isinstance(like, Array) else like
        backend = backend_of(raw)
        with use_backend(backend.name, backend.device_of(raw)):
            for name in names:
                setattr(self, name, self.add_variable(shape, name=name))
        self._built = True

    @property
    def variables(self) -> list[Variable]:
        """The state, each variable once, in the order in which they were made or set."""
        return [x for x in _found(self) if isinstance(x, Variable)]

    def reset_state(self) -> None:
        """Set the state to its initial values."""
        for metric in _found(self):
            if isinstance(metric, Metric):
                for variable, initial in vars(metric).get("_initial", {}).items():
                    variable.assign(initial)

    # -- to be written by subclasses ----------------------------------------------------------------------------------

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight)")

    def result(self) -> Any:
        """Return the value over all batches since the last reset: a scalar, or a dict of scalars."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch and return the result."""
        self.update_state(*args, **kwargs)
        return self.result()

    # -- pure forms -------------------------------------------------------------------------------------------------

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Return the values of `variables` after `update_state`, started from those given; nothing is changed.

        Examples
        --------
        >>> import numpy as np
        >>> import nnarray as nna
        >>> mean = nna.metrics.Mean()
        >>> state = mean.stateless_update_state([np.asarray(0.0), np.asarray(0.0)], np.asarray([3.0, 5.0]))
        >>> float(mean.stateless_result(state)), float(mean.result())
        (4.0, 0.0)
        """
        with self._lent(metric_variables) as scope:
            self.update_state(*args, **kwargs)
        return [scope.values[variable] for variable in self.variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Return the result of a state."""
        with self._lent(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """Return the values of `variables` after `reset_state`."""
        variables = self.variables
        with self._lent([np.zeros(variable.shape) for variable in variables]) as scope:
            self.reset_state()
        return [scope.values[variable] for variable in variables]

    def _lent(self, values: Sequence[Any]) -> StatelessScope:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"metric_variables must hold a value for each of the {len(variables)} variables of {self.name!r}: "
                f"received {len(values)}."
            )
        values = [x.value if isinstance(x, Variable) else x for x in values]
        arrays = [
            x if isinstance(x, Array) or find_backend(x) else convert(x, v.backend, v.dtype, v.device)
            for x, v in zip(values, variables, strict=True)
        ]
        return StatelessScope(variables, arrays)

    def widen(self, dtype: str) -> None:
        """Hold the state in float64 if that is `dtype`, unless another dtype was asked for."""
        for metric in list(_found(self)) if dtype == "float64" else ():
            if isinstance(metric, Metric) and metric._takes_any and metric.dtype == "float32":
                metric.dtype = dtype
                for variable in vars(metric).get("_initial", {}):
                    if variable.dtype == "float32":
                        variable.rebind(convert(variable.value, variable.backend, dtype, variable.device))

    def _follow(self, x: Any) -> None:
        """Move the state to where the array `x` is, but not while arrays are lent or a function is traced."""
        x = x.value if isinstance(x, Array) else x
        backend = find_backend(x)
        if backend is None or backend.traced is not None or current_scope() is not None:
            return
        device = backend.device_of(x)
        for variable in self.variables:
            if variable.backend is not backend or variable.device != device:
                variable.rebind(convert(variable.value, backend, variable.dtype, device))


_HOLDING = (Variable, Metric, list, tuple, dict)
_PLAIN = frozenset((str, int, float, bool, type(None)))


def _found(metric: Metric) -> Iterator[Metric | Variable]:
    """Yield a metric, its variables in the order in which they were made or set, and the same of its own metrics."""
    remaining: list[Any] = [metric]
    seen: set[int] = set()
    while remaining:
        x = remaining.pop()
        if isinstance(x, (Variable, Metric)):
            if id(x) in seen:
                continue
            seen.add(id(x))
            yield x
        if isinstance(x, Metric):
            within = [*reversed(vars(x).values()), list(vars(x).get("_initial", ()))]
        elif isinstance(x, (list, tuple, dict)):
            within = list(reversed(x.values() if isinstance(x, dict) else x))
        else:
            continue
        remaining += [item for item in within if type(item) not in _PLAIN and isinstance(item, _HOLDING)]


def _following_arrays(update: Callable[..., None]) -> Callable[..., None]:
    """Return an ``update_state`` before which the state moves to where the predictions, or the values, are."""
    names = list(inspect.signature(update).parameters)[1:]
    leading = names.index("y_pred") if "y_pred" in names else 0

    @functools.wraps(update)
    def moved(self: Metric, *args: Any, **kwargs: Any) -> None:
        self._follow(args[leading] if len(args) > leading else kwargs.get(names[leading]) if names else None)
        update(self, *args, **kwargs)

    return moved


def _where_the_state_is(result: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``result`` that runs on the device of the state."""

    @functools.wraps(result)
    def placed(self: Metric, *args: Any, **kwargs: Any) -> Any:
        first = next((x.value for x in _found(self) if isinstance(x, Variable)), None)
        with on_device_of(first):
            return result(self, *args, **kwargs)

    return placed
