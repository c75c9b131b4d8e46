"""Programs whose data come batch by batch, are weighted by class, or are taken in steps; and that save on the way."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.keras_programs.common import FIT, after, features, labels, stack


def _binary(keras: Any, optimizer: Any = "adam", **kwargs: Any) -> Any:
    model = stack(keras, keras.layers.Dense(4, "tanh"), keras.layers.Dense(1, "sigmoid"))
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], **kwargs)
    return model


def _batches(x: Any, y: Any, size: int = 8) -> Any:
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size, None]


def generators_and_steps(keras: Any) -> Any:
    def endless() -> Any:
        while True:
            yield from _batches(x, y)

    x, y = features(44), labels(2, 44)
    model = _binary(keras)
    # Of a generator to validate on, Keras takes the first two batches again and again.
    history = model.fit(endless(), steps_per_epoch=4, epochs=3, validation_data=(x, y), verbose=0).history
    figures = model.evaluate(_batches(x, y), steps=6, verbose=0)
    return history, figures, model.predict(_batches(x, y), steps=6, verbose=0), after(model, x)


def data_sets_of_batches(keras: Any) -> Any:
    class Batches(keras.utils.PyDataset):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.order = np.arange(40)

        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            rows = self.order[index * 8 : (index + 1) * 8]
            return x[rows], y[rows, None], weights[rows]

    x, y, weights = features(), labels(2), np.linspace(0.5, 2, 40).astype("float32")
    model = _binary(keras, weighted_metrics=["mse"])
    # With more workers, Keras' batches come in an order of their own.
    history = model.fit(Batches(workers=1), epochs=3, validation_data=Batches(), **FIT).history
    return history, model.evaluate(Batches(), verbose=0), after(model, x)


def weights_of_classes(keras: Any) -> Any:
    x, y = features(), labels(3)
    found = []
    for targets, loss in ((y, "sparse_categorical_crossentropy"), (np.eye(3)[y], "categorical_crossentropy")):
        model = stack(keras, keras.layers.Dense(3, "softmax"))
        model.compile("adam", loss, metrics=["accuracy"], weighted_metrics=["mae"] if targets.ndim == 2 else None)
        history = model.fit(x, targets, epochs=3, class_weight={0: 0.5, 2: 4.0}, validation_split=0.25, **FIT)
        found.append((history.history, model.train_on_batch(x, targets, class_weight={1: 3.0}), after(model, x)))
    return found


def arrays_in_steps_and_validation_now_and_then(keras: Any) -> Any:
    x, y = features(50), labels(2, 50)
    model = _binary(keras)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = model.fit(
            x, y, batch_size=8, steps_per_epoch=4, epochs=5, validation_data=(x[:20], y[:20]), validation_freq=2,
            validation_batch_size=5, validation_steps=3, **FIT,
        )  # fmt: skip
    return history.history, after(model, x)


def averages_and_gathered_gradients(keras: Any) -> Any:
    x, y = features(), labels(2)
    found = []
    for optimizer in (
        keras.optimizers.SGD(0.3, momentum=0.9, use_ema=True, ema_momentum=0.8),
        keras.optimizers.Adam(0.05, gradient_accumulation_steps=2),
        keras.optimizers.AdamW(0.05, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3),
    ):
        model = _binary(keras, optimizer)
        history = model.fit(x, y, batch_size=8, epochs=3, validation_data=(x, y), **FIT).history
        found.append((history, model.evaluate(x, y, verbose=0), after(model, x)))
    return found


def metrics_of_curves_and_classes(keras: Any) -> Any:
    x, y = features(), labels(3)
    model = stack(keras, keras.layers.Dense(3, "softmax"))
    metrics = [
        *("AUC", keras.metrics.Precision(), keras.metrics.Recall(), keras.metrics.F1Score("macro")),
        *(keras.metrics.AUC(curve="PR", name="pr"), keras.metrics.OneHotMeanIoU(3), keras.metrics.R2Score()),
    ]
    model.compile("adam", "categorical_crossentropy", metrics=metrics)
    return model.fit(x, np.eye(3)[y], epochs=3, validation_split=0.25, **FIT).history


def the_best_is_kept_and_training_goes_on(keras: Any) -> Any:
    x, y = features(), labels(2)
    ours = keras.__name__ != "keras"
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / ("best.weights.safetensors" if ours else "best.weights.h5")
        whole = Path(folder) / ("model.safetensors" if ours else "model.keras")
        keep = keras.callbacks.ModelCheckpoint(str(best), "loss", save_best_only=True, save_weights_only=True)
        stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
        model = _binary(keras, keras.optimizers.Adam(0.1))
        history = model.fit(x, y, epochs=6, validation_split=0.5, callbacks=[keep, stop], **FIT).history
        model.save(str(whole))
        again = keras.models.load_model(str(whole))
        rest = again.fit(x, y, epochs=9, initial_epoch=6, **FIT).history
        model.load_weights(str(best))
        return history, rest, after(model, x), after(again, x)
