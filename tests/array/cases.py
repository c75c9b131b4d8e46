"""Arguments for every function of the table. Real ones lie away from kinks and from the edges of domains."""

from __future__ import annotations

import numpy as np

from tests.array.case import Case
from tests.array.case import real as _real
from tests.array.cases_linalg import CASES as LINALG

X, Y = _real(3, 4), _real(3, 4, seed=1)
ROW, COLUMN, SCALAR = _real(4, seed=2), _real(3, 1, seed=3), np.asarray(0.7)
POSITIVE, UNIT = _real(3, 4, signs=False), _real(3, 4, low=0.1, high=0.8)
EMPTY = np.zeros((0, 4))
INTEGERS = np.asarray([[3, 5, 6], [1, 2, 12]])
MASK = X > 0

_UNARY = {
    name: [Case((X,)), Case((SCALAR,)), Case((EMPTY,))]
    for name in (
        *("negative", "positive", "abs", "square", "exp", "expm1", "sin", "cos", "atan", "sinh", "cosh", "tanh"),
        *("asinh", "reciprocal", "ceil", "floor", "round", "sign", "trunc", "isfinite", "isinf", "isnan", "signbit"),
    )
}
_POSITIVE = {name: [Case((POSITIVE,)), Case((EMPTY,))] for name in ("sqrt", "log", "log1p", "log2", "log10")}
_UNIT = {name: [Case((UNIT,))] for name in ("asin", "acos", "atanh")}
_BINARY_CASES = [Case((X, Y)), Case((X, ROW)), Case((COLUMN, X)), Case((SCALAR, X)), Case((EMPTY, ROW))]
_BINARY = dict.fromkeys(
    (
        *("add", "subtract", "multiply", "divide", "logaddexp", "atan2", "hypot", "maximum", "minimum", "floor_divide"),
        *("remainder", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    ),
    _BINARY_CASES,
)
_BITS = {
    name: [Case((INTEGERS, INTEGERS[0]))]
    for name in (*("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"),)
}
_LOGIC = {name: [Case((MASK, ~MASK))] for name in ("logical_and", "logical_or", "logical_xor")}
_REDUCTIONS = {
    name: [
        *(Case((X,)), Case((X,), params={"axis": 1}), Case((X,), params={"axis": -2, "keepdims": True})),
        *(Case((_real(2, 3, 4),), params={"axis": (0, 2)}), Case((SCALAR,))),
    ]
    for name in ("sum", "mean", "max", "min", "all", "any", "count_nonzero")
}

_SPECIAL = {
    **{f"_special.{name}": [Case((X,)), Case((SCALAR,)), Case((EMPTY,))] for name in ("erf", "erfc", "ndtr")},
    "_special.log_ndtr": [Case((X,))],
    **{f"_special.{name}": [Case((UNIT,)), Case((-UNIT,))] for name in ("erfinv", "expit")},
    **{f"_special.{name}": [Case((np.abs(UNIT),))] for name in ("logit", "entr")},
    **{f"_special.{name}": [Case((POSITIVE,)), Case((-POSITIVE,))] for name in ("gammaln", "digamma")},
    "_special.polygamma": [Case((POSITIVE,), (1,)), Case((-POSITIVE,), (2,))],
    **{f"_special.{name}": [Case((X, POSITIVE)), Case((COLUMN, POSITIVE))] for name in ("xlogy", "xlog1py")},
}

Z, W = X + 1j * Y, Y - 2j * X
_COMPLEX = {
    **{name: [Case((Z,)), Case((Z[0, 0],))] for name in ("conj", "real", "imag")},
    **{
        name: [Case((Z,))]
        for name in (
            *("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh"),
            *("atanh", "sqrt", "log", "log1p", "log2", "log10", "square", "abs", "sign", "reciprocal", "negative"),
            *("prod", "mean"),
        )
    },
    **{name: [Case((Z, W)), Case((Z, W[0])), Case((Z, X + 0j))] for name in ("add", "multiply", "divide", "pow")},
    "subtract": [Case((Z, W[0]))],
    **{name: [Case((Z,), params={"axis": 1})] for name in ("cumulative_sum", "cumulative_prod")},
    **{"matmul": [Case((Z, W.T)), Case((Z[0], W.T))], "sum": [Case((Z,), params={"axis": 0})]},
    **{"where": [Case((MASK, Z, W))], "take": [Case((Z, np.asarray([1, 1])), params={"axis": 0})]},
}
_CUMULATIVE = [
    *(Case((ROW,)), Case((X,), params={"axis": 0}), Case((X,), params={"axis": -1, "include_initial": True})),
    *(Case((ROW * np.asarray([1, 0, 1, 1]),)), Case((EMPTY,), params={"axis": 0})),
]
_WITH_ZEROS = X * np.asarray([[1, 1, 1, 1], [1, 0, 1, 1], [0, 1, 0, 1]])

CASES: dict[str, list[Case]] = {
    **_UNARY,
    **_POSITIVE,
    **_UNIT,
    **_BINARY,
    **_BITS,
    **_SPECIAL,
    **_LOGIC,
    **_REDUCTIONS,
    **LINALG,
    "tan": [Case((UNIT,)), Case((EMPTY,))],
    "copysign": [Case((X, Y)), Case((X, ROW))],
    "nextafter": [Case((X, Y))],
    "prod": [
        *(Case((X,)), Case((X,), params={"axis": 1}), Case((X,), params={"axis": -2, "keepdims": True})),
        *(Case((_real(2, 3, 4),), params={"axis": (0, 2)}), Case((SCALAR,)), Case((_WITH_ZEROS,), params={"axis": 1})),
    ],
    "var": [
        *(Case((X,)), Case((X,), params={"axis": 1, "correction": 1}), Case((X,), params={"keepdims": True})),
        Case((_real(2, 3, 4),), params={"axis": (0, 2)}),
    ],
    "std": [Case((X,)), Case((X,), params={"axis": 1, "correction": 1}), Case((X,), params={"axis": 0})],
    "cumulative_sum": _CUMULATIVE,
    "cumulative_prod": _CUMULATIVE[:-1],
    "sort": [Case((X,)), Case((X,), params={"axis": 0, "descending": True}), Case((ROW,))],
    "searchsorted": [Case((np.asarray([0.0, 1.0, 2.0]), np.asarray([0.5, 2.5])))],
    "nonzero": [Case((INTEGERS - 3,)), Case((MASK,))],
    **{
        name: [Case((INTEGERS,)), Case((X,)), Case((EMPTY,))]
        for name in ("unique_counts", "unique_inverse", "unique_all", "unique_values")
    },
    "isin": [Case((INTEGERS, np.asarray([1, 5])))],
    "take_along_axis": [
        *(Case((X, np.asarray([[2, 0, 2], [1, 1, 3], [0, 0, 0]]))), Case((ROW, np.asarray([3, 3])))),
        Case((X, np.asarray([[2, 0, 2, 1]])), params={"axis": 0}),
    ],
    "roll": [
        *(Case((X,), (1,)), Case((X,), (-2,), {"axis": 1}), Case((X,), ((1, 2),), {"axis": (0, 1)})),
    ],
    "repeat": [
        *(Case((X, 2)), Case((X, 3), params={"axis": 1}), Case((X, np.asarray([2, 0, 1])), params={"axis": 0})),
    ],
    "tile": [Case((X,), ((2, 1),)), Case((ROW,), ((2, 3),)), Case((X,), ((2,),))],
    "tril": [Case((X,)), Case((_real(2, 3, 3),), params={"k": -1})],
    "triu": [Case((X,)), Case((X,), params={"k": 1})],
    "acosh": [Case((1.0 + POSITIVE,))],
    "pow": [Case((POSITIVE, Y)), Case((POSITIVE, ROW)), Case((SCALAR, X)), Case((COLUMN**2, SCALAR))],
    "clip": [
        *(Case((X,), (-0.5, 0.6)), Case((X,), params={"max": 0.6}), Case((X,), params={"min": -0.5})),
        Case((X, COLUMN - 1.0, COLUMN + 1.0)),
    ],
    "where": [Case((MASK, X, Y)), Case((MASK, ROW, COLUMN)), Case((MASK[0], X, SCALAR))],
    "logical_not": [Case((MASK,))],
    "bitwise_invert": [Case((INTEGERS,))],
    "argmax": [Case((X,)), Case((X,), params={"axis": 1}), Case((X,), params={"axis": 0, "keepdims": True})],
    "argmin": [Case((X,)), Case((X,), params={"axis": 1})],
    "argsort": [Case((X,)), Case((X,), params={"axis": 0, "descending": True})],
    "matmul": [
        *(Case((X, _real(4, 5))), Case((X, ROW)), Case((_real(3), X)), Case((ROW, ROW))),
        *(Case((_real(2, 3, 4), _real(4, 5))), Case((X, _real(2, 4, 5))), Case((_real(2, 1, 3, 4), _real(5, 4, 2)))),
        *(Case((_real(2, 3, 4), ROW)), Case((_real(3), _real(2, 3, 4))), Case((EMPTY, _real(4, 2)))),
    ],
    "matrix_transpose": [Case((X,)), Case((_real(2, 3, 4),))],
    "reshape": [Case((X,), ((2, 6),)), Case((X,), params={"shape": (-1,)}), Case((SCALAR,), ((1, 1),))],
    "permute_dims": [Case((_real(2, 3, 4),), ((2, 0, 1),))],
    "moveaxis": [Case((_real(2, 3, 4),), (0, -1)), Case((_real(2, 3, 4),), ((0, 1), (2, 0)))],
    "expand_dims": [Case((X,), (0,)), Case((X,), params={"axis": -1})],
    "squeeze": [Case((COLUMN,), (1,)), Case((_real(1, 3, 1),), params={"axis": (0, -1)})],
    "broadcast_to": [Case((ROW,), ((3, 4),)), Case((COLUMN,), params={"shape": (2, 3, 4)}), Case((SCALAR,), ((2,),))],
    "flip": [Case((X,)), Case((X,), params={"axis": 1})],
    "concat": [
        *(Case(([X, Y],)), Case(([X, COLUMN],), params={"axis": -1}), Case(([X, ROW],), params={"axis": None})),
    ],
    "stack": [Case(([X, Y],)), Case(([X, Y],), params={"axis": -1}), Case(([SCALAR, SCALAR],))],
    "take": [
        *(Case((X, np.asarray([2, 0, 2])), params={"axis": 0}), Case((X, np.asarray([1, 1])), params={"axis": -1})),
        Case((ROW, np.asarray([3, 3, 0]))),
    ],
    "getitem": [
        *(Case((X,), ((1, Ellipsis),)), Case((X,), ((slice(None, None, -2), Ellipsis),)), Case((ROW,), (2,))),
        *(Case((X,), ((Ellipsis, None, 2),)), Case((X,), ((None, 1, None, slice(3, None, -1), None),))),
        *(Case((X,), ((slice(1, 3), slice(0, 4, 3)),)), Case((_real(2, 3, 4),), ((0, Ellipsis, -1),))),
    ],
    "set_item": [
        *(Case((X, ROW), ((1, Ellipsis),)), Case((X, _real(2, 4)), ((slice(0, 2), Ellipsis),))),
        Case((X, ROW), ((slice(None, None, -2), Ellipsis),)),
    ],
    "to_device": [Case((X,), (None,))],
    "index_add": [
        *(Case((X, np.asarray([2, 0, 2]), Y), (0,)), Case((X, np.asarray([1, 1]), _real(3, 2)), params={"axis": 1})),
    ],
    "astype": [Case((X,), ("float32",)), Case((X,), ("int64",)), Case((INTEGERS,), ("float64",))],
    "arange": [Case((), (4,)), Case((), (1, 7, 2))],
    "empty": [Case((), ((2, 3),))],
    "eye": [Case((), (3,)), Case((), (2, 3), {"k": 1})],
    "full": [Case((), ((2, 3), 1.5))],
    "linspace": [Case((), (0.0, 1.0, 5)), Case((), (0.0, 1.0, 5), {"endpoint": False})],
    "ones": [Case((), ((2, 3),))],
    "zeros": [Case((), ((2, 3),)), Case((), (3,))],
    "empty_like": [Case((X,))],
    "full_like": [Case((X,), (2.5,))],
    "ones_like": [Case((X,))],
    "zeros_like": [Case((X,))],
}
for _name, _cases in _COMPLEX.items():
    CASES[_name] = [*CASES.get(_name, ()), *_cases]
