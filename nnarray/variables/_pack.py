"""Many variables in one buffer."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from nnarray._refusals import refuse_state
from nnarray.array import array_namespace
from nnarray.variables._variable import Variable

#: Each packed piece starts on this many bytes, the alignment that matrix products and GPUs ask for.
ALIGNMENT = 256


class Pack(Variable):
    """Several variables of one dtype laid one behind the other in one flat buffer.

    An elementwise optimizer then takes the same dozen steps whatever the depth, and gradients leave as one array.
    Where the library has views, the packed variables are windows on the buffer; elsewhere the flat value is joined
    from them when read, and split into them when assigned.

    Parameters
    ----------
    variables : sequence of Variable
        Of one dtype, backend and device. A variable packed elsewhere leaves that pack, which is then not `whole`.
    """

    def __init__(self, variables: Sequence[Variable]) -> None:
        self._members = tuple(variables)
        first = self._members[0]
        xp = first.backend.xp
        bits = xp.finfo(first._value.dtype).bits
        step = ALIGNMENT * 8 // bits
        self.starts = []
        total = 0
        for variable in self._members:
            self.starts.append(total)
            total += -(-variable.size // step) * step
        buffer = xp.zeros((total,), dtype=first._value.dtype, device=first.device)
        super().__init__(buffer, name="packed")
        flat = self.join([variable._value for variable in self._members])
        if first.backend.has_views:
            self.backend.store(buffer, flat)
            for variable, piece in zip(self._members, self.split(buffer), strict=True):
                variable._value = piece
        for variable in self._members:
            variable.pack = self

    @property
    def members(self) -> tuple[Variable, ...]:
        """The packed variables."""
        return self._members

    @property
    def whole(self) -> bool:
        """Whether every variable still lives here; packing one elsewhere retires this pack."""
        return all(variable.pack is self for variable in self._members)

    def _own(self) -> Any:
        refuse_state("Reading packed variables")
        return self._whole()

    def _whole(self) -> Any:
        return self._value if self.backend.has_views else self.join([variable._value for variable in self._members])

    def numpy(self) -> np.ndarray:
        return np.array(self.backend.to_numpy(self._whole()))

    def settle(self) -> None:
        """Do nothing: a pack has a buffer of its own."""

    def adopt(self, value: Any) -> None:
        """Write into the buffer, on which the packed variables are windows."""
        self._write(value)

    def _write(self, value: Any) -> None:
        if self.backend.has_views:
            self.backend.store(self._value, value)
            return
        for variable, piece in zip(self._members, self.split(value), strict=True):
            variable._value = piece

    def split(self, array: Any) -> list[Any]:
        """Return the piece of a flat `array` that belongs to each variable, in its shape."""
        xp = array_namespace(array)
        return [
            xp.reshape(array[start : start + variable.size], variable.shape)
            for start, variable in zip(self.starts, self._members, strict=True)
        ]

    def join(self, arrays: Sequence[Any]) -> Any:
        """Return arrays shaped like the variables as one flat array, zero in the gaps."""
        xp = array_namespace(arrays[0])
        ends = (*self.starts[1:], *self._value.shape)
        pieces = []
        for array, start, end in zip(arrays, self.starts, ends, strict=True):
            size = math.prod(array.shape)
            pieces.append(xp.reshape(array, (size,)))
            if gap := end - start - size:
                pieces.append(xp.zeros((gap,), dtype=array.dtype, device=self.device))
        return xp.concat(pieces)


def pack_variables(variables: Iterable[Variable], group: Callable[[Variable], Hashable] | None = None) -> list[Pack]:
    """Pack variables, one pack for each dtype and `group`, in order of appearance; each variable once."""
    groups: dict[Hashable, dict[Variable, None]] = {}
    for variable in variables:
        groups.setdefault((variable.dtype, None if group is None else group(variable)), {})[variable] = None
    return [Pack(tuple(members)) for members in groups.values()]
