"""One backend's part of a cross-check: every layer's output, then every gradient on the way back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nnarray.array import as_array
from nnarray.autodiff import value_and_grad
from nnarray.backends import Selection, backend_of, use_backend
from nnarray.layers import observing
from nnarray.models import Model
from nnarray.testing._recorder import CallSite, RecordedCall, Recorder
from nnarray.training import Data
from nnarray.variables import StatelessScope, Variable

FORWARD, GRADIENT, WEIGHT = "forward", "gradient", "weight gradient"
LOSS = CallSite("loss")


class Key(NamedTuple):
    """What an array is: its kind, the call it belongs to, and which of that call's arrays."""

    kind: str
    place: CallSite
    part: str = ""


@dataclass
class Found:
    """An array on the host; differences are relative to its largest magnitude, or to `floor` if that is more."""

    value: np.ndarray
    floor: float = 0.0


@dataclass
class Run:
    """What a backend computed, forward and then backward, up to what it raised."""

    found: dict[Key, Found] = field(default_factory=dict)
    error: tuple[Key, str] | None = None


class Source(NamedTuple):
    """What the loss is differentiated with respect to: a variable, or the probe of this number.

    The gradient that arrives at a call's outputs only scales what the call makes of it, so it is not a row.
    """

    at: int | Variable
    key: Key
    call: RecordedCall | None
    arriving: bool = False


def run(model: Model, where: Selection, data: Data, training: bool, with_loss: bool) -> Run:
    """Return what a copy of `model` computes on a backend, its loss included or not; what it raises is part of it."""
    result = Run()
    batch: _Batch | None = None
    try:
        with use_backend(where.backend.name, where.device):
            twin = copy.deepcopy(model).to(*where)
            batch = _Batch(twin, data.to(where.backend, where.device, model.dtype), training, with_loss)
            batch.forward(result.found)
            if with_loss:
                batch.backward(result.found)
    except Exception as error:
        # What a library cannot do is a finding, reported with its place.
        key = Key(FORWARD, CallSite(model.name)) if batch is None else batch.failing
        result.error = key, f"{type(error).__name__}: {error}"
    return result


class _Batch:
    """The forward and the backward pass of one batch, as `fit` takes them."""

    def __init__(self, model: Model, data: Data, training: bool, with_loss: bool) -> None:
        self.model = model
        # With a loss the model runs on Arrays, as in `fit`; without, on raw arrays, as in `predict`.
        self.data = data.each(as_array) if with_loss else data
        self.training = training
        self.with_loss = with_loss
        self.weights = model.trainable_variables
        self.frozen = model.non_trainable_variables
        # The metrics that count the loss are not part of the model.
        self.counts = [variable for metric in model.metrics for variable in metric.variables] if with_loss else []
        self.recorder = Recorder({})
        self._failing: Key | None = None

    @property
    def failing(self) -> Key:
        """Where the exception came from that ended a pass."""
        failed = self.recorder.failed
        return self._failing or Key(FORWARD, LOSS if failed is None else failed.place)

    def forward(self, found: dict[Key, Found]) -> None:
        """Note every layer's output, what was assigned to variables, and the loss."""
        weights = [as_array(variable.value) if self.with_loss else variable.value for variable in self.weights]
        recorder = self.recorder
        try:
            loss, assigned = self._compute(weights)
        finally:
            for call in recorder.finished:
                for part, number in () if call.hidden else _numbered(call.outputs):
                    found[Key(FORWARD, call.place, part)] = Found(_host(recorder.values[number]))
        for variable, value in assigned.items():
            found[Key(FORWARD, CallSite(variable.path))] = Found(_host(value))
        if loss is not None:
            found[Key(FORWARD, LOSS)] = Found(_host(loss))

    def backward(self, found: dict[Key, Found]) -> None:
        """Note the gradients, in the order in which a backward pass comes by them."""
        first = self.recorder
        sources = list(self._sources(first))
        try:
            gradients = self._gradients(sources, first)
        except Exception:
            if self.recorder.failed is None:
                sources, gradients = self._before_failure(sources, first)
                _note(found, sources, gradients)
            raise
        _note(found, sources, gradients)

    def _compute(self, weights: Sequence[Any]) -> tuple[Any, dict[Variable, Any]]:
        """Return the loss, and what was assigned to variables."""
        x, y, sample_weight = self.data
        frozen = [variable.value for variable in self.frozen]
        counts = [as_array(variable.value) for variable in self.counts]
        variables = [*self.counts, *self.weights, *self.frozen]
        scope = StatelessScope(variables, [*counts, *weights, *frozen], counter=0)
        loss = None
        with scope, observing(self.recorder):
            outputs = self.model(x, training=self.training)
            if self.with_loss:
                loss = self.model._loss_of(x, y, outputs, sample_weight, self.training)
        lent = zip(self.frozen, frozen, strict=True)
        assigned = {variable: scope.values[variable] for variable, v in lent if scope.values[variable] is not v}
        return loss, assigned

    def _sources(self, first: Recorder) -> list[Source]:
        def probes(numbers: Sequence[int], place: CallSite, call: RecordedCall, arriving: bool = False) -> list[Source]:
            floating = [
                (part, number)
                for part, number in _numbered(numbers)
                if backend_of(first.values[number]).xp.isdtype(first.values[number].dtype, "real floating")
            ]
            return [Source(number, Key(GRADIENT, place, part), call, arriving) for part, number in floating]

        whole = first.calls[0]
        owner: dict[Variable, RecordedCall] = {}
        for call in first.calls:
            for variable in call.trained:
                owner.setdefault(variable, call)
        sources = probes(whole.outputs, LOSS, whole)
        for call in reversed(first.calls):
            if call.hidden:
                continue
            sources += probes(call.outputs, call.place, call, arriving=True)
            sources += probes(call.inputs, call.place, call)
            own = [variable for variable in call.trained if owner[variable] is call]
            names = [variable.name for variable in own]
            for index, variable in enumerate(own):
                part = f"/{variable.name}" + (f"[{index}]" if names.count(variable.name) > 1 else "")
                sources.append(Source(variable, Key(WEIGHT, call.place, part), call))
        idle = [variable for variable in self.weights if variable not in owner]
        return [*sources, *(Source(variable, Key(WEIGHT, CallSite(variable.path)), None) for variable in idle)]

    def _gradients(self, sources: Sequence[Source], first: Recorder) -> list[Any]:
        def objective(values: list[Any]) -> Any:
            lent = dict(zip([source.at for source in sources], values, strict=True))
            self.recorder = Recorder({at: value for at, value in lent.items() if isinstance(at, int)})
            return self._compute([lent.get(variable, as_array(variable.value)) for variable in self.weights])[0]

        start = []
        for source in sources:
            if isinstance(source.at, Variable):
                start.append(source.at.value)
            else:
                value = first.values[source.at]
                start.append(backend_of(value).xp.zeros_like(value))
        return value_and_grad(objective)(start)[1]

    def _before_failure(self, sources: list[Source], first: Recorder) -> tuple[list[Source], list[Any]]:
        """Return the gradients that a failing backward pass comes by before it fails, and note where that is.

        Differentiated with respect to the first few sources only, the pass goes no further back than to them.
        """
        works, fails = 0, len(sources)
        gradients: list[Any] = []
        while fails - works > 1:
            middle = (works + fails) // 2
            try:
                gradients = self._gradients(sources[:middle], first)
                works = middle
            except Exception:
                fails = middle
        self._failing = sources[works].key
        return sources[:works], gradients


def _note(found: dict[Key, Found], sources: Sequence[Source], gradients: Sequence[Any]) -> None:
    arriving: dict[int, float] = {}
    for source, gradient in zip(sources, gradients, strict=True):
        value, layer = _host(gradient), 0 if source.call is None else id(source.call.layer)
        if source.arriving:
            arriving[layer] = max(arriving.get(layer, 0.0), largest(value))
        else:
            # A matrix's gradient is made of the layer's inputs too, which may be small: it has its own scale.
            summed = source.key.kind == WEIGHT and value.ndim < 2
            found[source.key] = Found(value, arriving.get(layer, 0.0) if summed else 0.0)


def largest(x: np.ndarray) -> float:
    """Return the largest finite magnitude, 0 if there is none."""
    magnitudes = np.abs(x.astype(np.result_type(x.dtype, np.float64)))
    return float(np.max(magnitudes, where=np.isfinite(magnitudes), initial=0.0))


def _numbered(numbers: Sequence[int]) -> list[tuple[str, int]]:
    """Return each number with the index to name it by, empty if it is the only one."""
    return [(f"[{index}]" if len(numbers) > 1 else "", number) for index, number in enumerate(numbers)]


def _host(x: Any) -> np.ndarray:
    x = as_array(x).value
    return np.array(backend_of(x).to_numpy(x))
