"""Several optimizers, each for some of the variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from nnarray._checks import check_positive
from nnarray._config import Configured
from nnarray._messages import describe
from nnarray.optimizers._composite import Composite
from nnarray.optimizers._loss_scale import LossScaleOptimizer
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._slots import bring_beside, members_of
from nnarray.variables import Variable


class OptimizerMap(Configured, MutableMapping[str, Optimizer]):
    """Optimizers by the paths of variables.

    A path is that of attributes, such as ``"encoder/layers/0/kernel"``, or of names of layers, such as
    ``"encoder/dense/kernel"``, both from the model that is trained.

    Parameters
    ----------
    default_optimizer : Optimizer
        For all variables that no key is for.
    optimizer_map : mapping of str to Optimizer, optional
        A key is a path, or else a pattern that the whole of a path must match.

    Examples
    --------
    >>> from nnarray import optimizers
    >>> by_path = optimizers.OptimizerMap(optimizers.SGD(0.1), {"encoder/.*": optimizers.Adam()})
    >>> by_path["encoder/dense/kernel"], by_path["head/kernel"]
    (Adam(), SGD(0.1))
    """

    shared_arguments = ()

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None) -> None:
        self._default = _checked(default_optimizer)
        self._map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """What variables get that no key is for."""
        return self._default

    def _present_value(self, name: str, value: Any) -> Any:
        if name == "optimizer_map":
            return dict(self._map) or None
        return self._default if name == "default_optimizer" else super()._present_value(name, value)

    def __getitem__(self, path: str) -> Optimizer:
        return self._found((path,))

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise TypeError(f"A key must be a path or a pattern: received {describe(key)}.")
        if key in self._map:
            raise ValueError(f"A key has one optimizer: received {key!r} again, which has {self._map[key]!r}.")
        self._map[key] = _checked(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __call__(self, variable: Variable) -> Optimizer:
        """Return the optimizer of a variable."""
        return self._found(variable.paths)

    def _found(self, paths: Sequence[str]) -> Optimizer:
        exact = [path for path in paths if path in self._map]
        keys = exact or [key for key in self._map if any(re.fullmatch(key, path) for path in paths)]
        found = dict.fromkeys(self._map[key] for key in keys)
        if len(found) > 1:
            raise ValueError(f"A variable has one optimizer: {paths[-1]!r} matches {keys}, which have several.")
        return next(iter(found), self._default)


class MultiOptimizer(Composite):
    """Lets each variable be changed by one of several optimizers.

    Parameters
    ----------
    optimizer_map : OptimizerMap, or callable
        Takes a Variable and returns its optimizer. It is asked once for each.
    loss_scale_factor : float, optional
        Takes the place of that of each optimizer.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> from nnarray.optimizers import SGD, MultiOptimizer, OptimizerMap
    >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {"slow": SGD(0.25)}))
    >>> w, slow = nna.Variable(np.ones(2), "w"), nna.Variable(np.ones(2), "slow")
    >>> optimizer.apply([np.ones(2), np.ones(2)], [w, slow])
    >>> w.numpy(), slow.numpy()
    (array([0.5, 0.5]), array([0.75, 0.75]))
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(optimizer_map):
            raise TypeError(f"optimizer_map must be an OptimizerMap or a function: received {describe(optimizer_map)}.")
        self._optimizers: list[Optimizer] = []
        self._places: WeakKeyDictionary[Variable, int] = WeakKeyDictionary()
        self._built_for: list[Variable] = []
        super().__init__(name)
        self._map = optimizer_map
        self.loss_scale_factor = loss_scale_factor
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._map.values(), optimizer_map.default_optimizer):
                self._add(optimizer)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_places": list(self._places.items())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_places": WeakKeyDictionary(state["_places"])})

    @property
    def optimizers(self) -> list[Optimizer]:
        """Those of the map, and those that a function has returned so far."""
        return list(self._optimizers)

    @property
    def loss_scale_factor(self) -> float | None:
        """What losses are multiplied by before derivatives are taken; each optimizer divides by it."""
        return self._factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._factor = None if value is None else check_positive("loss_scale_factor", value)
        for optimizer in self._optimizers:
            optimizer.loss_scale_factor = self._factor

    @property
    def learning_rate(self) -> Any:
        """Refused: each of the `optimizers` has its own."""
        raise AttributeError("A MultiOptimizer has no learning rate: each of its optimizers has one.")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            f"A MultiOptimizer has no learning rate: received {value!r} for it. Set that of one of its optimizers."
        )

    @property
    def scalars(self) -> dict[str, Variable]:
        return {} if self._iterations is None else {"iterations": self._iterations}

    @property
    def places(self) -> dict[Variable, int]:
        return dict(self._places)

    @property
    def _targets(self) -> list[Variable]:
        return self._built_for

    def _add(self, optimizer: Optimizer) -> int:
        """Return the place of an optimizer, which is a further one if it is unknown."""
        for place, known in enumerate(self._optimizers):
            if known is optimizer:
                return place
        optimizer.loss_scale_factor = self._factor
        self._optimizers.append(optimizer)
        return len(self._optimizers) - 1

    def _place_of(self, variable: Variable) -> int:
        if variable not in self._places:
            self._places[variable] = self._add(_checked(self._map(variable)))
        return self._places[variable]

    def _shares(self, targets: Sequence[Variable]) -> list[list[Variable]]:
        """Return what each optimizer has of some variables and packs; a pack that several share is taken apart."""
        owned = [(target, [self._place_of(member) for member in target.members]) for target in targets]
        shares: list[list[Variable]] = [[] for _ in self._optimizers]
        for target, places in owned:
            if len(set(places)) == 1:
                shares[places[0]].append(target)
                continue
            for member, place in zip(target.members, places, strict=True):
                shares[place].append(member)
        return shares

    def build(self, variables: Iterable[Variable]) -> None:
        variables = list(variables)
        members_of(variables)
        if not variables and not self.built:
            return
        shares = self._shares(variables)
        for optimizer, share in zip(self._optimizers, shares, strict=True):
            if share or optimizer.built:
                optimizer.build(share)
        self._built_for = variables
        if variables:
            self.make_scalars(variables[0])

    def make_scalars(self, beside: Variable) -> None:
        if self._iterations is None:
            start = beside.backend.xp.asarray(0, device=beside.device)
            self._iterations = Variable(start, f"{self.name}/iterations", trainable=False)
        bring_beside(beside, self._iterations)

    def group_of(self, variable: Variable) -> Hashable:
        place = self._place_of(variable)
        return place, self._optimizers[place].group_of(variable)

    def _is_ready_for(self, targets: Sequence[Variable]) -> bool:
        if not self.built or set(members_of(targets)) != set(members_of(self._built_for)):
            return False
        shares = self._shares(targets)
        pairs = zip(self._optimizers, shares, strict=True)
        return all(optimizer._is_ready_for(share) for optimizer, share in pairs if share)

    def _require(self, targets: Sequence[Variable]) -> None:
        shares = self._shares(targets)
        for optimizer, share in zip(self._optimizers, shares, strict=True):
            optimizer._require(share)

    def _step(self, targets: Sequence[Variable], grads: Sequence[Any]) -> None:
        assert self._iterations is not None
        given = {}
        for target, gradient in zip(targets, grads, strict=True):
            given[target] = gradient
            given.update(zip(target.members, target.split(gradient), strict=True))
        shares = self._shares(targets)
        for optimizer, share in zip(self._optimizers, shares, strict=True):
            if share:
                optimizer.apply([given[target] for target in share], share)
        self._iterations.assign(self._iterations.value + 1)


def _checked(optimizer: Any) -> Optimizer:
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)) or not isinstance(optimizer, Optimizer):
        raise TypeError(
            "Each variable has an Optimizer that is no MultiOptimizer and no LossScaleOptimizer: received "
            f"{describe(optimizer)}. LossScaleOptimizer(MultiOptimizer(…)) scales the loss for all."
        )
    return optimizer
