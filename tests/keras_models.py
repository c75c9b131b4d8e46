"""Writes models that Keras saves, and what they give: ``KERAS_BACKEND=torch python -m tests.keras_models``.

They are loaded in tests/saving/test_keras_models.py. The archives are compressed, which Keras does not do.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("data") / "keras_models"
NUMBERS = FOLDER / "numbers.json"

X = np.sin(np.arange(36.0)).reshape(12, 3).astype("float32")
Y = np.eye(2, dtype="float32")[np.arange(12) % 5 % 2]
BATCH = 4

#: Class and arguments of the optimizers of trained models, by the name of the file.
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.05, "momentum": 0.5, "centered": True}),
    "adam": ("Adam", {"learning_rate": 0.1}),
    "amsgrad": ("Adam", {"learning_rate": 0.1, "amsgrad": True, "clipnorm": 0.5}),
    "adamw": ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.1}),
    "adamax": ("Adamax", {"learning_rate": 0.1}),
    "nadam": ("Nadam", {"learning_rate": 0.1}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "adafactor": ("Adafactor", {"learning_rate": 0.1}),
    "ftrl": ("Ftrl", {"learning_rate": 0.1}),
    "lion": ("Lion", {"learning_rate": 0.01}),
    "lamb": ("Lamb", {"learning_rate": 0.1}),
    "averages": ("Adam", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.5}),
    "sums": ("Adam", {"learning_rate": 0.1, "gradient_accumulation_steps": 2}),
    "decay": ("Adam", {"learning_rate": {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}}),
    "scaled": ("LossScaleOptimizer", {"inner_optimizer": ("SGD", {"learning_rate": 0.1, "momentum": 0.9})}),
    "muon": ("Muon", {"learning_rate": 0.1}),
}


def optimizer(keras: Any, name: str, arguments: dict[str, Any]) -> Any:
    """Return an optimizer by the name of its class; its arguments may be those of a schedule or of another one."""
    given = {
        key: optimizer(keras, *x)
        if isinstance(x, tuple)
        else keras.optimizers.schedules.ExponentialDecay(**x)
        if isinstance(x, dict)
        else x
        for key, x in arguments.items()
    }
    return getattr(keras.optimizers, name)(**given)


def trained(keras: Any, chosen: Any) -> Any:
    """Return a compiled model with what an optimizer must heed: a penalty, a constraint, weights that stay."""
    layers = keras.layers
    stack = [
        layers.Dense(4, activation="tanh", kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02), name="hidden"),
        layers.Dense(4, trainable=False, name="frozen"),
        layers.Dense(2, kernel_constraint=keras.constraints.MaxNorm(1.5), use_bias=False, name="out"),
    ]
    model = keras.Sequential([keras.Input((3,)), *stack])
    fill(model)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model.compile(chosen, loss, metrics=["mae", keras.metrics.MeanSquaredError(name="square")])
    return model


def own(keras: Any) -> Any:
    """Return a class of models with layers in a list and a model, of the same code for Keras and for nnarray."""

    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self, head: Any, units: int = 4, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.head = head
            self.hidden = [keras.layers.Dense(units, activation="tanh"), keras.layers.Dense(units)]

        def call(self, inputs: Any) -> Any:
            for layer in self.hidden:
                inputs = layer(inputs)
            return self.head(inputs)

        def get_config(self) -> Any:
            head = keras.utils.serialize_keras_object(self.head)
            return {**super().get_config(), "head": head, "units": self.units}

    return Own


def fill(model: Any) -> None:
    """Give a model weights that are the same on every backend."""
    shapes = [tuple(weight.shape) for weight in model.get_weights()]
    model.set_weights([np.sin(3.0 * i + np.arange(float(np.prod(s)))).reshape(s) for i, s in enumerate(shapes)])


def architectures(keras: Any) -> dict[str, Any]:
    """Return models by name, of the same code for Keras and for nnarray."""
    layers, ops = keras.layers, keras.ops
    plain = [
        layers.Flatten(),
        layers.Dense(
            4,
            activation="gelu",
            kernel_initializer=keras.initializers.HeNormal(seed=3),
            bias_initializer=keras.initializers.Constant(0.1),
            kernel_regularizer="l2",
            bias_constraint=keras.constraints.NonNeg(),
        ),
        layers.Dropout(0.25, seed=4, name="drop"),
        layers.Dense(4, trainable=False),
        layers.Activation("softmax"),
    ]
    late = keras.Sequential([layers.Dense(4, name="same"), keras.Sequential([layers.Dense(2, name="same")])])
    late.build((None, 3))

    symbol = keras.Input((3,))
    pair = keras.Model(
        symbol, [layers.Dense(3, name="left")(symbol), layers.Dense(2, name="right")(symbol)], name="pair"
    )
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    shared = layers.Dense(3, activation="relu", name="shared")
    stack = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dropout(0.5), layers.Dense(2)], name="stack")
    left, right = pair(shared(a))
    again, last = pair(shared(b) * 2.0)
    joined = ops.concatenate([left, 1.0 - again], axis=-1)
    means = ops.mean(joined[:, 1:5], axis=1, keepdims=True)
    graph = keras.Model(
        {"a": a, "b": b}, {"means": means, "stack": stack(shared(a)), "last": last, "right": ops.relu(right) / 3}
    )
    one = keras.Input((3,))
    half = keras.Model([one], [layers.Dense(2, dtype="mixed_float16")(one)])
    double = keras.Sequential([keras.Input((3,), dtype="float64"), layers.Dense(2, dtype="float64")])
    four = keras.Input((4,))
    mine = own(keras)(keras.Model(four, layers.Dense(2)(layers.Dense(4)(four))))
    mine(X)
    return {
        "mine": mine,
        "plain": keras.Sequential([keras.Input((3, 1)), *plain]),
        "late": late,
        "graph": graph,
        "half": half,
        "double": double,
    }


def inputs(name: str) -> Any:
    """Return what a model of `architectures` is called on."""
    return {"plain": X[..., None], "graph": {"a": X, "b": X[::-1]}}.get(name, X)


def save(model: Any, name: str) -> None:
    """Save a model, and compress the archive."""
    path = FOLDER / f"{name}.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED, 9)


def main() -> None:
    import keras

    def listed(tree: Any) -> Any:
        return keras.tree.map_structure(lambda x: np.asarray(x, dtype="float64").tolist(), tree)

    FOLDER.mkdir(parents=True, exist_ok=True)
    outputs, weights = {}, {}
    for name, model in architectures(keras).items():
        fill(model)
        save(model, name)
        outputs[name] = listed(model.predict(inputs(name), verbose=0))
    for name, chosen in OPTIMIZERS.items():
        model = trained(keras, optimizer(keras, *chosen))
        model.fit(X, Y, batch_size=BATCH, shuffle=False, verbose=0)
        save(model, name)
        model.fit(X, Y, batch_size=BATCH, shuffle=False, verbose=0)
        weights[name] = [np.asarray(x, dtype="float64").tolist() for x in model.get_weights()]
    figures = model.evaluate(X, Y, verbose=0, return_dict=True)
    recorded = {"keras": keras.__version__, "outputs": outputs, "weights": weights, "figures": figures}
    NUMBERS.write_text(f"{json.dumps(recorded)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
