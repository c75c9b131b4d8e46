"""Initializers: bounds, variances and shapes of the distributions; the same bits on every backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import nnarray as nna
from nnarray import initializers
from nnarray.initializers import VarianceScaling
from nnarray.initializers._scaling import compute_fans
from nnarray.layers import Dense, Layer
from tests.hosts import to_host

#: Name, variance times fan, fan, uniform or not, for a kernel of 300 inputs and 200 outputs.
FAMILY = [
    ("glorot_uniform", 1.0, 250, True),
    ("glorot_normal", 1.0, 250, False),
    ("he_uniform", 2.0, 300, True),
    ("he_normal", 2.0, 300, False),
    ("lecun_uniform", 1.0, 300, True),
    ("lecun_normal", 1.0, 300, False),
]
SHAPE = (300, 200)


@pytest.mark.parametrize(("name", "scale", "fan", "uniform"), FAMILY)
def test_values_have_the_distribution_of_the_formula(name: str, scale: float, fan: float, uniform: bool) -> None:
    nna.set_seed(3)
    values = initializers.get(name)(SHAPE, "float64").ravel()
    deviation = math.sqrt(scale / fan)
    if uniform:
        limit = math.sqrt(3) * deviation
        law = stats.uniform(-limit, 2 * limit)
    else:
        # Two standard deviations of the normal before it was cut off; cutting leaves 0.8796 of them.
        unit = deviation / stats.truncnorm(-2, 2).std()
        limit = 2 * unit
        law = stats.truncnorm(-2, 2, scale=unit)
    assert 0.999 * limit < np.abs(values).max() <= limit
    assert stats.kstest(values, law.cdf).pvalue > 0.01
    # Six standard errors of a variance of 60,000 values, whose kurtosis is below that of a normal.
    assert values.var() == pytest.approx(deviation**2, rel=6 * math.sqrt(2 / values.size))
    assert abs(values.mean()) < 6 * deviation / math.sqrt(values.size)


def test_an_untruncated_normal_goes_beyond_two_standard_deviations() -> None:
    values = VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=0)(SHAPE, "float64").ravel()
    assert np.abs(values).max() > 3.5 * math.sqrt(2 / 200)
    assert stats.kstest(values, stats.norm(scale=math.sqrt(2 / 200)).cdf).pvalue > 0.01


def test_float32_values_stay_within_the_bound() -> None:
    values = initializers.GlorotUniform(seed=1)((6, 6))
    assert values.dtype == np.float32
    assert np.abs(values).max() <= np.float32(math.sqrt(0.5))


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((), (1, 1)), ((5,), (5, 5)), ((3, 4), (3, 4)), ((7, 3, 4), (21, 28)), ((2, 5, 3, 4), (30, 40)), ((0, 3), (0, 3))],
)
def test_fans_count_inputs_and_outputs_with_the_receptive_field(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert compute_fans(shape) == fans
    assert initializers.GlorotUniform(seed=0)(shape).shape == shape


def test_constants_fill_and_have_the_dtype() -> None:
    for made, value in (
        (initializers.Zeros(), 0),
        (initializers.Ones(), 1),
        (initializers.Constant(2.5), 2.5),
        (initializers.Constant(), 0),
    ):
        found = made((2, 3), "float64")
        assert found.dtype == np.float64
        assert (found == value).all()
        assert found.shape == (2, 3)


@pytest.mark.parametrize("name", [name for name, *_ in FAMILY])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_layer_has_the_same_bits_on_every_backend(name: str, dtype: str, place: Any) -> None:
    def weights(place: Any) -> list[np.ndarray]:
        nna.set_seed(11)
        with nna.use_backend(*place):
            layer = Dense(5, kernel_initializer=name, bias_initializer="ones", dtype=dtype)
            layer.build((None, 7))
        assert layer.kernel.backend.name == place[0]
        assert layer.kernel.dtype == dtype
        return [to_host(variable.value) for variable in (layer.kernel, layer.bias)]

    for found, expected in zip(weights(place), weights(("numpy", None)), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)


def test_weights_are_made_on_the_device_in_force(place: Any) -> None:
    with nna.use_backend(*place) as (adapter, device):
        variable = Layer().add_weight((2, 3), name="w")
    assert variable.backend is adapter
    assert device is None or variable.device == device
    assert variable.shape == (2, 3)


def test_a_seed_gives_the_same_values_at_every_call_and_in_every_object() -> None:
    made = initializers.HeNormal(seed=5)
    first = made((4, 4))
    np.testing.assert_array_equal(first, made((4, 4)))
    np.testing.assert_array_equal(first, initializers.HeNormal(seed=5)((4, 4)))
    assert (first != initializers.HeNormal(seed=6)((4, 4))).any()


def test_without_a_seed_values_follow_set_seed_and_never_repeat() -> None:
    def draw() -> list[np.ndarray]:
        nna.set_seed(8)
        made = initializers.GlorotUniform()
        return [made((50,)), made((50,)), initializers.GlorotUniform()((50,))]

    first, second = draw(), draw()
    np.testing.assert_array_equal(first, second)
    assert len(np.unique(first)) > 148


def test_float32_weights_are_the_float64_ones_rounded() -> None:
    made = initializers.GlorotNormal(seed=2)
    np.testing.assert_array_equal(made((9, 9), "float32"), made((9, 9), "float64").astype(np.float32))


@pytest.mark.parametrize(
    "identifier",
    ["he_normal", "HeNormal", initializers.HeNormal, initializers.HeNormal(seed=0)],
    ids=["name", "class name", "class", "object"],
)
def test_get_takes_names_classes_and_objects(identifier: Any) -> None:
    assert type(initializers.get(identifier)) is initializers.HeNormal


def test_get_takes_functions_and_layers_use_them() -> None:
    def ramp(shape: tuple[int, ...], dtype: str) -> np.ndarray:
        return np.arange(math.prod(shape), dtype=dtype).reshape(shape)

    assert initializers.get(ramp) is ramp
    layer = Dense(2, kernel_initializer=ramp)
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.kernel.numpy(), [[0, 1], [2, 3], [4, 5]])


def test_unknown_initializers_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="Unknown initializer: 'glorot_unifrom'. Did you mean 'glorot_uniform'"):
        initializers.get("glorot_unifrom")
    assert initializers.get(None) is None
    for wrong in (3.0, ["zeros"]):
        with pytest.raises(TypeError, match="Expected an? initializer"):
            initializers.get(wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0.0}, "scale must be positive: received scale=0.0"),
        ({"scale": math.nan}, "scale must be positive"),
        ({"mode": "fan"}, "mode must be 'fan_in', 'fan_out' or 'fan_avg': received mode='fan'"),
        ({"distribution": "gamma"}, "distribution must be .* received distribution='gamma'"),
    ],
)
def test_wrong_settings_of_variance_scaling_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VarianceScaling(**arguments)


def test_a_wrong_seed_is_refused_when_it_is_used() -> None:
    for seed in (-1, 2**64, 1.5, True):
        with pytest.raises(ValueError, match="A seed is an integer"):
            initializers.GlorotUniform(seed=seed)((2, 2))


def test_an_initializer_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"The initializer of 'kernel' must give shape \(3, 2\): received .*\(2, 2\)"):
        Dense(2, kernel_initializer=lambda shape, dtype: np.zeros((2, 2), dtype=dtype)).build((None, 3))


@pytest.mark.parametrize("seed", [0, 7])
def test_values_of_a_given_size_have_their_law(seed: int) -> None:
    laws = {
        initializers.RandomUniform(-1.0, 3.0, seed=seed): stats.uniform(-1.0, 4.0),
        initializers.RandomUniform(seed=seed): stats.uniform(-0.05, 0.1),
        initializers.RandomNormal(2.0, 0.5, seed=seed): stats.norm(2.0, 0.5),
        initializers.RandomNormal(seed=seed): stats.norm(0.0, 0.05),
        initializers.TruncatedNormal(1.0, 2.0, seed=seed): stats.truncnorm(-2, 2, 1.0, 2.0),
        initializers.TruncatedNormal(seed=seed): stats.truncnorm(-2, 2, 0.0, 0.05),
    }
    for initializer, law in laws.items():
        values = initializer(SHAPE, "float64").ravel()
        assert stats.kstest(values, law.cdf).pvalue > 0.01, initializer
        assert initializer(SHAPE).dtype == np.float32
        np.testing.assert_array_equal(initializer(SHAPE, "float64").ravel(), values)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 4), (3, 3, 2, 20)])
def test_orthogonal_matrices_keep_lengths(shape: tuple[int, ...]) -> None:
    q = initializers.Orthogonal(gain=2.0)(shape, "float64").reshape(-1, shape[-1])
    small = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(small, 4.0 * np.eye(min(q.shape)), atol=1e-12)


def test_every_orthogonal_matrix_is_as_likely() -> None:
    nna.set_seed(0)
    angles = [math.atan2(*initializers.Orthogonal()((2, 2), "float64")[0]) for _ in range(2000)]
    assert stats.kstest(angles, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 0.01


def test_the_identity_is_one_and_both_need_matrices() -> None:
    np.testing.assert_array_equal(initializers.get("identity")((2, 3)), np.eye(2, 3))
    for wrong in ((3,), (2, 2, 2)):
        with pytest.raises(ValueError, match="Identity gives matrices, of two axes"):
            initializers.Identity()(wrong)
    with pytest.raises(ValueError, match="Orthogonal gives matrices, of two axes or more: received shape"):
        initializers.Orthogonal()((3,))
    with pytest.raises(ValueError, match="maxval must not be less than minval"):
        initializers.RandomUniform(1.0, 0.0)


def test_they_are_found_by_keras_names_and_made_again_from_their_config() -> None:
    names = {"normal": "RandomNormal", "uniform": "RandomUniform", "truncated_normal": "TruncatedNormal"}
    for name in ("normal", "uniform", "truncated_normal", "orthogonal", "identity", "random_normal"):
        found = initializers.get(name)
        assert type(found).__name__ == names.get(name, found.__class__.__name__)
        assert repr(type(found).from_config(found.get_config())) == repr(found)
        layer = Dense(3, kernel_initializer=name)
        assert layer(np.ones((1, 3))).shape == (1, 3)
