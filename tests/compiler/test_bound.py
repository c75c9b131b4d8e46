"""A plan over state: what is updated in place, what is used up, and what is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import get_backend
from nnarray.compiler import BoundPlan, Plan


def step(state: Any, x: Any) -> Any:
    """Change the first array and leave the second alone."""
    total, weight = state
    xp = nna.array_namespace(x)
    return [total + x * weight, weight], xp.sum(x)


def arrays(backend: str, device: Any, *values: Any) -> list[Any]:
    return [get_backend(backend).asarray(np.asarray(value, "float32"), device=device) for value in values]


def test_runs_go_on_from_the_state_that_they_made(backend: str, device: Any) -> None:
    to_numpy = get_backend(backend).to_numpy
    total, weight, x = arrays(backend, device, [0, 0], [2, 3], [1, 1])
    plan = BoundPlan(step, [total, weight], (x,))
    assert isinstance(plan.plan, Plan)
    for run in (1, 2, 3):
        if plan.buffers is None:
            state, result = plan(x)
            assert state[1] is weight
            assert all(a is b for a, b in zip(state, plan.state, strict=True))
        else:
            result = plan.replay()
            state = plan.state
            assert state[0] is total
        assert float(to_numpy(result)) == 2.0
        np.testing.assert_array_equal(to_numpy(state[0]), [2.0 * run, 3.0 * run])
        np.testing.assert_array_equal(to_numpy(state[1]), [2.0, 3.0])


def test_a_state_that_is_given_anew_is_read(backend: str, device: Any) -> None:
    to_numpy = get_backend(backend).to_numpy
    total, weight, x, other = arrays(backend, device, [0, 0], [2, 3], [1, 1], [10, 10])
    plan = BoundPlan(step, [total, weight], (x,))
    if plan.buffers is not None:
        pytest.skip("the state is bound")
    plan(x)
    plan.state = [other, weight]
    np.testing.assert_array_equal(to_numpy(plan(x)[0][0]), [12.0, 13.0])


@pytest.fixture
def jax() -> Any:
    return pytest.importorskip("jax")


def test_jax_keeps_one_copy_of_what_changes_and_none_of_what_does_not(jax: Any) -> None:
    total, weight, x = (jax.numpy.full(3, float(n)) for n in range(3))
    plan = BoundPlan(step, [total, weight], (x,))
    (first, same), _ = plan(x)
    assert total.is_deleted()
    assert not weight.is_deleted()
    assert not x.is_deleted()
    plan(x)
    assert first.is_deleted()
    assert same is weight
    # What has given its memory away still says where it was, for what takes its place.
    assert get_backend("jax").device_of(total) == get_backend("jax").device_of(weight)


def test_jax_copies_a_state_that_something_else_is_too(jax: Any) -> None:
    x = jax.numpy.ones(3)
    plan = BoundPlan(step, [jax.numpy.zeros(3), jax.numpy.ones(3)], (x,))
    plan.state = [x, x]
    (state, _), total = plan(x)
    assert not x.is_deleted()
    np.testing.assert_array_equal(state, [2.0, 2.0, 2.0])
    assert float(total) == 3.0


def test_jax_gives_no_warning_of_state_that_changes_its_dtype(jax: Any) -> None:
    x = jax.numpy.ones(3, "float32")

    def widened(state: Any, x: Any) -> Any:
        xp = nna.array_namespace(x)
        return [xp.astype(state[0] + x, xp.float64)], xp.sum(x)

    plan = BoundPlan(widened, [x], (x,))
    assert plan(x)[0][0].dtype == "float64"
    assert "x0 is donated, and no result has its shape and dtype" in str(plan.plan)


def test_jax_puts_results_in_the_place_of_donated_arguments(jax: Any) -> None:
    f = nna.jit(lambda x, y: x * 2.0 + y, donate_argnums=0)
    x, y = jax.numpy.ones(3), jax.numpy.ones(3)
    np.testing.assert_array_equal(f(x, y), [3.0, 3.0, 3.0])
    assert x.is_deleted()
    assert not y.is_deleted()
    np.testing.assert_array_equal(f(y, y), [3.0, 3.0, 3.0])
    assert not y.is_deleted()
    assert "x0 is donated, but another argument is the same array" in str(f.lower(y, y).plan)


@pytest.mark.require_backend("jax")
def test_a_model_on_jax_trains_with_arrays_that_the_user_gave_and_keeps(backend: str) -> None:
    from nnarray import layers, models

    jnp = pytest.importorskip("jax.numpy")
    weights = [jnp.ones((2, 1)), jnp.zeros(1)]
    x = jnp.ones((6, 2))
    model = models.Sequential([layers.Dense(1, input_dim=2), layers.Dropout(0.5)]).to(backend)
    model.compile(loss="mse", optimizer="adam")
    model.set_weights(weights)
    for _ in range(2):
        model.fit(x, jnp.zeros((6, 1)), batch_size=4, epochs=2, verbose=0)
        model.evaluate(x, jnp.zeros((6, 1)), batch_size=4, verbose=0)
    np.testing.assert_array_equal(weights[0], [[1.0], [1.0]])
    assert not x.is_deleted()
    assert model.get_weights()[0].shape == (2, 1)
