"""jit: what a plan computes is what the function computes, in every transform; what cannot be traced is refused."""

from __future__ import annotations

import copy
import threading
import tracemalloc
from operator import attrgetter
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given

import nnarray as nna
from nnarray.array import TABLE
from nnarray.layers import Dense, Dropout
from nnarray.models import Sequential
from nnarray.testing import assert_close, check_grads
from tests.array.case import Case
from tests.array.test_table import NOT_IN_LIBRARY, ROWS, _args, _moved
from tests.autodiff.test_programs import assert_same, examples
from tests.hosts import to_host, to_library
from tests.programs import Program
from tests.random_programs import programs

BY_VALUES = ("where above", "x[x > above]", "x[x > above] = value", "x[x > above] = values")
X, W = np.asarray([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]), np.asarray([[1.0, 2.0], [0.5, -1.0], [3.0, 0.1]])


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize(("name", "case"), ROWS)
def test_every_function_of_the_table_is_replayed_as_it_runs(name: str, case: Case, place: Any) -> None:
    if (name, place[0]) in NOT_IN_LIBRARY or name.startswith("empty"):
        assert name in TABLE
        return
    space = nna.namespace(*place)
    given = [
        [a.value for a in x] if isinstance(x, list) else getattr(x, "value", x)
        for x in (_moved(x, space) for x in case.arrays)
    ]

    def f(*raw: Any) -> Any:
        arrays = [
            [space.asarray(a) for a in x] if isinstance(x, list) else x if isinstance(x, int) else space.asarray(x)
            for x in raw
        ]
        return attrgetter(name)(space)(*arrays, *_args(name, case, space), **case.params)

    # Through XLA each would be compiled for a tenth of a second; some are, further down.
    jitted = nna.jit(f, executor="generic" if place[0] == "jax" else "auto")
    function = TABLE[name]
    if any(hasattr(given[function.arrays.index(argument)], "dtype") for argument in function.shaped_by):
        with pytest.raises(nna.TracingError, match="shape of what"):
            jitted(*given)
        return
    expected = f(*given)
    expected = list(expected) if TABLE[name].collect else [expected]
    for _ in range(2):
        found = jitted(*given)
        for a, b in zip(found if TABLE[name].collect else [found], expected, strict=True):
            a = getattr(a, "value", a)
            assert (a.dtype, tuple(a.shape)) == (b.dtype, b.shape)
            np.testing.assert_allclose(to_host(a), to_host(b.value), rtol=1e-13)


@examples(default=60, deep=3000)
@given(program=programs(without=BY_VALUES))
def test_random_programs_are_replayed_as_they_run_with_their_derivatives(program: Program) -> None:
    inputs = program.inputs
    places = tuple(range(len(inputs)))
    plain = nna.value_and_grad(program.loss, argnums=places)
    value, gradient = plain(*inputs)
    jitted = nna.jit(plain)
    for _ in range(2):
        found = jitted(*inputs)
        assert_same([found[0], *found[1]], [value, *gradient], "gradient under jit")
    assert_same(nna.grad(nna.jit(program.loss), argnums=places)(*inputs), gradient, "gradient of jit")
    curved = nna.hvp(program.loss, inputs, inputs)
    assert_same(nna.jit(lambda *xs: nna.hvp(program.loss, xs, xs))(*inputs), curved, "curvature under jit")


@examples(default=80, deep=3000)
@given(program=programs(without=BY_VALUES))
def test_a_later_call_changes_neither_arguments_nor_results_of_an_earlier_one(program: Program) -> None:
    inputs = program.inputs
    jitted = nna.jit(lambda *xs: list(program(*xs)))
    before = [x.copy() for x in inputs]
    first = jitted(*inputs)
    kept = [np.array(x) for x in first]
    with np.errstate(all="ignore"):  # Smaller inputs may leave the domain of a function.
        jitted(*(0.9 * x for x in inputs))
    assert_same(first, kept, "an earlier result")
    assert_same(inputs, before, "an argument")
    assert_same(first, list(program(*inputs)), "a result")


def _loss(w: Any, x: Any) -> Any:
    xp = w.__array_namespace__()
    return xp.sum(xp.tanh(xp.matmul(x, w)) ** 2) + xp.sum(w * w) / 3


TRANSFORMED = {
    "jit of grad": (lambda f: nna.jit(nna.grad(f)), lambda f: nna.grad(f)),
    "grad of jit": (lambda f: nna.grad(nna.jit(f)), lambda f: nna.grad(f)),
    "jit of grad of jit": (lambda f: nna.jit(nna.grad(nna.jit(f))), lambda f: nna.grad(f)),
    "hessian of jit": (lambda f: nna.hessian(nna.jit(f)), lambda f: nna.hessian(f)),
    "jit of hessian": (lambda f: nna.jit(nna.hessian(f)), lambda f: nna.hessian(f)),
    "jvp of jit": (
        lambda f: lambda w, x: nna.jvp(nna.jit(f), (w, x), (w, x)),
        lambda f: lambda w, x: nna.jvp(f, (w, x), (w, x)),
    ),
    "jit of jvp": (
        lambda f: nna.jit(lambda w, x: nna.jvp(f, (w, x), (w, x))),
        lambda f: lambda w, x: nna.jvp(f, (w, x), (w, x)),
    ),
    "jacobian of jit": (lambda f: nna.jacobian(nna.jit(f), argnums=(0, 1)), lambda f: nna.jacobian(f, argnums=(0, 1))),
    "grad of jit of grad": (
        lambda f: nna.grad(lambda w, x: (lambda g: g.__array_namespace__().sum(g * g))(nna.jit(nna.grad(f))(w, x))),
        lambda f: nna.grad(lambda w, x: (lambda g: g.__array_namespace__().sum(g * g))(nna.grad(f)(w, x))),
    ),
    "checkpoint of jit": (lambda f: nna.grad(nna.checkpoint(nna.jit(f))), lambda f: nna.grad(f)),
    "jit of checkpoint": (lambda f: nna.jit(nna.grad(nna.checkpoint(f))), lambda f: nna.grad(f)),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_every_transform_works_inside_and_outside(name: str, place: Any) -> None:
    made, plain = TRANSFORMED[name]
    w, x = (to_library(a, nna.namespace(*place)) for a in (W, X))
    f, expected = made(_loss), plain(_loss)(w, x)
    for _ in range(2):
        assert_close(f(w, x), expected, rtol=1e-12)


def test_gradients_under_jit_pass_the_checks_of_eager_ones() -> None:
    check_grads(nna.jit(_loss), (W, X), order=2)


def test_raw_arrays_give_raw_arrays_and_arrays_give_arrays(place: Any) -> None:
    space = nna.namespace(*place)
    raw = to_library(X, space)
    doubled = nna.jit(lambda x: {"twice": 2 * x, "name": "kept", "constant": space.ones(2), "none": None})
    found = doubled(raw)
    assert type(found["twice"]) is type(raw)
    assert (found["name"], found["none"]) == ("kept", None)
    assert to_host(found["constant"]).tolist() == [1.0, 1.0]
    assert isinstance(doubled(space.asarray(raw))["twice"], nna.Array)
    assert space.backend.device_of(found["twice"]) == space.backend.device_of(raw)


def test_scalars_of_numpy_keep_their_dtype_under_jit() -> None:
    x = np.ones(2, "float32")
    for scalar, dtype in ((2.0, "float32"), (np.float64(2.0), "float64"), (np.float32(2.0), "float32")):
        assert nna.jit(lambda x, scalar=scalar: x * scalar)(x).dtype == dtype


def test_a_plan_is_made_for_each_shape_dtype_and_static_value_and_the_oldest_go() -> None:
    runs = []

    def f(x: Any, power: int, scale: float = 1.0) -> Any:
        runs.append(power)
        return x**power * scale

    jitted = nna.jit(f, static_argnums=1)
    for _ in range(3):
        assert jitted(np.asarray([2.0]), 3).tolist() == [8.0]
    assert jitted(np.asarray([2.0, 3.0]), 3).tolist() == [8.0, 27.0]
    assert jitted(np.asarray([2.0], "float32"), 3).dtype == np.float32
    assert jitted(np.asarray([2.0]), 2).tolist() == [4.0]
    assert jitted(np.asarray([2.0]), 2, scale=0.5).tolist() == [2.0]
    assert runs == [3, 3, 3, 2, 2]
    named = nna.jit(f, static_argnames="power")
    assert named(np.asarray([2.0]), power=3).tolist() == named(np.asarray([2.0]), 3).tolist() == [8.0]
    for n in range(1, 100):
        jitted(np.ones(n), 1)
    assert "64 plans" in repr(jitted)


def test_donated_arguments_are_updated_in_place_where_they_can_be() -> None:
    def step(w: Any, g: Any) -> Any:
        return w - 0.1 * g, g * 2.0

    jitted = nna.jit(step, donate_argnums=0)
    w, g = np.ones(4), np.arange(4.0)
    new, twice = jitted(w, g)
    assert new is w
    assert (w.tolist(), twice.tolist(), g.tolist()) == ((1 - 0.1 * g).tolist(), [0, 2, 4, 6], [0, 1, 2, 3])
    for awkward in (np.ones((4, 2))[:, 0], np.broadcast_to(np.ones(1), (4,)), g):
        before = awkward.copy()
        new, _ = jitted(awkward, g)
        assert new is not awkward
        assert awkward.tolist() == before.tolist()
        np.testing.assert_allclose(new, before - 0.1 * g)
    swapped = nna.jit(lambda a, b: (b, a), donate_argnums=(0, 1))
    assert [x.tolist() for x in swapped(np.zeros(2), np.ones(2))] == [[1.0, 1.0], [0.0, 0.0]]


def test_a_replay_takes_memory_for_its_results_alone() -> None:
    w, x = np.ones((300, 300)), np.ones((200, 300))

    def f(w: Any, x: Any) -> Any:
        xp = x.__array_namespace__()
        for _ in range(5):
            x = xp.tanh(xp.matmul(x, w) + 1.0) * 0.5
        return xp.sum(x * x)

    jitted = nna.jit(nna.grad(f))
    jitted(w, x)
    tracemalloc.start()
    jitted(w, x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert w.nbytes <= peak < w.nbytes + 20_000


def test_several_threads_may_call_one_function() -> None:
    jitted = nna.jit(nna.grad(_loss))
    expected = {scale: nna.grad(_loss)(W * scale, X) for scale in (1.0, 2.0, 3.0)}
    wrong = []

    def call(scale: float) -> None:
        for _ in range(200):
            if not np.allclose(jitted(W * scale, X), expected[scale], rtol=1e-12):
                wrong.append(scale)

    threads = [threading.Thread(target=call, args=(scale,)) for scale in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_lowering_shows_graph_and_plan() -> None:
    lowered = nna.jit(nna.value_and_grad(_loss)).lower(W, X)
    text = str(lowered)
    assert "matmul(v1, v0)" in text
    assert "step  function" in text
    assert lowered.plan.flops > 2 * 2 * 3 * 2
    assert lowered.plan.bytes_moved > 0
    assert 0 < lowered.plan.buffer_bytes < lowered.plan.peak_bytes
    assert lowered.graph.verify() is lowered.graph


def test_a_method_may_be_jitted_and_copied_with_its_object() -> None:
    class Scaled:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        @nna.jit
        def apply(self, x: Any) -> Any:
            """Scale it."""
            return x * self.scale

    two, three = Scaled(2.0), Scaled(3.0)
    for _ in range(2):
        assert two.apply(np.ones(2)).tolist() == [2.0, 2.0]
        assert three.apply(np.ones(2)).tolist() == [3.0, 3.0]
    assert Scaled.apply.__doc__ == "Scale it."
    twin = copy.deepcopy(nna.jit(lambda x: x + 1.0))
    assert twin(np.ones(1)).tolist() == [2.0]


def test_a_graph_is_drawn_with_a_box_for_each_input_and_operation() -> None:
    lowered = nna.jit(nna.value_and_grad(_loss)).lower(W, X)
    picture = ElementTree.fromstring(lowered.svg())
    space = "{http://www.w3.org/2000/svg}"
    boxes = [box.get("stroke") for box in picture.iter(f"{space}rect") if box.get("stroke")]
    assert len(boxes) == len(lowered.graph.inputs) + len(lowered.graph.operations)
    words = [text.text for text in picture.iter(f"{space}text")]
    assert words.count("matmul") == 2
    assert "input 1" in words
    values = (x for operation in lowered.graph.operations for x in set(operation.inputs))
    assert len(list(picture.iter(f"{space}path"))) == sum(x not in lowered.graph.constants for x in values)


def test_what_is_computed_twice_is_computed_once_but_not_across_a_checkpoint() -> None:
    def twice(x: Any) -> Any:
        xp = x.__array_namespace__()
        return xp.sum(xp.exp(x) * xp.exp(x))

    def names(f: Any) -> list[str]:
        return [operation.function.name for operation in nna.jit(nna.grad(f)).lower(X).graph.operations]

    assert names(twice).count("exp") == 1
    assert names(nna.checkpoint(twice)).count("exp") == 1
    block = lambda x: x.__array_namespace__().tanh(x.__array_namespace__().exp(x))  # noqa: E731
    deep = lambda wrap: lambda x: x.__array_namespace__().sum(wrap(block)(wrap(block)(x)))  # noqa: E731
    assert names(deep(lambda f: f)).count("exp") == 2
    assert names(deep(nna.checkpoint)).count("exp") == 4 - 1  # The last block's first run is not needed.


def test_a_second_run_stands_behind_barriers_for_xla() -> None:
    jax = pytest.importorskip("jax")
    block = lambda x: x.__array_namespace__().tanh(x.__array_namespace__().exp(x))  # noqa: E731

    def barriers(wrap: Any) -> int:
        f = nna.jit(nna.grad(lambda x: x.__array_namespace__().sum(wrap(block)(wrap(block)(x)))))
        return f.lower(jax.numpy.asarray(X)).plan.source.count("barrier(")

    assert barriers(lambda f: f) == 0
    assert barriers(nna.checkpoint) > 0


def test_what_becomes_of_donated_arguments_is_noted() -> None:
    notes = nna.jit(lambda a, b: (b, a[:1]), donate_argnums=(0, 1)).lower(np.zeros(2), np.ones(2)).plan.notes
    assert any("is copied to x0 at the end" in note for note in notes)
    assert any("x1 is donated, and no result has its shape" in note for note in notes)
    assert "note: " in str(nna.jit(lambda a: a[:1], donate_argnums=0).lower(np.zeros(2)).plan)


KEPT: list[Any] = []


def _leaks(x: Any) -> Any:
    KEPT.append(x * 2)
    return x


def _uses_leak(x: Any) -> Any:
    return x + KEPT[-1]


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x if x[0, 0] > 0 else -x, r"__bool__ needs the value.*\n.*xp\.where.*static_argnums"),
        (lambda x: x * float(x[0, 0]), "__float__ needs the value of an array"),
        (lambda x: x[: int(x[0, 0])], "__int__ needs the value"),
        (lambda x: np.asarray(x.value), "A NumPy function needs the value"),
        (lambda x: x[x > 0], "shape of what nonzero returns"),
        (_uses_leak, "over was used at .*KEPT.*\nReturn it from the function"),
    ],
)
def test_what_depends_on_values_is_refused_with_line_and_cure(f: Any, message: str) -> None:
    nna.jit(_leaks)(X)
    with pytest.raises(nna.TracingError, match=message) as caught:
        nna.jit(f)(X)
    assert "test_jit.py, line" in str(caught.value)


def test_state_of_a_model_is_given_and_returned() -> None:
    model = Sequential([Dense(4, activation="relu", input_dim=3), Dropout(0.5)])
    x = np.ones((2, 3), "float32")
    with pytest.raises(nna.TracingError, match=r"Reading variable .*kernel.* happens once(.|\n)*stateless_call"):
        nna.jit(lambda x: model(x))(x)
    with pytest.raises(nna.TracingError, match="Assigning to variable"):
        nna.jit(lambda x: model.layers[0].kernel.assign(x))(np.ones((3, 4), "float32"))
    held = [variable.value for variable in model.trainable_variables]
    with pytest.raises(nna.TracingError, match="A draw from a SeedGenerator"):
        nna.jit(lambda held, x: model.stateless_call(held, [], x, training=True)[0])(held, x)

    def call(held: Any, x: Any, counter: Any) -> Any:
        return model.stateless_call(held, [], x, training=True, counter=counter)[0]

    jitted = nna.jit(call)
    for n in (1, 2, 1):
        assert_close(jitted(held, x, np.asarray(n)), call(held, x, n), rtol=1e-6)


def test_a_recorded_array_that_is_no_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="uses a recorded array that is not its argument"):
        nna.grad(lambda w: nna.jit(lambda x: x.__array_namespace__().sum(x * w))(X[0]))(X[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nna.jit(lambda x, y: x)(X, {1, 2}), "must be hashable"),
        (lambda: nna.jit(lambda x, n: x, static_argnums=1)(X, [1]), "must be hashable"),
        (
            lambda: nna.jit(lambda x: x, static_argnums=1)(X),
            "static_argnums counts positional parameters",
        ),
        (
            lambda: nna.jit(lambda x: x, donate_argnums=2)(X),
            "donate_argnums counts positional parameters",
        ),
        (lambda: nna.jit(lambda x: x, static_argnames="y"), "names parameters of the function"),
        (lambda: nna.jit(lambda x, y: x)(X, nna.namespace("array_api_strict").ones(2)), "one library"),
    ],
)
def test_misuse_is_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_an_executor_is_known_by_name_and_for_its_library() -> None:
    with pytest.raises(ValueError, match="Unknown executor: 'nunpy'. Did you mean 'numpy'"):
        nna.jit(lambda x: x, executor="nunpy")(X)
    with pytest.raises(ValueError, match="'numpy' runs arrays of numpy: received arrays of array_api_strict"):
        nna.jit(lambda x: x, executor="numpy")(nna.namespace("array_api_strict").ones(2))
    assert_close(nna.jit(_loss, executor="generic")(W, X), nna.jit(_loss)(W, X), rtol=1e-13)
