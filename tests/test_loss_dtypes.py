"""In which dtype losses compute, and what they do to targets and outputs of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import losses
from nnarray.backends import backend_of
from tests.hosts import to_library

#: Targets, outputs, their dtypes, and what Keras 3.15 gives for MeanSquaredError and BinaryCrossentropy, each called as
#: an object: it casts both to floatx first.
NARROW = [
    ([[200, 0]], [[100, 2]], "uint8", "uint8", 5002.0, None),
    ([[100, -100]], [[-100, 100]], "int8", "int8", 40000.0, None),
    ([[0.5]], [[1]], "float64", "int32", 0.25, 7.971192),
    ([[1, 0]], [[1, 0]], "int64", "int64", 0.0, 1.192093e-07),
    ([[True, False]], [[False, False]], "bool", "bool", 0.5, 8.059048),
    ([[0.0]], [[300.0]], "float16", "float16", 90000.0, None),
    ([[0.25]], [[0.5]], "float64", "float16", 0.0625, 0.693147),
]


@pytest.mark.parametrize(("y", "p", "y_dtype", "p_dtype", "squared", "binary"), NARROW)
def test_losses_of_narrow_numbers_are_computed_in_floatx(
    y: Any, p: Any, y_dtype: str, p_dtype: str, squared: float, binary: float | None, place: Any
) -> None:
    if "float16" in (y_dtype, p_dtype) and place[0] == "array_api_strict":
        pytest.skip("the library has no 16-bit floats")
    xp = nna.namespace(*place)
    targets, outputs = (to_library(np.asarray(x, dtype=d), xp) for x, d in ((y, y_dtype), (p, p_dtype)))
    for loss, function, expected in (
        (losses.MeanSquaredError(), losses.mean_squared_error, squared),
        (losses.BinaryCrossentropy(), losses.binary_crossentropy, binary),
        (losses.get(lambda t, p: nna.array_namespace(p).mean((t - p) ** 2, axis=-1)), None, squared),
    ):
        if expected is None:
            continue
        found = loss(targets, outputs)
        assert backend_of(found).dtype_name(found.dtype) == "float32"
        assert float(found) == pytest.approx(expected, rel=1e-5)
        if function is not None:
            assert float(function(targets, outputs)[0]) == pytest.approx(expected, rel=1e-5)


def test_the_dtype_of_a_loss_is_the_wider_of_floatx_and_the_outputs_unless_it_is_given() -> None:
    y, p = np.zeros((1, 1), dtype=np.float32), np.ones((1, 1), dtype=np.float32)
    assert losses.MeanSquaredError()(y, p).dtype == np.float32
    assert losses.MeanSquaredError()(y, p.astype(np.float64)).dtype == np.float64
    assert losses.MeanSquaredError(dtype="float64")(y, p).dtype == np.float64
    assert losses.MeanSquaredError(dtype="float16")(y, p).dtype == np.float16
    assert losses.MeanSquaredError(dtype="float32")(y, p.astype(np.float64)).dtype == np.float32
    nna.config.set_floatx("float64")
    try:
        assert losses.MeanSquaredError()(y, p).dtype == np.float64
    finally:
        nna.config.set_floatx("float32")
    with pytest.raises(ValueError, match="Unknown floating-point dtype: 'float23'. Did you mean 'float3"):
        losses.MeanSquaredError(dtype="float23")


def test_integer_labels_stay_integers_and_other_targets_get_the_dtype_of_the_outputs() -> None:
    labels, outputs = np.asarray([0, 2], dtype="int16"), np.full((2, 3), 1 / 3)
    seen = []

    class Sparse(losses.SparseCategoricalCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            seen.append(y_true.dtype)
            return super().call(y_true, y_pred)

    def look(y_true: Any, y_pred: Any) -> Any:
        seen.append(y_true.dtype)
        return y_pred[:, 0]

    Sparse()(labels, outputs)
    losses.get(look)(labels, outputs)
    assert seen == [labels.dtype, outputs.dtype]
