"""The outputs of a model for batches, on plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnarray.compiler import jit
from nnarray.layers import Layer
from nnarray.training._data import Data
from nnarray.training._progress import Progress
from nnarray.variables import StatelessScope, Variable


def anatomy(model: Layer) -> tuple[Any, ...]:
    """Return what a plan depends on besides values: the layers of a model, all the way down, and its variables."""
    found, stack = [], [model]
    while stack:
        layer = stack.pop()
        found.append(layer)
        stack += layer.sublayers
    return (*found, *model.trainable_variables, None, *model.variables)


#: Phase of the steps that predict.
_PREDICTING = 2


class Predictor:
    """Calls a model in inference, one plan for each shape of batch.

    Parameters
    ----------
    model : Layer
        Built.
    executor : str
    eagerly : bool
        Whether to run the model's code at every batch.

    Attributes
    ----------
    anatomy : tuple
        Of the model; if it has another one, it needs another predictor.
    """

    def __init__(self, model: Layer, executor: str, eagerly: bool) -> None:
        self._model = model
        self.anatomy = anatomy(model)
        self._variables: Sequence[Variable] = model.variables
        self._call = self._outputs if eagerly else jit(self._outputs, executor=executor)
        self._count = 0

    def _outputs(self, values: list[Any], x: Any, counter: Any) -> Any:
        with StatelessScope(self._variables, values, counter, _PREDICTING):
            return self._model(x, training=False)

    def __call__(self, data: Data) -> Any:
        """Return the outputs for a batch, of its library."""
        self._count += 1
        return self._call([variable.value for variable in self._variables], data.x, data.number(self._count - 1))


def predict_data(call: Any, data: Data, batch_size: int, progress: Progress) -> list[Any]:
    """Return what `call` gives for each batch of the inputs."""
    outputs = []
    for rows in data.batches(batch_size):
        outputs.append(call(data.take(rows)))
        progress.advance()
    return outputs
