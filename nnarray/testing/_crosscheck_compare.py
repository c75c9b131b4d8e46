"""Runs on several backends, held against the first of them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from nnarray.testing._crosscheck_report import Difference, Row
from nnarray.testing._crosscheck_run import FORWARD, WEIGHT, Found, Key, Run, largest


def compared(runs: dict[str, Run], tolerance: float) -> list[Row]:
    """Return a row per array: the reference's in its order, then what only others have."""
    reference, *_ = runs
    keys: dict[Key, None] = {}
    for one in runs.values():
        keys.update(dict.fromkeys(one.found))
        if one.error is not None:
            keys[one.error[0]] = None
    ordered = sorted(keys, key=lambda key: key.kind != FORWARD)
    last = Counter[str]()
    for key in keys:
        last[key.place.path] = max(last[key.place.path], key.place.number)
    rows = []
    for key in ordered:
        holders = [one.found[key].value for one in runs.values() if key in one.found]
        exact = bool(holders) and holders[0].dtype.kind in "biu"
        allowed = 0.0 if exact else tolerance
        differences = {label: _difference(runs[reference], one, key, allowed) for label, one in runs.items()}
        shape = holders[0].shape if holders else None
        rows.append(Row(*_names(key, last), shape, allowed, differences))
    return rows


def _names(key: Key, last: Counter[str]) -> tuple[str, str, str]:
    """Return name, kind and layer as a row has them."""
    place = key.place
    several = f"#{place.number + 1}" if last[place.path] else ""
    layer = f"{place.path}{several}"
    if key.kind == WEIGHT:
        # A layer has the same weights in all its calls; another layer of the same name has others.
        return f"{place.path}{several if place.number else ''}{key.part}", key.kind, layer
    return f"{layer}{key.part}", key.kind, layer


def _difference(reference: Run, one: Run, key: Key, allowed: float) -> Difference | None:
    if one.error is not None and one.error[0] == key:
        return Difference(math.inf, False, f"raises {one.error[1]}")
    ours, theirs = reference.found.get(key), one.found.get(key)
    if one is reference or (ours is None and reference.error) or (theirs is None and one.error):
        return None
    if ours is None or theirs is None:
        return Difference(math.inf, False, "missing" if theirs is None else "additional: the reference has none")
    return difference(ours, theirs.value, allowed)


def difference(reference: Found, value: np.ndarray, allowed: float) -> Difference:
    """Return the difference of `value` from the reference."""
    expected = reference.value
    if value.shape != expected.shape:
        return Difference(math.inf, False, f"shape {value.shape} instead of {expected.shape}")
    if value.dtype != expected.dtype:
        return Difference(math.inf, False, f"{value.dtype} instead of {expected.dtype}")
    if expected.dtype.kind in "fc" and (np.isnan(value).any() or np.isnan(expected).any()):
        here, there = np.isnan(value).any(), np.isnan(expected).any()
        return Difference(math.inf, False, "NaN" + ("" if not there else " on both" if here else " on the reference"))
    wide = np.result_type(expected.dtype, np.float64)
    unequal = value != expected
    gap = np.abs(value.astype(wide)[unequal] - expected.astype(wide)[unequal]).max(initial=0.0)
    scale = max(largest(expected), reference.floor)
    relative = float(gap / scale) if scale else math.inf if gap else 0.0
    return Difference(relative, relative <= allowed)
