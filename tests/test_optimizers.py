"""Optimizers against Keras over twenty steps, against PyTorch, and packed against unpacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import get_backend
from nnarray.optimizers import SGD, Adam, Optimizer, RMSprop
from nnarray.variables import Variable, pack_variables
from tests.hosts import to_host, to_library

STEPS = 20
FIRST = np.asarray([1.0, -2.0, 3.0])
SECOND = np.asarray([[0.5, -0.25], [0.0, 4.0]])


def gradients(step: int) -> list[np.ndarray]:
    second = np.cos(np.asarray([[0.3, 0.7], [1.1, 1.9]]) * (step + 1)) * (step - 9.5) / 10
    return [np.sin(np.asarray([1.0, 2.0, 3.0]) * (step + 1)), second]


def variables(place: Any, dtype: str = "float64") -> list[Variable]:
    xp = nna.namespace(*place)
    return [
        Variable(to_library(value.astype(dtype), xp), name) for name, value in (("first", FIRST), ("second", SECOND))
    ]


def run(
    optimizer: Optimizer, targets: Sequence[Variable], place: Any, dtype: str = "float64", steps: int = STEPS
) -> np.ndarray:
    xp = nna.namespace(*place)
    for step in range(steps):
        pieces = iter([to_library(g.astype(dtype), xp) for g in gradients(step)])
        optimizer.apply([target.join([next(pieces) for _ in target.members]) for target in targets], targets)
    return np.concatenate([member.numpy().ravel() for target in targets for member in target.members])


#: The weights after twenty steps on `gradients`, from Keras 3.15 on JAX, floatx float64.
KERAS: dict[str, tuple[Callable[[], Optimizer], list[float]]] = {
    "SGD": (lambda: SGD(), [
        0.990017781155802, -2.009077208905431, 3.0008317777929086,
        0.4994167741479834, -0.2669544643344222, 0.0013985011891555661, 3.9892236761636863]),
    "SGD momentum": (lambda: SGD(momentum=0.9), [
        0.9272628540328117, -2.0320580794226073, 2.9972934996043548,
        0.6434612584919946, -0.29449533777113673, -0.039703878023802326, 3.9542717523172333]),
    "SGD nesterov": (lambda: SGD(momentum=0.9, nesterov=True), [
        0.924554349785333, -2.037929480385777, 2.9983959274368277,
        0.628531906790779, -0.3070002683284451, -0.034334989032266526, 3.9480682532491964]),
    "SGD weight decay": (lambda: SGD(0.1, 0.5, weight_decay=0.04), [
        0.806134974588618, -1.95065034930333, 2.768734437828443,
        0.5642886859693399, -0.49824425012672346, -0.06206871937114172, 3.5608206370833946]),
    "SGD clipnorm": (lambda: SGD(clipnorm=0.5), [
        0.9946846191439161, -2.0034943411589836, 2.997231369511152,
        0.5003843517127481, -0.2554044718055937, 0.001043078770126695, 3.9962323252612797]),
    "SGD clipvalue": (lambda: SGD(clipvalue=0.3), [
        0.9967632159714116, -2.0029110424286287, 3.0013829549013904,
        0.49964052297640904, -0.25549707000289135, 0.001193104894152761, 3.9940248313194893]),
    "SGD global_clipnorm": (lambda: SGD(global_clipnorm=0.5), [
        0.9976893730053724, -2.0028867870190483, 3.0006629666043976,
        0.4996265029282969, -0.2564266322772697, -1.0870694539074754e-05, 3.9972993259701757]),
    "RMSprop": (lambda: RMSprop(0.01), [
        0.9625676815004526, -2.020491730532791, 2.9851971865184597,
        0.5019254240659409, -0.28462452085987816, 0.005877113890687145, 3.941989814311624]),
    "RMSprop momentum": (lambda: RMSprop(0.01, 0.8, 0.7), [
        0.9268026894416593, -2.0294356765191703, 2.9620228979026413,
        0.5762012069828515, -0.2729541662166576, -0.013540540856884477, 3.885696450020632]),
    "RMSprop centered": (lambda: RMSprop(0.01, centered=True), [
        0.9575224350757741, -2.0225614062143578, 2.983488481790257,
        0.5064502053708438, -0.2849510201783862, 0.005905474788686079, 3.9367665022524783]),
    "RMSprop centered momentum": (lambda: RMSprop(0.01, momentum=0.5, epsilon=1e-3, centered=True), [
        0.9261217025012002, -2.0336499923933347, 2.975514222254125,
        0.5526809927533851, -0.3003559519839122, -0.011346959192272809, 3.896073560295926]),
    "Adam": (lambda: Adam(0.1), [
        0.638752253559284, -2.154808975197136, 2.909781298502077,
        1.225690740810279, -0.28149108285230673, -0.12390241760215867, 3.6632006564448325]),
    "Adam betas": (lambda: Adam(0.1, 0.5, 0.9, 0.01), [
        0.8563728076319018, -2.0999704472647553, 2.9504647884600983,
        0.5190781048160311, -0.4602695236829644, -0.03542215361401595, 3.7828223965102055]),
    "Adam amsgrad": (lambda: Adam(0.1, beta_2=0.9, amsgrad=True), [
        0.6401029218618768, -2.153665454043775, 2.910056207366202,
        1.2017811443829853, -0.27621001151589664, -0.12211551769264191, 3.6711357767507717]),
    "Adam weight decay": (lambda: Adam(0.1, weight_decay=0.04), [
        0.5851937611743674, -1.9910995221564736, 2.6852053479768325,
        1.1442733406430896, -0.2681488281187, -0.11978735657019035, 3.3749969263835258]),
    "Adam clipnorm": (lambda: Adam(0.1, clipnorm=0.5), [
        0.5945512539145966, -2.0322328744496705, 2.796234801117251,
        1.1613724757396833, -0.22463823981310005, -0.05260823996114614, 3.7283242929982614]),
    "Adam clipvalue": (lambda: Adam(0.1, clipvalue=0.3), [
        0.6480841180057372, -1.892134892457634, 2.9225556059115476,
        1.1936170333563336, -0.18389856247789502, -0.02216885760549083, 3.667349907118481]),
    "Adam global_clipnorm": (lambda: Adam(0.1, global_clipnorm=0.5), [
        0.6658823427923299, -2.1060976819405157, 2.928921167661773,
        1.2239961387812548, -0.36375888067950557, -0.13570534008498608, 3.7445712393302895]),
}  # fmt: skip


@pytest.mark.parametrize("name", KERAS)
def test_twenty_steps_are_those_of_keras(name: str, place: Any) -> None:
    make, expected = KERAS[name]
    np.testing.assert_allclose(run(make(), variables(place), place), expected, rtol=1e-12)


@pytest.mark.parametrize("name", KERAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_packed_variables_get_the_same_bits_as_unpacked_ones(name: str, dtype: str, place: Any) -> None:
    make, _ = KERAS[name]
    apart = run(make(), variables(place, dtype), place, dtype, steps=4)
    packed = run(make(), pack_variables(variables(place, dtype)), place, dtype, steps=4)
    np.testing.assert_array_equal(packed, apart, strict=True)


@pytest.mark.parametrize("name", KERAS)
def test_stateless_apply_is_apply_and_changes_nothing(name: str, place: Any) -> None:
    make, _ = KERAS[name]
    optimizer, targets = make(), variables(place)
    optimizer.build(targets)
    xp = nna.namespace(*place)
    weights, state = [v.value for v in targets], [v.value for v in optimizer.variables]
    before = [np.array(to_host(x)) for x in (*weights, *state)]
    for step in range(3):
        weights, state = optimizer.stateless_apply(state, [to_library(g, xp) for g in gradients(step)], weights)
    held = [v.numpy() for v in (*targets, *optimizer.variables)]
    for found, expected in zip(held, before, strict=True):
        np.testing.assert_array_equal(found, expected)
    run(optimizer, targets, place, steps=3)
    for found, variable in zip((*weights, *state), (*targets, *optimizer.variables), strict=True):
        np.testing.assert_array_equal(to_host(found), variable.numpy())
        assert str(found.dtype).rpartition(".")[2] == variable.dtype


@pytest.mark.parametrize("name", ["momentum", "nesterov", "Adam", "RMSprop"])
def test_steps_are_those_of_pytorch_where_the_formulas_coincide(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, twin = {
        # PyTorch's velocity has no learning rate in it and the other sign: at a constant rate the steps agree.
        "momentum": (SGD(0.05, 0.8), lambda p: torch.optim.SGD(p, 0.05, momentum=0.8)),
        "nesterov": (SGD(0.05, 0.8, True), lambda p: torch.optim.SGD(p, 0.05, momentum=0.8, nesterov=True)),
        # Where epsilon stands differs, so it is zero; RMSprop's is too small to see.
        "Adam": (Adam(0.1, epsilon=0.0), lambda p: torch.optim.Adam(p, 0.1, eps=0.0)),
        "RMSprop": (RMSprop(0.01, 0.9, 0.5, epsilon=1e-40), lambda p: torch.optim.RMSprop(p, 0.01, 0.9, 1e-20, 0, 0.5)),
    }[name]
    parameters = [torch.tensor(value, requires_grad=True) for value in (FIRST, SECOND)]
    optimizer = twin(parameters)
    for step in range(STEPS):
        for parameter, gradient in zip(parameters, gradients(step), strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
    expected = np.concatenate([p.detach().numpy().ravel() for p in parameters])
    np.testing.assert_allclose(run(ours, variables(("numpy", None)), ("numpy", None)), expected, rtol=1e-12)


@pytest.mark.parametrize("make", [lambda: SGD(0.1, 0.9), lambda: Adam(0.1, amsgrad=True)], ids=["SGD", "Adam"])
def test_variables_keep_their_slots_when_they_are_packed_between_steps(make: Any, place: Any) -> None:
    expected = run(make(), variables(place), place, steps=6)
    optimizer, targets = make(), variables(place)
    xp = nna.namespace(*place)
    for step in range(6):
        grads = [to_library(g, xp) for g in gradients(step)]
        if step in (2, 3):
            (pack,) = pack_variables(targets)
            optimizer.apply([pack.join(grads)], [pack])
        else:
            optimizer.apply(grads, targets)
    found = np.concatenate([v.numpy().ravel() for v in targets])
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_dtypes_are_kept_where_one_norm_limits_variables_of_two(place: Any) -> None:
    xp = nna.namespace(*place)
    targets = [Variable(to_library(FIRST.astype("float32"), xp)), Variable(to_library(SECOND, xp))]
    optimizer = Adam(0.1, global_clipnorm=0.1)
    optimizer.build(targets)
    grads = [to_library(FIRST.astype("float32"), xp), to_library(SECOND, xp)]
    weights, state = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], grads, [v.value for v in targets]
    )
    dtypes = [get_backend(place[0]).dtype_name(x.dtype) for x in (*weights, *state[2:])]
    assert dtypes == ["float32", "float64", "float32", "float32", "float64", "float64"]


@pytest.mark.parametrize("base", [Optimizer, SGD])
def test_an_optimizer_in_the_form_of_another_framework_is_refused_with_ours(base: Any) -> None:
    with pytest.raises(TypeError, match=r"received Mine with update_step\. It is a function of arrays here"):

        class Mine(base):
            def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
                variable.assign_sub(learning_rate * gradient)

    class Both(base):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            raise AssertionError

        def update(self, xp: Any, weight: Any, gradient: Any, slots: Any, learning_rate: Any, step: Any) -> Any:
            return weight - learning_rate * gradient, slots

    variable = Variable(np.ones(2))
    Both(0.5).apply([np.ones(2)], [variable])
    assert variable.numpy().tolist() == [0.5, 0.5]
