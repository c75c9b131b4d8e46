"""Arrays without elements, and without axes: a function that has a value there has a gradient of the right shape."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.array import TABLE
from tests.array.test_table import NOT_IN_LIBRARY
from tests.hosts import to_host, to_library

VECTORS, MATRICES = [(0,)], [(0, 3), (3, 0), (0, 0)]
SQUARE, STACKS = [(0, 0), (0, 3, 3), (2, 0, 0)], [(0, 4, 3), (2, 0, 3)]
PAIRS = [((0,), (0,)), ((0, 3), (3,)), ((0, 3), ()), ((), ()), ((1,), (0,)), ((0, 1), (1, 3)), ((2, 1), (2, 0))]
PRODUCTS = [
    *(((0, 3), (3, 2)), ((3, 0), (0, 2)), ((2, 3), (3, 0)), ((0,), (0,)), ((0, 3), (3,)), ((3, 0), (0,))),
    *(((0,), (0, 3)), ((0, 2, 3), (3, 2)), ((2, 3), (0, 3, 2)), ((1, 2, 3), (0, 3, 2))),
]
INF = math.inf
_KEYS = [{"key": key} for key in ((Ellipsis,), (slice(0, 0), Ellipsis), (None, Ellipsis), (slice(None, None, -1),))]
_REDUCED: list[dict[str, Any]] = [{}, {"axis": 0}, {"axis": -1, "keepdims": True}]
_CUMULATED: list[dict[str, Any]] = [{"axis": 0}, {"axis": -1, "include_initial": True}]
_ONE_AXIS = [{}, {"axis": 0}, {"n": 4, "norm": "ortho"}]
_SEVERAL_AXES = [{}, {"axes": (0,)}, {"s": (2,), "axes": (-1,)}]

#: What a function is called with beside arrays; nothing, for those that are not here.
PARAMS: dict[str, list[dict[str, Any]]] = {
    **dict.fromkeys(("sum", "prod", "mean", "var", "std", "max", "min"), _REDUCED),
    **dict.fromkeys(("cumulative_sum", "cumulative_prod"), _CUMULATED),
    **{f"fft.{name}": _ONE_AXIS for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{f"fft.{name}": _SEVERAL_AXES for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    "linalg.matrix_norm": [{"ord": p} for p in ("fro", "nuc", 1, -1, 2, -2, INF)] + [{"ord": INF, "keepdims": True}],
    "linalg.vector_norm": [{"ord": p, "axis": a} for p in (0, 1, 2, 3, 0.5, INF, -INF) for a in (None, -1, (0,))],
    "linalg.matrix_power": [{"n": n} for n in (0, 1, 2, -1)],
    "_special.polygamma": [{"n": 1}],
    "linalg.svd": [{"full_matrices": False}],
    "linalg.diagonal": [{}, {"offset": 1}],
    "linalg.trace": [{}, {"offset": -1}],
    "reshape": [{"shape": (0, 2)}, {"shape": (1,)}],
    "permute_dims": [{"axes": (1, 0)}, {"axes": ()}],
    "expand_dims": [{"axis": 0}, {"axis": -1}],
    "squeeze": [{"axis": ()}],
    "broadcast_to": [{"shape": (2, 0, 3)}, {"shape": (0, 3)}, {"shape": (0,)}],
    "flip": [{}, {"axis": -1}],
    "roll": [{"shift": 1}, {"shift": 1, "axis": 0}],
    "tile": [{"repetitions": (2, 1)}, {"repetitions": (0,)}],
    "sort": [{}, {"descending": True}],
    "getitem": _KEYS,
    "to_device": [{"device": None}],
    "moveaxis": [{"source": 0, "destination": -1}],
    "astype": [{"dtype": "float32"}],
    "clip": [{"min": 0.1, "max": 0.2}],
    "concat": [{}, {"axis": None}],
}
BY_POSITION = ("linalg.matrix_power", "_special.polygamma", "moveaxis", "tile", "astype")
#: What the standard asks an axis or two of; libraries do as they like with fewer.
WITH_AXES = ("cumulative_sum", "cumulative_prod", "sort", "tril", "triu")
INDICES = np.asarray([], dtype="int64")


def _calls(name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Return arrays and other arguments for a function; a library may refuse some of them."""

    def full(shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, 1.5 if name == "acosh" else 0.5)

    if name == "where":
        return [((np.ones(a, dtype=bool), full(a), full(b)), {}) for a, b in PAIRS]
    if name == "repeat":
        return [((full(a), n), {"axis": 0}) for a in ((0,), (0, 3), (3, 0), (2, 3)) for n in (0, 2)]
    if name in ("take", "take_along_axis"):
        return [((full((3,)), INDICES), {"axis": 0})]
    if name == "index_add":
        return [((full((0, 3)), INDICES, full((0, 3))), {"axis": 0}), ((full((3,)), INDICES, full((0,))), {"axis": 0})]
    if name == "set_item":
        return [((full(a), full(b)), {"key": (slice(0, 0), Ellipsis)}) for a, b in (((0, 3), (3,)), ((3,), (0,)))]
    if name == "linalg.solve":
        shapes = [((0, 0), (0,)), ((0, 0), (0, 2)), ((3, 3), (3, 0)), ((0, 3, 3), (0, 3, 2)), ((3, 3), (0, 3, 2))]
        return [((np.broadcast_to(2 * np.eye(a[-1]), a), full(b)), {}) for a, b in shapes]
    if name == "linalg.cross":
        return [((full((0, 3)), full(b)), {}) for b in ((0, 3), (3,))]
    if name == "linalg.outer":
        return [((full(a), full(b)), {}) for a, b in (((0,), (3,)), ((3,), (0,)))]
    found = PARAMS.get(name, [{}])
    if TABLE[name].variadic:
        return [(([full(a), full(a)],), params) for a in ((0,), (0, 3), (3, 0)) for params in found]
    if len(TABLE[name].arrays) == 2 and name != "linalg.pinv":
        if name == "tensordot":
            return [((full(a), full(b)), {"axes": 1}) for a, b in PRODUCTS[:4]]
        shapes = PRODUCTS if name == "matmul" else [((0,), (0,)), ((0, 3), (3,)), ((3, 0), (0,))]
        return [((full(a), full(b)), {}) for a, b in (shapes if name in ("matmul", "vecdot") else PAIRS)]
    few = [] if name in WITH_AXES or name.startswith("fft") else [*VECTORS, ()]
    arrays = [full(a) for a in (*MATRICES, *SQUARE, *STACKS, *few)]
    if name.startswith(("fft", "linalg")) or name in ("conj", "real", "imag"):
        arrays += [x + 0.5j for x in arrays]
    return [((x,), params) for x in arrays for params in found]


def _some(calls: list[Any], place: Any) -> list[Any]:
    """Return fewer calls for a library that compiles each of them."""
    return calls[:: 1 + len(calls) // 3] if place[0] == "jax" else calls


def _moved(a: Any, space: Any) -> Any:
    if isinstance(a, list):
        return [to_library(x, space) for x in a]
    return a if isinstance(a, int) else to_library(a, space)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("name", [name for name, function in TABLE.items() if function.rules])
def test_what_has_a_value_without_elements_has_a_gradient(name: str, place: Any) -> None:
    space = nna.namespace(*place)
    function = TABLE[name]

    def called(arrays: Any, params: dict[str, Any]) -> Any:
        rest = list(params.values()) if name in BY_POSITION else []
        rest = [space.float32] if name == "astype" else rest
        return attrgetter(name)(space)(*arrays, *rest, **({} if rest else params))

    tried = 0
    for given, params in _some(_calls(name), place):
        arrays = [_moved(a, space) for a in given]
        try:
            called(arrays, params)
        except Exception:
            continue
        chosen = [0] if function.variadic else [i for i in range(len(given)) if function.arrays[i] in function.rules]

        def loss(*some: Any, arrays: Any = arrays, chosen: Any = chosen, params: Any = params) -> Any:
            every = list(arrays)
            for i, x in zip(chosen, some, strict=True):
                every[i] = x
            out = called(every, params)
            total = 0.0
            for y in out if isinstance(out, tuple) else (out,):
                if space.isdtype(y.dtype, ("real floating", "complex floating")):
                    y = space.real(y) if space.isdtype(y.dtype, "complex floating") else y
                    total = total + space.sum(y)
            return total

        sources = [arrays[i] for i in chosen]
        gradients = nna.grad(loss, argnums=tuple(range(len(chosen))))(*sources)
        if function.variadic:
            sources, gradients = sources[0], gradients[0]
        for x, g in zip(sources, gradients, strict=True):
            assert (g.shape, g.dtype) == (x.shape, x.dtype), (given, params)
            assert np.isfinite(to_host(g)).all(), (given, params)
        tried += 1
    assert tried or place[0] == "jax" or (name, place[0]) in NOT_IN_LIBRARY
