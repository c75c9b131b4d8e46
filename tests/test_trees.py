"""Trees of arguments: every container that a user may hold parameters in."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, namedtuple
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray._trees import flatten

Pair = namedtuple("Pair", "first second")


@dataclasses.dataclass(frozen=True)
class Affine:
    kernel: Any
    bias: Any
    activation: str = dataclasses.field(default="relu", metadata={"static": True})

    def __post_init__(self) -> None:
        if not isinstance(self.kernel, np.ndarray):
            raise TypeError("a raw array is needed")


@dataclasses.dataclass(slots=True)
class Net:
    layers: list[Affine]
    scale: Pair


def _net() -> Net:
    return Net([Affine(np.asarray([1.0, 2.0]), np.zeros(2))], Pair(np.ones(1), None))


def _loss(net: Net) -> Any:
    layer = net.layers[0]
    assert layer.activation == "relu"
    return (layer.kernel * layer.kernel + layer.bias)[1] * net.scale.first[0]


def test_a_gradient_by_a_dataclass_is_one_of_the_same_class() -> None:
    value, g = nna.value_and_grad(_loss)(_net())
    assert float(value) == 4.0
    assert (type(g), type(g.layers[0]), type(g.scale)) == (Net, Affine, Pair)
    assert (g.layers[0].kernel.tolist(), g.layers[0].bias.tolist()) == ([0.0, 4.0], [0.0, 1.0])
    assert (g.layers[0].activation, g.scale.first.tolist(), g.scale.second) == ("relu", [4.0], None)


def test_every_transform_takes_and_gives_dataclasses() -> None:
    net = _net()
    result, pull_back = nna.vjp(lambda net: Pair(net, net.scale.first * 2), net)
    assert type(result) is Pair
    assert pull_back(result)[0].scale.first.tolist() == [1.0 + 4.0]
    assert nna.hvp(_loss, (net,), (net,)).layers[0].kernel.tolist() == [0.0, 8.0]
    assert nna.jvp(_loss, (net,), (net,))[1] == 2 * 2 * 2.0 + 4.0
    hessian = nna.hessian(_loss)(net)
    assert hessian.layers[0].kernel.layers[0].kernel.tolist() == [[0.0, 0.0], [0.0, 2.0]]
    assert nna.jacobian(lambda net: {"y": net.layers[0].kernel})(net)["y"].layers[0].kernel.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("tree", [OrderedDict(b=1.0, a=2.0), {"b": (1.0, None), "a": [2.0]}, Pair(1.0, Pair(2.0, ()))])
def test_the_containers_of_python_keep_their_type(tree: Any) -> None:
    g = nna.grad(lambda tree: sum(leaf * leaf for leaf in flatten(tree)[0]))(tree)
    assert type(g) is type(tree)
    assert flatten(g)[1] == flatten(tree)[1]
    assert [float(x) for x in flatten(g)[0]] == [2 * x for x in flatten(tree)[0]]


def test_what_is_static_is_part_of_the_structure() -> None:
    a, b = Affine(np.ones(1), np.ones(1)), Affine(np.ones(1), np.ones(1), "tanh")
    _, pull_back = nna.vjp(lambda x: x, a)
    with pytest.raises(TypeError, match="must have the tree of the result"):
        pull_back(b)


def test_a_class_may_be_met_by_several_threads_at_once() -> None:
    def check(_: int) -> int:
        return len(flatten([made() for made in classes])[0])

    classes = [dataclasses.make_dataclass(f"C{i}", [("x", Any, 1.0)]) for i in range(50)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(check, range(8))) == {50}
