"""Callbacks that save while a model is trained, by Keras' names."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from nnarray._checks import check_boolean, check_positive_integer
from nnarray._messages import describe
from nnarray.saving._file import checked_path
from nnarray.saving._model import restore_training, save_model
from nnarray.saving._weights import save_weights
from nnarray.training import Callback
from nnarray.training._monitors import Monitor


def _checked_freq(save_freq: Any) -> Any:
    return save_freq if save_freq == "epoch" else check_positive_integer("save_freq", save_freq)


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, at the end of epochs or after so many batches.

    It runs after all other callbacks, so that what it saves has their states too: `fit` with
    ``initial_epoch`` goes on from the file as if it had never ended.

    Parameters
    ----------
    filepath : str or path
        Ends in ``.safetensors``; may have the fields ``{epoch}``, counted from 1, ``{batch}`` and those of the logs, as
        in ``"{epoch:02d}-{val_loss:.2f}.safetensors"``.
    monitor : str
        Name in the logs, for `save_best_only`.
    verbose : {0, 1}
        Whether to say what was saved.
    save_best_only : bool
        Whether to save only where the figure is better than all before.
    save_weights_only : bool
    mode : {"auto", "min", "max"}
        What is better. Of the loss it is less, of a metric what the metric says.
    save_freq : "epoch" or int
        Number of batches after which to save; an integer counts on over epochs.
    initial_value_threshold : float, optional
        What the first figure must be better than.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> keep = nna.callbacks.ModelCheckpoint(folder / "{epoch}.safetensors", monitor="loss")
    >>> _ = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, callbacks=[keep], verbose=0)
    >>> sorted(path.name for path in folder.iterdir())
    ['1.safetensors', '2.safetensors']
    """

    runs_last = True
    _kept = ("best", "_seen", "_batches")

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = str(checked_path(filepath, "Weights" if save_weights_only else "Models"))
        self.verbose = verbose
        self.save_best_only = check_boolean("save_best_only", save_best_only)
        self.save_weights_only = check_boolean("save_weights_only", save_weights_only)
        self.save_freq = _checked_freq(save_freq)
        self.initial_value_threshold = initial_value_threshold
        self._batches = self._epoch = 0
        self._last = -1

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.best, self._batches = self.initial_value_threshold, 0
        folder = Path(self.filepath).parent
        if "{" not in str(folder):
            # A folder that cannot be made is told of now, not after hours.
            folder.mkdir(parents=True, exist_ok=True)

    def on_train_end(self, logs: Any = None) -> None:
        if self.save_best_only:
            super().on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._epoch, self._last = epoch, -1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.save_freq != "epoch":
            self._batches += batch - self._last
            self._last = batch
            if self._batches >= self.save_freq:
                self._batches = 0
                self._save(logs, batch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        if self.save_freq == "epoch":
            self._save(logs, None)

    def _save(self, logs: Any, batch: int | None) -> None:
        if self.save_best_only:
            current = self.current(logs)
            if current is None or not self.is_better(current, self.best):
                return
            self.best = current
        fields = {**(logs or {}), "epoch": self._epoch + 1, "batch": 0 if batch is None else batch + 1}
        try:
            path = Path(self.filepath.format(**fields))
        except KeyError as error:
            raise ValueError(
                f"The fields of filepath are epoch, batch and figures of the training, here {', '.join(logs or {})}: "
                f"received {self.filepath!r} with {error}."
            ) from None
        path.parent.mkdir(parents=True, exist_ok=True)
        (save_weights if self.save_weights_only else save_model)(self.model, path)
        if self.verbose:
            print(f"Epoch {self._epoch + 1}: saved {path}.", file=sys.stdout, flush=True)


class BackupAndRestore(Callback):
    """Lets training that was interrupted go on in another process: where it stopped, when `fit` is called again.

    Parameters
    ----------
    backup_dir : str or path
        A folder for this training alone.
    save_freq : "epoch" or int
        Number of batches after which to save; an epoch that was interrupted begins anew.
    double_checkpoint : bool
        Whether to keep the backup before the last one, as ``previous.safetensors``.
    delete_checkpoint : bool
        Whether to remove the backup when training has ended.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import nnarray as nna
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "backup"
    >>> def train(fail_at):
    ...     model = nna.Sequential([nna.layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     def fail(epoch, logs):
    ...         if epoch == fail_at:
    ...             raise OSError("power is gone")
    ...     hooks = [nna.callbacks.BackupAndRestore(folder), nna.callbacks.LambdaCallback(on_epoch_begin=fail)]
    ...     return model.fit(np.ones((4, 2)), np.ones(4), epochs=4, callbacks=hooks, verbose=0)
    >>> try:
    ...     train(fail_at=2)
    ... except OSError:
    ...     print("interrupted")
    interrupted
    >>> train(fail_at=None).epoch
    [2, 3]
    """

    runs_last = True

    def __init__(
        self, backup_dir: Any, save_freq: Any = "epoch", double_checkpoint: bool = False, delete_checkpoint: bool = True
    ) -> None:
        if not str(backup_dir):
            raise ValueError(f"backup_dir must be a folder: received {describe(backup_dir)}.")
        self.backup_dir = str(backup_dir)
        self.save_freq = _checked_freq(save_freq)
        self.double_checkpoint = check_boolean("double_checkpoint", double_checkpoint)
        self.delete_checkpoint = check_boolean("delete_checkpoint", delete_checkpoint)
        self._batches = 0

    @property
    def _path(self) -> Path:
        return Path(self.backup_dir) / "backup.safetensors"

    def restore(self, model: Any) -> bool:
        """Put the state of the backup into a model that is about to be trained, if there is one."""
        if not self._path.exists():
            return False
        restore_training(model, self._path)
        return True

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        Path(self.backup_dir).mkdir(parents=True, exist_ok=True)
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        if self.save_freq != "epoch":
            self._batches += 1
            if self._batches % self.save_freq == 0:
                self._backup()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if self.save_freq == "epoch":
            self._backup()

    def _backup(self) -> None:
        if self.double_checkpoint and self._path.exists():
            shutil.copyfile(self._path, self._path.with_name("previous.safetensors"))
        save_model(self.model, self._path)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        if self.delete_checkpoint:
            for name in ("backup", "previous"):
                self._path.with_name(f"{name}.safetensors").unlink(missing_ok=True)
            if not any(Path(self.backup_dir).iterdir()):
                Path(self.backup_dir).rmdir()
