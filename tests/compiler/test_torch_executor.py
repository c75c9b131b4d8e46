"""PyTorch's plans: what is written in place, and that nobody else sees it."""

from __future__ import annotations

from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import nnarray as nna
from nnarray.backends import get_backend
from nnarray.compiler import BoundPlan
from nnarray.layers import Dense, Dropout
from nnarray.models import Sequential
from tests.array.case import Case
from tests.array.test_table import NOT_IN_LIBRARY, ROWS, _args, _moved
from tests.autodiff.test_programs import assert_same, examples
from tests.compiler.test_jit import BY_VALUES
from tests.hosts import to_host
from tests.programs import Program
from tests.random_programs import programs

torch = pytest.importorskip("torch")

from nnarray.compiler.executors.torch import ELEMENTWISE, WINDOWS, Torch  # noqa: E402

SPACE = nna.namespace("torch")


def _same(found: Any, expected: Any) -> None:
    """Assert that tensors agree to the last bit."""
    for a, b in zip(found, expected, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(to_host(a), to_host(b))


def _deep(x: Any, w: Any) -> Any:
    xp = x.__array_namespace__()
    hidden = xp.maximum(xp.matmul(x, w) + 1.0, 0.0)
    return xp.sum(xp.exp(-hidden) * 2.0, axis=0)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_what_is_called_directly_is_what_the_namespace_calls(name: str) -> None:
    library = getattr(SPACE.backend.xp, name)
    assert getattr(library, "__wrapped__", library) is getattr(torch, ELEMENTWISE[name])


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_a_function_that_may_return_its_argument_is_known_for_it(name: str, case: Case) -> None:
    if name.startswith("empty") or (name, "torch") in NOT_IN_LIBRARY:
        return
    arrays = [_moved(x, SPACE) for x in case.arrays]
    found = attrgetter(name)(SPACE)(*arrays, *_args(name, case, SPACE), **case.params)
    memory = {x.value.untyped_storage().data_ptr() for x in arrays if isinstance(x, nna.Array) and x.size}
    for made in found if isinstance(found, (list, tuple)) else [found]:
        if made.value.untyped_storage().data_ptr() in memory:
            assert name in WINDOWS


@pytest.mark.parametrize("function", ["any", "all"])
def test_a_reduction_over_no_axes_outlives_the_buffer_it_is_in(function: str) -> None:
    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        kept = getattr(xp, function)(x > 0, axis=())
        return xp.logical_not(x > 1), xp.logical_and(kept, x < 9), kept

    x = torch.tensor([-1.0, 0.5, 2.0])
    _same(nna.jit(f)(x), [each.value for each in f(SPACE.asarray(x))])


@examples(default=150, deep=5000)
@given(program=programs(without=BY_VALUES))
def test_random_programs_compute_what_the_plain_calls_do_and_keep_to_their_memory(program: Program) -> None:
    inputs = [torch.tensor(x) for x in program.inputs]
    places = tuple(range(len(inputs)))

    def f(*xs: Any) -> Any:
        return [*program(*xs), *nna.grad(program.loss, argnums=places)(*xs)]

    jitted, plain = nna.jit(f), nna.jit(f, executor="generic")
    before = [x.clone() for x in inputs]
    first = jitted(*inputs)
    kept = [x.clone() for x in first]
    later = [0.9 * x for x in inputs]
    # In another order of memory, sums are taken in another order.
    assert_same(jitted(*later), plain(*later), "a later result")
    _same(first, kept)
    _same(inputs, before)
    assert_same(first, plain(*inputs), "a result")


@examples(default=60, deep=3000)
@given(program=programs(without=BY_VALUES))
def test_random_programs_update_what_is_donated_and_what_is_bound(program: Program) -> None:
    inputs = [torch.tensor(x) for x in program.inputs]
    places = tuple(range(len(inputs)))

    def f(*xs: Any) -> Any:
        slopes = nna.grad(program.loss, argnums=places)(*xs)
        return [x - 0.1 * slope for x, slope in zip(xs, slopes, strict=True)], list(program(*xs))

    updated, results = nna.jit(f, executor="generic")(*inputs)
    donated = nna.jit(f, donate_argnums=places)(*(x.clone() for x in inputs))
    assert_same([*donated[0], *donated[1]], [*updated, *results], "what is donated")

    def step(state: Any, _: Any) -> Any:
        updated, results = f(*state)
        return updated, [*results, *state]

    state = [x.clone() for x in inputs]
    found = BoundPlan(step, state, (torch.tensor(0.0),)).replay()
    assert_same(state, updated, "what is bound")
    assert_same(found, [*results, *inputs], "what is returned")


def test_an_operand_that_dies_gives_its_place() -> None:
    x, w = torch.rand(5, 3), torch.rand(3, 3)
    plan = nna.jit(_deep).lower(x, w).plan
    assert plan.executor == "torch"
    assert [step.place for step in plan.steps] == [
        *("buffer 0", "in place of v2", "in place of v3", "in place of v4", "in place of v5", "in place of v6"),
        "new array",
    ]
    assert plan.buffer_bytes == 5 * 3 * 4
    assert plan.source.splitlines()[1:4] == [
        "    mm(x0, x1, out=b0)",
        "    add(b0, k0, out=b0)",
        "    maximum(b0, k1, out=b0)",
    ]


def test_what_is_still_read_keeps_its_place() -> None:
    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        y = xp.exp(x)
        turned = xp.matrix_transpose(y)
        return y + 1.0, turned * 2.0, xp.exp(turned) - y[0, 0], turned

    x = torch.rand(3, 3)
    jitted = nna.jit(f)
    for scale in (1.0, 2.0):
        _same(jitted(scale * x), [each.value for each in f(SPACE.asarray(scale * x))])


def test_arguments_and_constants_are_not_written() -> None:
    held = torch.ones(3)
    jitted = nna.jit(lambda x, y: (x + y + held, x * held, held * 2.0, held))
    x, y = torch.rand(3), torch.rand(3)
    before = x.clone(), y.clone()
    first = jitted(x, y)
    for result in first:
        result.fill_(7.0)
    _same((x, y, held), (*before, torch.ones(3)))
    _same(jitted(x, y), (x + y + 1, x, torch.full((3,), 2.0), torch.ones(3)))


def _step(w: Any, g: Any) -> Any:
    return w - 0.1 * g, g * 2.0


def test_a_donated_tensor_is_overwritten_where_it_can_be() -> None:
    jitted = nna.jit(_step, donate_argnums=0)
    w, g = torch.ones(4), torch.arange(4.0)
    new, twice = jitted(w, g)
    assert new is w
    _same((new, twice, g), (1 - 0.1 * g, 2 * g, torch.arange(4.0)))
    assert nna.jit(_step, donate_argnums=0).lower(w, g).plan.steps[1].place == "argument x0"


def test_a_donated_tensor_that_cannot_be_overwritten_is_copied() -> None:
    jitted = nna.jit(_step, donate_argnums=0)
    whole = torch.rand(7)
    with torch.inference_mode():
        kept = torch.ones(4)
    complex_numbers = torch.rand(4, dtype=torch.complex64)
    cases = [
        (torch.rand(4, 2)[:, 0], torch.rand(4)),
        (torch.ones(1).expand(4), torch.rand(4)),
        (whole[:4], whole[3:]),
        (whole[:4], whole[:4]),
        (kept, torch.rand(4)),
        (complex_numbers.conj(), torch.rand(4, dtype=torch.complex64)),
        (complex_numbers.conj().imag, torch.rand(4)),
    ]
    for w, g in cases:
        before = w.clone(), g.clone()
        expected = [each.clone() for each in _step(*before)]
        new, twice = jitted(w, g)
        assert new.data_ptr() != w.data_ptr()
        _same((w.resolve_conj().resolve_neg(), g), [x.resolve_conj().resolve_neg() for x in before])
        np.testing.assert_allclose(to_host(new), to_host(expected[0].resolve_conj().resolve_neg()), rtol=1e-6)
        _same([twice], [expected[1]])


def test_neighbours_in_one_storage_do_not_overlap() -> None:
    whole = torch.rand(8)
    new, _ = nna.jit(_step, donate_argnums=0)(whole[:4], whole[4:])
    assert new.data_ptr() == whole.data_ptr()


def test_results_read_arguments_that_other_results_overwrite() -> None:
    swapped = nna.jit(lambda a, b: (b, a, a[:1] + 1.0, a), donate_argnums=(0, 1))
    for _ in range(2):
        a, b = torch.zeros(2), torch.ones(2)
        first, second, more, again = swapped(a, b)
        assert (first is a, second is b) == (True, True)
        _same((first, second, more, again), (torch.ones(2), torch.zeros(2), torch.ones(1), torch.zeros(2)))


def test_what_torch_differentiates_is_left_to_the_plain_calls() -> None:
    x, w = torch.rand(5, 3), torch.rand(3, 3, requires_grad=True)
    jitted = nna.jit(_deep)
    expected = torch.autograd.grad(torch.exp(-torch.relu(x @ w + 1)).sum() * 2, w)
    for _ in range(2):
        plain = jitted(x, w.detach())
        found = jitted(x, w)
        assert found.requires_grad
        assert not plain.requires_grad
        torch.testing.assert_close(torch.autograd.grad(found.sum(), w), expected)
        with torch.no_grad():
            assert not jitted(x, w).requires_grad
    closed_over = nna.jit(lambda x: x * w[0])
    assert closed_over(x[0]).shape == (3,)


# PyTorch's own forward mode loads scripts in a way that it warns of.
@pytest.mark.filterwarnings("ignore:.torch.jit.*:DeprecationWarning")
def test_what_torch_transforms_is_left_to_the_plain_calls() -> None:
    x, w = torch.rand(4, 5, 3), torch.rand(3, 3)
    jitted = nna.jit(lambda x, w: x.__array_namespace__().exp(x.__array_namespace__().matmul(x, w)))
    right = torch.exp(x @ w)
    torch.testing.assert_close(jitted(x[0], w), right[0])
    torch.testing.assert_close(torch.func.vmap(jitted, (0, None))(x, w), right)
    slope = right[0] * (x[0] @ w)
    torch.testing.assert_close(torch.func.jvp(lambda w: jitted(x[0], w), (w,), (w,))[1], slope)
    with torch.autograd.forward_ad.dual_level():
        dual = jitted(x[0], torch.autograd.forward_ad.make_dual(w, w))
        torch.testing.assert_close(torch.autograd.forward_ad.unpack_dual(dual).tangent, slope)


def test_subclasses_are_left_to_the_plain_calls() -> None:
    class Counting(torch.Tensor):
        calls = 0

        @classmethod
        def __torch_function__(cls, *args: Any, **kwargs: Any) -> Any:
            cls.calls += 1
            return super().__torch_function__(*args, **kwargs)

    jitted = nna.jit(lambda x: x * 2.0)
    assert type(jitted(torch.ones(2))) is torch.Tensor
    assert type(jitted(torch.ones(2).as_subclass(Counting))) is Counting
    assert type(jitted(torch.nn.Parameter(torch.ones(2), requires_grad=False))) is torch.Tensor


def test_plans_made_in_inference_mode_run_outside_it_and_the_other_way_round() -> None:
    x, w = torch.rand(5, 3), torch.rand(3, 3)
    jitted = nna.jit(_deep)
    with torch.inference_mode():
        inside = jitted(x, w)
    outside = jitted(x, w)
    assert not outside.is_inference()
    with torch.inference_mode():
        _same((inside, jitted(x, w)), (outside, outside))


TRAPS = {
    "a number without axes does not lower a dtype": lambda x, n: (x + n, x * n, n - x, x > n),
    "numbers of Python": lambda x, n: (x + 1, 2 - x, x * 0.1, x / 3, 1 / x, x // 2, x % 3, x**2, 2**n, x == 2**40),
    "numbers out of range": lambda x, n: (x + float("inf"), n * float("nan"), x < -float("inf")),
}


@pytest.mark.parametrize("name", TRAPS)
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32"), ("float32", "float32")])
def test_promotion_is_that_of_the_standard(name: str, dtypes: tuple[str, str]) -> None:
    x = torch.tensor([1.5, -2.0, 4.0], dtype=getattr(torch, dtypes[0]))
    n = torch.tensor(0.1, dtype=getattr(torch, dtypes[1]))
    _same(nna.jit(TRAPS[name])(x, n), nna.jit(TRAPS[name], executor="generic")(x, n))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_integers_promote_as_the_standard_has_it(dtype: str) -> None:
    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        return x + 1, 3 * x, x // 2, x % 3, x**2, x == 1, xp.sum(x), xp.max(x, axis=0), xp.maximum(x, 2), x < 1000

    x = torch.tensor([1, 5, 4], dtype=getattr(torch, dtype))
    _same(nna.jit(f)(x), nna.jit(f, executor="generic")(x))


@pytest.mark.parametrize("shapes", [("3", "3"), ("23", "3"), ("3", "32"), ("423", "432"), ("423", "32"), ("23", "432")])
def test_products_of_any_number_of_axes_are_written_without_a_warning(shapes: tuple[str, str]) -> None:
    x, y = (torch.rand(*map(int, shape)) for shape in shapes)
    f = lambda x, y: x.__array_namespace__().matmul(x * 2, y) + 1.0  # noqa: E731
    _same([nna.jit(f)(x, y)], [torch.matmul(x * 2, y) + 1.0])


def test_what_is_joined_is_computed_in_its_place() -> None:
    def f(x: Any, y: Any) -> Any:
        xp = x.__array_namespace__()
        joined = xp.concat([xp.reshape(x * 2.0, (-1,)), xp.zeros(2, dtype=x.dtype), xp.exp(y), y])
        return joined * joined

    x, y = torch.rand(2, 2), torch.rand(3)
    source = nna.jit(f).lower(x, y).plan.source
    assert "cat(" not in source
    assert source.count("copy_(") == 1
    for _ in range(2):
        _same([nna.jit(f)(x, y)], [torch.cat([(x * 2).reshape(-1), torch.zeros(2), y.exp(), y]) ** 2])


def _state_step(state: Any, x: Any) -> Any:
    a, b, c = state
    return [b, a + b * x, c], a[0] + x


def test_bound_state_stays_where_it_is_and_is_read_before_it_is_overwritten() -> None:
    a, b, c = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), torch.tensor(5.0)
    expected = [a.clone(), b.clone(), c.clone()]
    plan = BoundPlan(_state_step, [a, b, c], (torch.tensor(1.0),))
    kept = []
    for number in (2.0, -1.0, 0.5):
        plan.buffers[0][...] = number
        result = plan.replay()
        kept.append((result, expected[0][0] + number))
        expected = [expected[1], expected[0] + expected[1] * number, expected[2]]
        _same((a, b, c), expected)
    for result, right in kept:
        assert not result.is_inference()
        assert result == right


def test_bound_state_knows_that_it_was_changed() -> None:
    a = torch.ones(2)
    plan = BoundPlan(lambda state, x: ([state[0] * x], x), [a], (torch.tensor(1.0),))
    w = torch.ones(2, requires_grad=True)
    product = (w * a).sum()
    plan.replay()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


def _model(executor: str) -> Sequential:
    nna.set_seed(0)
    model = Sequential([Dense(8, activation="relu", input_dim=4), Dropout(0.2), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], backend="torch", executor=executor)
    return model


def test_training_updates_the_same_memory_and_gives_the_bits_of_the_plain_calls() -> None:
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((50, 4)), dtype=torch.float32)
    y = torch.tensor(rng.integers(0, 3, 50))
    weights = {}
    for executor in ("torch", "generic"):
        model = _model(executor)
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        state = [*model.trainable_variables, *model.optimizer.variables]
        before = [variable.value.data_ptr() for variable in state]
        model.fit(x, y, batch_size=16, epochs=3, verbose=0)
        model.fit(x, y, batch_size=16, epochs=1, verbose=0, shuffle=False)
        if executor == "torch":
            assert [variable.value.data_ptr() for variable in state] == before
            assert {step.place.partition(" ")[0] for step in model.plans["train", 16].steps} >= {"argument", "in"}
        weights[executor] = [variable.value for variable in state]
        assert not any(value.is_inference() or value.requires_grad for value in weights[executor])
    _same(weights["torch"], weights["generic"])


def test_rows_are_gathered_into_a_tensor() -> None:
    backend = get_backend("torch")
    x, out = torch.arange(12.0).reshape(4, 3).requires_grad_(), torch.zeros(2, 3)
    for rows, right in ((slice(1, 3), [1, 2]), (torch.tensor([3, 0]), [3, 0])):
        assert backend.take_rows(x, rows, out) is out
        _same([out], [x.detach()[right]])
        _same([backend.take_rows(x.detach(), rows)], [out])


def test_state_that_cannot_be_written_in_place_is_passed() -> None:
    whole = torch.ones(4)
    for state in (whole[::2], torch.ones(2, requires_grad=True), torch.nn.Parameter(torch.ones(2), False)):
        assert BoundPlan(lambda state, x: ([state[0] * x], x), [state], (whole[:2],)).buffers is None


def test_a_replay_waits_for_the_last_one_on_another_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[str, Any]] = []
    streams = [SimpleNamespace(wait_stream=lambda other, name=name: waits.append((name, other))) for name in "ab"]
    current = [streams[0]]
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: current[0])
    graph: Any = SimpleNamespace(outputs=[SimpleNamespace(device=torch.device("cuda:0"))])
    run = Torch(get_backend("torch"))._in_order(lambda: waits.append(("run", None)), graph)
    for stream in (streams[0], streams[1], streams[1], streams[0]):
        current[0] = stream
        run()
    ran = ("run", None)
    assert waits == [ran, ("b", streams[0]), ran, ran, ("a", streams[1]), ran]


def test_a_donated_tensor_without_elements_may_be_given_twice() -> None:
    def f(x: Any, y: Any) -> Any:
        xp = x.__array_namespace__()
        return xp.matmul(x, xp.ones((3, 3), dtype=x.dtype)) + y, y * 2

    empty = torch.zeros((0, 3), dtype=torch.float64)
    found = nna.jit(f, donate_argnums=(0, 1))(empty, empty)
    assert [tuple(x.shape) for x in found] == [(0, 3), (0, 3)]
