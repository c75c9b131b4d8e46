"""Callbacks that show training and end it, by Keras' names."""

from __future__ import annotations

import math
import sys
from typing import Any

from nnarray._checks import check_boolean
from nnarray.training._callback import Callback
from nnarray.training._progress import BAR, Progress, resolve_verbose


class TerminateOnNaN(Callback):
    """Ends training quietly when the loss is not finite; without it, `fit` raises NonFiniteLossError.

    The weights are the last that gave a finite loss, and not what the loss came from.

    Parameters
    ----------
    raise_error : bool
        Whether to raise NonFiniteLossError as well, as soon as the loss is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> x = np.asarray([[1.0, np.nan]])
    >>> hooks = [nna.callbacks.TerminateOnNaN()]
    >>> history = model.fit(x, x[:, 0], epochs=5, callbacks=hooks, verbose=0, check_finite=False)
    Batch 0: Invalid loss, terminating training
    >>> len(history.epoch), model.get_weights()[0].ravel()
    (1, array([1., 1.], dtype=float32))
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = check_boolean("raise_error", raise_error)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            if not self.raise_error:
                print(f"Batch {batch}: Invalid loss, terminating training", file=sys.stdout, flush=True)
            self.model.stop_training = True


class ProgbarLogger(Callback):
    """Shows training as `fit` does with ``verbose=1``, wherever the output goes; `fit` then shows nothing itself.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> log = nna.callbacks.ProgbarLogger()
    >>> _ = model.fit(np.zeros((4, 2)), np.zeros(4), epochs=1, callbacks=[log])  # doctest: +ELLIPSIS
    Epoch 1/1 - ...s - loss: 0.0000
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        params = self.params or {}
        self._progress = Progress(
            f"Epoch {epoch + 1}/{params.get('epochs')}", params.get("steps"), resolve_verbose(BAR)
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        if self._progress is not None:
            self._progress.advance()
            if self._progress.due():
                self._progress.show(logs or {})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if self._progress is not None:
            self._progress.close(logs)
            self._progress = None
