"""Functions of the table on one element, as expressions that Numba compiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray.compiler._graph import Operation, Value

#: By dtype kinds: what the arguments `x` and `y` give. NumPy's ufuncs stand for themselves.
_FLOATS = {
    **{"add": "{x} + {y}", "subtract": "{x} - {y}", "multiply": "{x} * {y}", "divide": "{x} / {y}"},
    **{"negative": "-{x}", "square": "{x} * {x}", "reciprocal": "{one} / {x}", "abs": "abs({x})"},
    **{"sqrt": "sqrt({x})", "floor": "np.floor({x})", "ceil": "np.ceil({x})", "trunc": "np.trunc({x})"},
    **{"isnan": "{x} != {x}", "isfinite": "np.isfinite({x})", "isinf": "np.isinf({x})"},
    **{"copysign": "np.copysign({x}, {y})", "logaddexp": "np.logaddexp({x}, {y})", "sign": "np.sign({x}) + {zero}"},
}
#: NumPy computes these on several elements at once; the loop's own are faster on few.
_SLOW = {
    **{name: f"np.{name}({{x}})" for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan")},
    **{name: f"np.{name}({{x}})" for name in ("sinh", "cosh", "tanh")},
    **{f"a{name}": f"np.arc{name}({{x}})" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")},
    **{"atan2": "np.arctan2({x}, {y})", "hypot": "np.hypot({x}, {y})", "pow": "np.power({x}, {y})"},
}
_ORDERS = {
    **{"equal": "{x} == {y}", "not_equal": "{x} != {y}", "less": "{x} < {y}", "less_equal": "{x} <= {y}"},
    **{"greater": "{x} > {y}", "greater_equal": "{x} >= {y}"},
}
_INTEGERS = {
    **{"add": "{x} + {y}", "subtract": "{x} - {y}", "multiply": "{x} * {y}", "negative": "-{x}"},
    **{"square": "{x} * {x}", "bitwise_and": "{x} & {y}", "bitwise_or": "{x} | {y}", "bitwise_xor": "{x} ^ {y}"},
}
_LOGICAL = {
    **{"logical_and": "{x} & {y}", "logical_or": "{x} | {y}", "logical_xor": "{x} ^ {y}", "logical_not": "not {x}"},
    **{"bitwise_and": "{x} & {y}", "bitwise_or": "{x} | {y}", "bitwise_xor": "{x} ^ {y}", "bitwise_invert": "not {x}"},
}
_TABLES = {
    "f": _FLOATS | _SLOW | _ORDERS,
    "i": _INTEGERS | _ORDERS,
    "u": _INTEGERS | _ORDERS,
    "b": _LOGICAL | {"equal": "{x} == {y}", "not_equal": "{x} != {y}"},
}
#: To these powers NumPy multiplies, or newer versions take the root, which is NaN of -inf.
_POWERS: dict[float, str] = {2: "{x} * {x}"}
with np.errstate(invalid="ignore"):
    if np.isnan(np.power(-np.ones(1) * np.inf, 0.5)).all():
        _POWERS[0.5] = "sqrt({x})"
_MOST_SLOW = 256


def is_plain(dtype: Any) -> bool:
    """Whether loops work on numbers of a dtype."""
    return dtype.kind in "fiub" and dtype.isnative and dtype.itemsize <= 8 and dtype != np.float16


def has_expression(operation: Operation) -> bool:
    """Whether an operation of the table can be computed element by element, with NumPy's results."""
    name, inputs = operation.function.name, operation.inputs
    if len(operation.results) != 1 or not inputs or not operation.results[0].size:
        return False
    if not all(is_plain(x.dtype) for x in (*inputs, *operation.results)):
        return False
    if name == "astype":
        # NumPy leaves to the machine what an integer is made of a float beyond its range.
        return not (inputs[0].dtype.kind == "f" and operation.results[0].dtype.kind in "iu")
    if name == "where":
        condition, *chosen = operation.arguments
        dtype = operation.results[0].dtype
        return type(condition) is Value and condition.dtype.kind == "b" and all(_is_of(x, dtype) for x in chosen)
    dtype = inputs[0].dtype
    is_minimum = name in ("maximum", "minimum") and dtype.kind in "fiu"
    if not is_minimum and name not in _TABLES[dtype.kind]:
        return False
    if name == "pow" and len(inputs) == 2 and inputs[1].size == 1:
        return False  # NumPy looks at the value of the exponent: to the power 0.5 is a root.
    is_slow = name in _SLOW and not _is_product_or_root(operation)
    is_right = operation.results[0].dtype == (np.dtype(bool) if _gives_bool(name) else dtype)
    few = not is_slow or operation.results[0].size <= _MOST_SLOW
    return few and is_right and all(_is_of(x, dtype) for x in operation.arguments)


def expression(operation: Operation, terms: Sequence[str], literal: Any) -> str:
    """Return the expression for one element.

    Parameters
    ----------
    operation : Operation
    terms : sequence of str
        Names of the elements of the arguments; those of numbers are literals.
    literal : callable
        Returns the name of a NumPy scalar.
    """
    name, result = operation.function.name, operation.results[0]
    if name == "astype":
        source = operation.inputs[0].dtype
        if result.dtype.kind == "b":
            return f"{terms[0]} != {literal(source.type(0))}" if source.kind != "b" else terms[0]
        return f"np.{result.dtype.name}({terms[0]})"
    if name == "where":
        condition, first, second = terms
        return f"{first} if {condition} else {second}"
    if name in ("maximum", "minimum"):
        return _greatest(operation, terms, ">" if name == "maximum" else "<")
    kind = operation.inputs[0].dtype.kind
    template = _POWERS[operation.arguments[-1]] if _is_product_or_root(operation) else _TABLES[kind][name]
    numbers = {
        name: literal(operation.inputs[0].dtype.type(n)) for name, n in (("zero", 0), ("one", 1)) if name in template
    }
    found = template.format(x=terms[0], y=terms[-1], **numbers)
    # Numba computes integers in 64 bits.
    return f"np.{result.dtype.name}({found})" if kind in "iu" and result.dtype.kind != "b" else found


def _greatest(operation: Operation, terms: Sequence[str], sign: str) -> str:
    """Return the greater or the less of two; NaN where one is, and the second of two zeros, as NumPy does."""
    (x, y), (first, second) = terms, operation.arguments
    if operation.results[0].dtype.kind != "f" or _is_number(first):
        return f"{x} if {x} {sign} {y} else {y}"
    if _is_number(second):
        return f"{y} if {y} {sign}= {x} else {x}"
    return f"{x} if ({x} {sign} {y}) | ({x} != {x}) else {y}"


def _is_number(x: Any) -> bool:
    return type(x) is not Value and not math.isnan(x)


def _is_product_or_root(operation: Operation) -> bool:
    exponent = operation.arguments[-1]
    of_float = operation.inputs[0].dtype.kind == "f"
    return operation.function.name == "pow" and type(exponent) in (int, float) and exponent in _POWERS and of_float


def _gives_bool(name: str) -> bool:
    return name in _ORDERS or name.startswith("is") or name.startswith("logical")


def _is_of(x: Any, dtype: np.dtype[Any]) -> bool:
    """Whether an argument is of a dtype, or a number that is taken in it."""
    if type(x) is Value:
        return x.dtype == dtype
    if type(x) is bool or dtype.kind == "b":
        return type(x) is bool and dtype.kind == "b"
    if isinstance(x, float):
        return dtype.kind == "f"
    if not isinstance(x, int):
        return False
    return dtype.kind == "f" or bool(np.iinfo(dtype).min <= x <= np.iinfo(dtype).max)
