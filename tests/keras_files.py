"""Writes models that Keras saves, and what they give, to ``tests/data/keras``: ``python -m tests.keras_files``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("data") / "keras"
X = np.linspace(-1, 1, 12).reshape(2, 6).astype("float32")


def models(keras: Any, layers: Any) -> dict[str, Any]:
    """Return models by name, of the same code for Keras and for nnarray."""
    deep = keras.Sequential([keras.Input((6,)), *(layers.Dense(3, activation="tanh") for _ in range(11))])
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="first"), layers.Dropout(0.5), layers.Dense(2)])
    nested = keras.Sequential([keras.Input((6,)), inner, layers.Dense(3, use_bias=False)])
    symbol = keras.Input((6,))
    shared = layers.Dense(6, activation="relu", name="shared")
    functional = keras.Model(symbol, layers.Dense(2, name="out")(shared(shared(symbol))))
    return {"deep": deep, "nested": nested, "functional": functional}


def main() -> None:
    import keras

    FOLDER.mkdir(parents=True, exist_ok=True)
    outputs = {}
    for name, model in models(keras, keras.layers).items():
        rng = np.random.default_rng(0)
        model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
        model.compile("adam", "mse")
        model.fit(X, np.asarray(model(X)), verbose=0)
        model.save(FOLDER / f"{name}.keras")
        model.save_weights(FOLDER / f"{name}.weights.h5")
        outputs[name] = np.asarray(model(X), dtype="float64").tolist()
    text = json.dumps({"keras": keras.__version__, "outputs": outputs}, indent=1)
    (FOLDER / "outputs.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
