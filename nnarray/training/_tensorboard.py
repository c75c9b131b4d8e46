"""Figures for TensorBoard, written by tensorboardX."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from nnarray._checks import check_boolean, check_positive_integer, check_whole
from nnarray._messages import missing_extra
from nnarray._serialization import serialize_keras_object
from nnarray.training._callback import Callback

_VALIDATION = "val_"


class TensorBoard(Callback):
    """Writes figures, and if asked for histograms of weights, for TensorBoard. It needs ``nnarray[tensorboard]``.

    Look at them by ``tensorboard --logdir logs``. Figures of training stand in the folder ``train``, those of
    validation in ``validation``, under Keras' names: ``epoch_loss``, with `update_freq` also ``batch_loss``.

    Parameters
    ----------
    log_dir : str or path
    histogram_freq : int
        Epochs between two histograms of each variable; 0 writes none.
    write_graph : bool
        Whether to write the model's configuration as text.
    write_steps_per_second : bool
        Whether to write how many steps a second there were in each epoch.
    update_freq : "epoch", "batch" or int
        Number of batches between figures within an epoch.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> board = nna.callbacks.TensorBoard(folder)
    >>> x = np.zeros((4, 2))
    >>> _ = model.fit(x, x[:, 0], validation_data=(x, x[:, 0]), callbacks=[board], verbose=0)
    >>> sorted(path.name for path in folder.iterdir())
    ['train', 'validation']
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        *,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
    ) -> None:
        self.log_dir = str(log_dir)
        self.histogram_freq = check_whole("histogram_freq", histogram_freq)
        self.write_graph = check_boolean("write_graph", write_graph)
        self.write_steps_per_second = check_boolean("write_steps_per_second", write_steps_per_second)
        steps = 1 if update_freq == "batch" else update_freq
        self.update_freq = steps if steps == "epoch" else check_positive_integer("update_freq", steps)
        self._writers: dict[str, Any] = {}
        self._steps = 0
        self._began = (0.0, 0)
        if self.update_freq != "epoch":
            # To listen to batches waits for the device after each.
            self.on_train_batch_end = self._at_batch_end  # type: ignore[method-assign]

    def get_state(self) -> dict[str, Any]:
        return {"steps": self._steps}

    def set_state(self, state: dict[str, Any]) -> None:
        self._steps = state["steps"]

    def _writer(self, name: str) -> Any:
        if name not in self._writers:
            try:
                from tensorboardX import SummaryWriter
            except ImportError:
                raise ImportError(missing_extra("tensorboardX", "tensorboard", "TensorBoard")) from None
            self._writers[name] = SummaryWriter(str(Path(self.log_dir) / name))
        return self._writers[name]

    def _write(self, where: str, name: str, value: Any, step: int) -> None:
        """Write a figure; of one with axes, each element by its indices."""
        for index, item in np.ndenumerate(value):
            self._writer(where).add_scalar("/".join(map(str, (name, *index))), item, step)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self._steps = 0
        writer = self._writer("train")
        if self.write_graph:
            writer.add_text("model", f"```\n{json.dumps(serialize_keras_object(self.model), indent=1)}\n```")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._began = time.monotonic(), int(self.model.optimizer.iterations)

    def _at_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._steps += 1
        if self._steps % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._write("train", f"batch_{name}", value, self._steps)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        figures = {"learning_rate": float(self.model.optimizer.learning_rate), **(logs or {})}
        for name, value in figures.items():
            where = "validation" if name.startswith(_VALIDATION) else "train"
            self._write(where, f"epoch_{name.removeprefix(_VALIDATION)}", value, epoch)
        writer = self._writer("train")
        if self.write_steps_per_second:
            start, steps = self._began
            rate = (int(self.model.optimizer.iterations) - steps) / (time.monotonic() - start)
            writer.add_scalar("epoch_steps_per_second", rate, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for path, variable in self.model.structure()[1].items():
                writer.add_histogram(path, variable.numpy(), epoch)
        for each in self._writers.values():
            each.flush()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
