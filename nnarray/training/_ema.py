"""A callback that evaluates a model by the averages of its variables."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_boolean
from nnarray.optimizers import Optimizer
from nnarray.training._callback import Callback
from nnarray.variables import Variable


class SwapEMAWeights(Callback):
    """Puts the averages that an optimizer keeps in the place of the variables while the model is validated.

    Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30 (1992). The
    optimizer is made with ``use_ema=True``. `fit` itself ends with the averages.

    Parameters
    ----------
    swap_on_epoch : bool
        Whether they stay there for the callbacks after this one at the end of an epoch, such as a ModelCheckpoint;
        training goes on with the variables.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import callbacks, layers, models, optimizers
    >>> model = models.Sequential([layers.Dense(1, input_dim=1)])
    >>> model.compile(optimizers.SGD(use_ema=True), "mse")
    >>> x = np.ones((8, 1))
    >>> history = model.fit(x, x, validation_data=(x, x), verbose=0, callbacks=[callbacks.SwapEMAWeights()])
    >>> history.history["val_loss"] == [model.evaluate(x, x, verbose=0)]
    True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = check_boolean("swap_on_epoch", swap_on_epoch)
        self._before: list[tuple[Variable, Any]] | None = None

    def get_state(self) -> dict[str, Any]:
        held = None if self._before is None else [variable.backend.to_numpy(x) for variable, x in self._before]
        return {"before": held}

    def set_state(self, state: dict[str, Any]) -> None:
        pairs = self._averages() if state["before"] is not None else []
        self._before = None
        if pairs:
            self._before = [(variable, x) for (variable, _), x in zip(pairs, state["before"], strict=True)]

    def _averages(self) -> list[tuple[Variable, Any]]:
        """Return the variables with their averages; ValueError if the optimizer keeps none."""
        optimizer = self.model.optimizer
        pairs = optimizer.averages() if isinstance(optimizer, Optimizer) else []
        if not pairs and not (isinstance(optimizer, Optimizer) and not optimizer.built):
            raise ValueError(
                f"SwapEMAWeights needs an optimizer that keeps averages: received {optimizer!r}. Give it use_ema=True."
            )
        return [
            (member, piece)
            for variable, average in pairs
            for member, piece in zip(variable.members, variable.split(average.value), strict=True)
        ]

    def _put(self) -> None:
        if self._before is None:
            pairs = self._averages()
            self._before = [(variable, variable.backend.xp.asarray(variable.value, copy=True)) for variable, _ in pairs]
            for variable, average in pairs:
                variable.assign(average)

    def _take_back(self) -> None:
        before, self._before = self._before or [], None
        for variable, value in before:
            variable.assign(value)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self._before = None

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        # What `fit` ends with is there already.
        self._before = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._take_back()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if self.swap_on_epoch:
            self._put()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self._put()

    def on_test_end(self, logs: Any = None) -> None:  # noqa: ARG002
        self._take_back()

    def on_predict_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self._put()

    def on_predict_end(self, logs: Any = None) -> None:  # noqa: ARG002
        self._take_back()
