"""checkpoint: the derivatives are those of the function, the memory is that of its arguments."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.autodiff import record
from nnarray.layers import Dense, Dropout
from nnarray.models import Sequential
from nnarray.testing import assert_close, check_grads
from nnarray.variables import StatelessScope, Variable
from tests.hosts import to_host, to_library

X, W = np.asarray([0.3, -0.7]), np.asarray([1.1, 0.4])


def _pair(x: Any, w: Any) -> Any:
    xp = x.__array_namespace__()
    return xp.sin(xp.exp(x * w)), {"other": xp.tanh(x), "constant": 3, "sign": xp.sign(w) > 0}


def _by_arguments(pair: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        first, second = pair(x, w)
        third, _ = pair(first, w=w)
        xp = x.__array_namespace__()
        return xp.sum(third * second["other"] * first * second["constant"] + xp.where(second["sign"], w, 0.0))

    return f


def _by_closure(wrap: Any) -> Any:
    def f(x: Any, w: Any) -> Any:
        inner = x * w
        out, more = wrap(lambda x: _pair(x * inner, w))(x)
        return x.__array_namespace__().sum(out * more["other"] * w)

    return f


@pytest.mark.parametrize("made", [(_by_arguments, _pair, nna.checkpoint(_pair)), (_by_closure, lambda f: f, None)])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_are_those_of_the_function_itself(made: Any, order: int, place: Any) -> None:
    build, plain, held = made
    plain, held = build(plain), build(held or nna.checkpoint)
    x, w = (to_library(a, nna.namespace(*place)) for a in (X, W))
    for derive in (lambda f: nna.grad(f, (0, 1)), lambda f: nna.hessian(f, (0, 1)), _third)[order - 1 : order]:
        assert_close(derive(held)(x, w), derive(plain)(x, w), rtol=1e-12)


def _third(f: Any) -> Any:
    return lambda x, w: nna.jvp(lambda x, w: nna.hvp(f, (x, w), (x, w)), (x, w), (w, x))[1]


def test_forward_derivatives_and_several_backward_passes_go_through_it() -> None:
    f, g = _by_closure(lambda f: f), _by_closure(nna.checkpoint)
    assert_close(nna.jvp(g, (X, W), (W, X)), nna.jvp(f, (X, W), (W, X)), rtol=1e-12)
    _, pull = nna.vjp(nna.checkpoint(lambda x: _pair(x, W)[0]), X)
    first = pull(X)
    assert_close(pull(X), first)
    assert_close(pull(2 * X)[0], 2 * first[0], rtol=1e-14)
    check_grads(nna.checkpoint(lambda x: _pair(x, W)[0]), (X,), order=2)


def test_checkpoints_nest() -> None:
    inner = nna.checkpoint(lambda x: _pair(x, X)[0])
    outer = nna.checkpoint(lambda x, w: inner(x) * inner(w * x))
    plain = lambda x, w: _pair(x, X)[0] * _pair(w * x, X)[0]  # noqa: E731
    for argnums in (0, (0, 1)):
        f, g = (nna.hessian(lambda x, w, h=h: h(x, w)[0], argnums) for h in (plain, outer))
        assert_close(g(X, W), f(X, W), rtol=1e-12)


def test_one_call_stands_on_the_tape_for_the_whole_function() -> None:
    _, nodes = record(lambda x: nna.checkpoint(_pair)(x, W)[0], X)
    assert [node.title for node in nodes] == ["source", "_pair", "_pair[0]"]


def test_raw_arrays_and_constants_pass_through() -> None:
    out, more = nna.checkpoint(_pair)(X, W)
    assert type(out) is np.ndarray
    assert more["constant"] == 3
    assert nna.grad(lambda x: nna.checkpoint(lambda x: 2.0)(x))(1.0) == 0.0
    assert nna.grad(lambda x: nna.checkpoint(lambda x: x)(x) * x)(3.0) == 6.0


def test_memory_is_that_of_the_arguments() -> None:
    x = np.ones(200_000)

    def block(x: Any) -> Any:
        for _ in range(10):
            x = x * x
        return x

    def peak(block: Any) -> float:
        def f(x: Any) -> Any:
            for _ in range(10):
                x = block(x)
            return x.__array_namespace__().sum(x)

        gc.collect()
        tracemalloc.start()
        nna.grad(f)(x)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found / x.nbytes

    assert peak(block) > 95
    # Ten arguments, and one block at a time with its ten squares.
    assert peak(nna.checkpoint(block)) < 26


def test_no_tape_is_left_alive() -> None:
    kept = []

    @nna.checkpoint
    def block(x: Any) -> Any:
        y = x * x
        kept.append(weakref.ref(y))
        return y * y

    gc.disable()
    try:
        nna.grad(lambda x: block(x)[0])(X)
        nna.hessian(lambda x: block(x)[0])(X)
        assert len(kept) >= 3
        assert all(reference() is None for reference in kept)
    finally:
        gc.enable()


def test_a_second_run_draws_the_same_masks_and_leaves_the_streams_where_they_were() -> None:
    x = np.linspace(1.0, 2.0, 50)
    layer = Dropout(0.5)

    def f(wrap: Any) -> Any:
        def dropped(x: Any) -> Any:
            return nna.random.dropout(layer(x, training=True), 0.5) * x

        return lambda x: x.__array_namespace__().sum(wrap(dropped)(x) * wrap(dropped)(x))

    found = []
    for wrap in (lambda f: f, nna.checkpoint):
        nna.set_seed(3)
        layer.seed_generator = nna.random.SeedGenerator(1)
        found.append((nna.value_and_grad(f(wrap))(x), nna.random.uniform((3,)), layer(x, training=True)))
    assert_close(found[1], found[0], rtol=1e-14)


def test_layers_under_a_checkpoint_train_as_without(place: Any) -> None:
    class Held(Dense):
        def call(self, inputs: Any) -> Any:
            return nna.checkpoint(super().call)(inputs)

    def losses(cls: Any) -> list[float]:
        nna.set_seed(0)
        model = Sequential([cls(8, activation="tanh"), Dropout(0.3), cls(1)])
        model.compile(loss="mse", optimizer="adam", backend=place[0])
        rng = np.random.default_rng(0)
        x = rng.standard_normal((64, 3)).astype("float32")
        return model.fit(x, x[:, :1] * 2, epochs=3, verbose=0).history["loss"]

    np.testing.assert_allclose(losses(Held), losses(Dense), rtol=1e-6)


def test_variables_are_read_as_the_first_time_and_assigned_once() -> None:
    count = Variable(np.asarray(1.0), "count", trainable=False)

    @nna.checkpoint
    def block(x: Any) -> Any:
        before = count.value
        count.assign(before + 1.0)
        return x * x * before * count.value

    assert float(nna.grad(block)(3.0)) == 6.0 * 2.0
    assert float(count) == 2.0
    with StatelessScope([count], [np.asarray(5.0)]) as scope:
        assert float(nna.grad(lambda x: block(block(x)))(1.0)) == 4 * 30.0**2 * 42.0
    assert float(scope.values[count]) == 7.0
    assert float(count) == 2.0


def test_a_layer_is_built_in_the_first_run_only() -> None:
    nna.set_seed(0)
    dense = Dense(2)
    g = nna.grad(lambda x: x.__array_namespace__().sum(nna.checkpoint(dense)(x)))(np.ones((1, 3), "float32"))
    assert_close(g, dense.kernel.numpy().sum(axis=1)[None], rtol=1e-6)


def test_settings_around_the_first_run_hold_in_the_second(place: Any) -> None:
    seen = []

    @nna.checkpoint
    def block(x: Any) -> Any:
        seen.append(nna.backends.current_backend().backend.name)
        return x * x

    x = to_library(np.asarray(3.0), nna.namespace(*place))

    def f(x: Any) -> Any:
        with nna.use_backend(place[0]):
            return block(x)

    assert float(to_host(nna.grad(f)(x))) == 6.0
    assert seen == [place[0]] * 2


def test_a_function_that_does_something_else_is_refused() -> None:
    calls = []

    def grows(x: Any) -> Any:
        calls.append(x.shape)
        return x[: len(calls)]

    with pytest.raises(RuntimeError, match="must do each time what it did the first time"):
        nna.grad(lambda x: x.__array_namespace__().sum(nna.checkpoint(grows)(x)))(X)

    def draws(x: Any) -> Any:
        calls.append(0)
        return nna.random.dropout(x, 0.5) if len(calls) % 2 else x

    calls.clear()
    with pytest.raises(RuntimeError, match="drew other random numbers"):
        nna.grad(lambda x: x.__array_namespace__().sum(nna.checkpoint(draws)(x)))(X)


def test_threads_may_pull_through_one_call_at_once() -> None:
    block = nna.checkpoint(lambda x: _pair(x, W)[0])
    _, pull = nna.vjp(block, X)
    expected, found = pull(X), []
    threads = [threading.Thread(target=lambda: found.append(pull(X))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for g in found:
        assert_close(g, expected)


def test_arguments_assigned_to_within_or_after_do_not_disturb_it() -> None:
    xp = nna.namespace("numpy")

    @nna.checkpoint
    def block(x: Any, mask: Any) -> Any:
        x[0] = 2.0 * x[0]
        return x * x * mask

    def f(x: Any) -> Any:
        mask = xp.asarray([1.0, 0.0])
        y = block(x, mask)
        mask[...] = 7.0
        return xp.sum(y)

    assert_close(nna.grad(f)(np.asarray([3.0, 1.0])), np.asarray([24.0, 0.0]))


def test_what_a_function_closes_over_is_found_as_it_was_when_called() -> None:
    def f(x: Any, wrap: Any) -> Any:
        factors = [2.0, x, x * x]
        for i in range(3):
            x = wrap(lambda y: y * y * factors[i])(x)  # noqa: B023 -- the variable of the loop is meant
        return x

    for derive in (nna.grad, lambda f: nna.grad(nna.grad(f))):
        expected = derive(lambda x: f(x, lambda f: f))(1.5)
        assert_close(derive(lambda x: f(x, nna.checkpoint))(1.5), expected, rtol=1e-13)
