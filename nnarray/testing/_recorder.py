"""Looking on while a model computes: every array that enters or leaves a layer, with a probe on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nnarray import activations
from nnarray._trees import tree_map
from nnarray.array import Array
from nnarray.backends import find_backend
from nnarray.layers import InputLayer, Layer
from nnarray.models import Sequential
from nnarray.variables import Variable


class CallSite(NamedTuple):
    """One call of a layer: its path, and which call of it (from 0)."""

    path: str
    number: int = 0


@dataclass(eq=False)
class RecordedCall:
    """One call of a layer; `inputs` and `outputs` are numbers of arrays in `Recorder.values`."""

    layer: Layer
    place: CallSite
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    @property
    def hidden(self) -> bool:
        """Whether it computes nothing of its own: what enters and leaves it, enters and leaves the layers in it."""
        return type(self.layer).call is Sequential.call or isinstance(self.layer, InputLayer)

    @property
    def trained(self) -> list[Variable]:
        """The trainable variables that belong to no layer in it."""
        nested = {variable for layer in self.layer.sublayers for variable in layer.variables}
        return [variable for variable in self.layer.trainable_variables if variable not in nested]


class Recorder:
    """An observer of layers that notes their arrays and adds to them the probes it was given.

    Differentiated with respect to a probe, a zero added to what enters or leaves a layer, the loss has the gradient
    that this one call hands back or is handed. What leaves a layer as the sigmoid or softmax of logits may go on as
    these: the probe is then added to the logits.

    Parameters
    ----------
    probes : mapping of int to Array
        By number of the array in `values`.

    Attributes
    ----------
    values : list of raw arrays
    calls, finished : list of RecordedCall
        In the order in which they began, and in which they returned.
    failed : RecordedCall or None
        The innermost that raised.
    """

    def __init__(self, probes: Mapping[Any, Array]) -> None:
        self.probes = probes
        self.values: list[Any] = []
        self.calls: list[RecordedCall] = []
        self.finished: list[RecordedCall] = []
        self.failed: RecordedCall | None = None
        self._open: list[RecordedCall] = []
        self._counts: Counter[str] = Counter()

    def __call__(self, layer: Layer, compute: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        path = "/".join([*(call.layer.name for call in self._open[1:]), layer.name])
        call = RecordedCall(layer, CallSite(path, self._counts[path]))
        self._counts[path] += 1
        self.calls.append(call)
        self._open.append(call)
        try:
            args, kwargs = self._watch((args, kwargs), call.inputs, _entering)
            outputs = self._watch(compute(*args, **kwargs), call.outputs, _leaving)
        except Exception:
            self.failed = self.failed or call
            raise
        finally:
            self._open.pop()
        self.failed = None  # whatever was raised in it was dealt with
        self.finished.append(call)
        return outputs

    def _watch(self, tree: Any, numbers: list[int], add: Callable[[Any, Any], Any]) -> Any:
        return tree_map(lambda leaf: self._watch_leaf(leaf, numbers, add), tree)

    def _watch_leaf(self, leaf: Any, numbers: list[int], add: Callable[[Any, Any], Any]) -> Any:
        raw = leaf.value if isinstance(leaf, Array) else leaf
        if find_backend(raw) is None:
            return leaf
        probe = self.probes.get(len(self.values))
        numbers.append(len(self.values))
        self.values.append(raw)
        if probe is None:
            return leaf
        if tuple(probe.shape) != tuple(raw.shape):
            raise ValueError(
                "Layers must compute alike each time they are given the same: received an array of shape "
                f"{tuple(raw.shape)} where there was one of shape {tuple(probe.shape)}."
            )
        return add(leaf, probe)


def _entering(x: Any, probe: Array) -> Array:
    made = probe + x
    made.origin = getattr(x, "origin", None)
    return made


def _leaving(y: Any, probe: Array) -> Array:
    origin = getattr(y, "origin", None)
    if origin is None:
        return probe + y
    activation, axis = getattr(activations, origin.activation), {} if origin.axis is None else {"axis": origin.axis}
    return activation(origin.logits_of(y) + probe, **axis)
