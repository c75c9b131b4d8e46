"""What NumPy's functions are called in the standard, and which are operators."""

from __future__ import annotations

#: The method of an Array on the right of an operator of NumPy.
UFUNC_OPERATORS = {
    **{"add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__"},
    **{"floor_divide": "__rfloordiv__", "remainder": "__rmod__", "power": "__rpow__", "matmul": "__rmatmul__"},
    **{"bitwise_and": "__rand__", "bitwise_or": "__ror__", "bitwise_xor": "__rxor__"},
    **{"left_shift": "__rlshift__", "right_shift": "__rrshift__"},
    **{"less": "__gt__", "greater": "__lt__", "less_equal": "__ge__", "greater_equal": "__le__"},
    **{"equal": "__eq__", "not_equal": "__ne__"},
}
#: NumPy's sum and its like come as reductions by a function of two arguments.
_REDUCTIONS = {
    **{"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"},
    **{"logical_and": "all", "logical_or": "any"},
}
_STANDARD_NAMES = {
    **{"power": "pow", "absolute": "abs", "arctan2": "atan2", "left_shift": "bitwise_left_shift"},
    **{"right_shift": "bitwise_right_shift", "invert": "bitwise_invert"},
    **{"arc" + rest: "a" + rest for rest in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}


def standard_name(ufunc: str, method: str) -> str:
    """Return the standard's name for a function of NumPy, called itself or as a reduction."""
    name = _STANDARD_NAMES.get(ufunc, ufunc)
    return _REDUCTIONS.get(name, name) if method == "reduce" else name
