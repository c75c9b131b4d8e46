"""Programs with layers, losses, metrics and callbacks of the user's own, and with every optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.keras_programs.common import FIT, after, features, filled, ops, stack


def layer_with_weights_and_state(keras: Any) -> Any:
    class Linear(keras.layers.Layer):
        def __init__(self, units=4, scale=1.0, **kwargs):
            super().__init__(**kwargs)
            self.units, self.scale = units, scale

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="w")
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="b")

        def call(self, inputs, training=False):
            if training:
                self.count.assign(self.count + 1.0)
            return (inputs @ self.w + self.b) * self.scale

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], self.units)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "scale": self.scale}

    x = features()
    model = stack(keras, Linear(4, scale=0.5), keras.layers.Activation("relu"), Linear(1))
    names = [w.name for w in model.weights], [w.name for w in model.trainable_weights]
    model.compile("adam", "mse")
    history = model.fit(x, x[:, :1], epochs=2, batch_size=16, **FIT)
    config = model.layers[0].get_config()
    return history.history, names, config["units"], config["scale"], after(model, x[:3])


def layer_that_normalises(keras: Any) -> Any:
    class Norm(keras.layers.Layer):
        def build(self, input_shape):
            self.mean = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False, name="mean")
            self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gamma")

        def call(self, inputs, training=False):
            outputs = (inputs - self.mean) * self.gamma
            if training:
                self.mean.assign(self.mean * 0.9 + ops(keras, inputs).mean(inputs, axis=0) * 0.1)
            return outputs

    x = features()
    model = stack(keras, Norm(), keras.layers.Dense(2), Norm(), keras.layers.Dense(1))
    kinds = [[w.name for w in each] for each in (model.weights, model.trainable_weights, model.non_trainable_weights)]
    model.compile("sgd", "mse")
    return kinds, model.fit(x, x[:, :1], epochs=2, validation_split=0.25, **FIT).history, after(model, x[:3])


def layers_in_a_layer(keras: Any) -> Any:
    class Block(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.a, self.b = keras.layers.Dense(units, "relu"), keras.layers.Dense(units)

        def build(self, input_shape):
            self.a.build(input_shape)
            self.b.build(self.a.compute_output_shape(input_shape))
            self.gate = self.add_weight(shape=(1,), initializer="ones", name="gate")

        def call(self, inputs, training=None):
            return inputs + self.gate * self.b(self.a(inputs))

    x, given = features(), keras.Input((3,))
    model = filled(keras.Model(given, keras.layers.Dense(1)(Block(3)(Block(3)(given)))))
    names = [w.name for w in model.trainable_weights]
    model.compile("adam", "mse")
    return names, model.fit(x, x[:, :1], epochs=2, **FIT).history, after(model, x[:3])


def layer_of_rows_of_a_table(keras: Any) -> Any:
    class Table(keras.layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(5, 2), initializer="ones", name="table")

        def call(self, index):
            return ops(keras, self.table).take(self.table, index[:, 0], axis=0)

    given = keras.layers.Input((1,), dtype="int32")
    model = filled(keras.Model(given, keras.layers.Dense(1)(Table()(given))))
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).integers(0, 5, (20, 1))
    return model.fit(x, x[:, 0] * 1.0, epochs=2, batch_size=8, **FIT).history, after(model, x[:3])


def classes_over_classes(keras: Any) -> Any:
    class Scaled:
        factor = 0.5

        def call(self, inputs):
            return super().call(inputs) * self.factor

    class ScaledDense(Scaled, keras.layers.Dense):
        pass

    class Base(keras.Model):
        def __init__(self, depth, **kwargs):
            super().__init__(**kwargs)
            self.blocks = [ScaledDense(4, activation="tanh") for _ in range(depth)]

        def features(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    class Head(Base):
        def __init__(self, depth):
            super().__init__(depth, name="head")
            self.out = keras.layers.Dense(1)

        def call(self, x, training=None):
            hidden = self.features(x)
            return self.out(hidden * 2.0 if training else hidden)

    x = features()
    model = Head(2)
    model(x[:1])
    filled(model)
    model.compile("sgd", "mse", metrics=["mse"])
    history = model.fit(x, x[:, :1], epochs=2, batch_size=16, validation_split=0.5, **FIT)
    return history.history, [list(w.shape) for w in model.weights], model.name, after(model, x[:3])


def losses_of_ones_own(keras: Any) -> Any:
    def huber(y_true, y_pred):
        distance = abs(y_true - y_pred)
        near = 1.0 * (distance < 1.0)
        value = near * 0.5 * distance * distance + (1 - near) * (distance - 0.5)
        return ops(keras, value).mean(value, axis=-1)

    class Weighted(keras.losses.Loss):
        def __init__(self, factor=2.0, name="weighted", reduction="sum_over_batch_size"):
            super().__init__(name=name, reduction=reduction)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * ops(keras, y_pred).mean((y_true - y_pred) ** 2, axis=-1)

    def run(loss):
        model = stack(keras, keras.layers.Dense(2))
        model.compile(keras.optimizers.SGD(0.001), loss, metrics=[huber])
        y, weight = x[:, :2], np.linspace(0, 2, 40)
        history = model.fit(x, y, epochs=2, batch_size=16, sample_weight=weight, **FIT)
        return history.history, model.evaluate(x, y, verbose=0), model.get_weights()

    x = features()
    return [run(loss) for loss in (huber, Weighted(3.0), Weighted(1.0, reduction="sum"))]


def metric_of_ones_own(keras: Any) -> Any:
    class TruePositives(keras.metrics.Metric):
        def __init__(self, name="hits", **kwargs):
            super().__init__(name=name, **kwargs)
            self.hits = self.add_weight(name="hits", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            hits = 1.0 * (y_pred > 0.5) * y_true
            if sample_weight is not None:
                hits = hits * sample_weight
            self.hits.assign(self.hits + ops(keras, hits).sum(hits))

        def result(self):
            return self.hits.value * 1.0

        def reset_state(self):
            self.hits.assign(0.0)

    x = features()
    y = (x[:, :1] > 0).astype("float32")
    model = stack(keras, keras.layers.Dense(1, "sigmoid"))
    hits = TruePositives()
    model.compile("sgd", "binary_crossentropy", metrics=[hits, "accuracy"], weighted_metrics=[TruePositives("w")])
    history = model.fit(x, y, epochs=2, sample_weight=np.linspace(0, 1, 40)[:, None], validation_split=0.25, **FIT)
    return history.history, float(hits.result()), model.evaluate(x, y, verbose=0)[:3]


def activations(keras: Any) -> Any:
    def gated(z):
        return z / (1.0 + ops(keras, z).exp(-1.702 * z))

    def run(activation):
        model = stack(keras, keras.layers.Dense(4, activation=activation), keras.layers.Dense(1))
        model.compile("sgd", "mse")
        return model.fit(x, x[:, :1], epochs=2, **FIT).history, model.get_weights()

    x = features()
    names = ["relu", "sigmoid", "tanh", "softmax", "linear", "leaky_relu"]
    return [run(activation) for activation in (*names, gated, keras.activations.tanh)]


def optimizers(keras: Any) -> Any:
    def run(optimizer):
        model = stack(keras, keras.layers.Dense(3, "tanh"), keras.layers.Dense(1))
        model.compile(optimizer, "mse")
        history = model.fit(x, x[:, :1], epochs=3, batch_size=20, **FIT)
        return history.history, float(np.asarray(model.optimizer.learning_rate)), model.get_weights()[0]

    x = features()
    sgd, adam, rms = keras.optimizers.SGD, keras.optimizers.Adam, keras.optimizers.RMSprop
    decay = keras.optimizers.schedules.ExponentialDecay
    made = [
        *(
            sgd(0.05),
            sgd(0.05, momentum=0.5),
            sgd(0.05, 0.9, True),
            sgd(0.05, weight_decay=0.1),
            sgd(0.05, clipnorm=0.1),
        ),
        *(adam(0.05), adam(0.05, 0.5, 0.7, 1e-2, True), adam(0.05, weight_decay=0.05), adam(0.05, clipvalue=0.01)),
        *(rms(0.05), rms(0.05, 0.5, 0.5, 1e-3, True), rms(0.05, global_clipnorm=0.2)),
        *(adam(decay(0.1, decay_steps=2, decay_rate=0.5, staircase=True)), sgd(decay(0.1, 3, 0.5), momentum=0.9)),
        sgd.from_config({"learning_rate": 0.02, "momentum": 0.3}),
    ]
    return [run(optimizer) for optimizer in made]


def hooks_in_their_order(keras: Any) -> Any:
    seen: list[Any] = []

    def noting(hook):
        def note(self, *args, logs=None):
            *index, logs = args if args and isinstance(args[-1], dict) else (*args, logs)
            seen.append([self.tag, hook, *index, sorted(logs or {}), (logs or {}).get("loss")])

        return note

    class Log(keras.callbacks.Callback):
        def __init__(self, tag):
            super().__init__()
            self.tag = tag

    for phase in ("train", "test", "predict"):
        for hook in (f"{phase}_begin", f"{phase}_end", f"{phase}_batch_begin", f"{phase}_batch_end"):
            setattr(Log, f"on_{hook}", noting(hook))
    Log.on_epoch_begin, Log.on_epoch_end = noting("epoch_begin"), noting("epoch_end")
    x = features()
    model = stack(keras, keras.layers.Dense(1))
    model.compile("sgd", "mse", metrics=["mse"])
    hooks = [Log("a"), Log("b")]
    model.fit(x, x[:, 0], epochs=2, batch_size=16, validation_split=0.5, callbacks=hooks, **FIT)
    model.evaluate(x, x[:, 0], batch_size=25, verbose=0, callbacks=[Log("e")])
    model.predict(x, batch_size=25, verbose=0, callbacks=[Log("p")])
    return seen


def early_stopping(keras: Any) -> Any:
    class Stop(keras.callbacks.Callback):
        def __init__(self, patience=0):
            super().__init__()
            self.patience, self.best_weights = patience, None

        def on_train_begin(self, logs=None):
            self.wait, self.stopped_epoch, self.best = 0, 0, np.inf

        def on_epoch_end(self, epoch, logs=None):
            current = logs.get("val_loss")
            if np.less(current, self.best):
                self.best, self.wait, self.best_weights = current, 0, self.model.get_weights()
                return
            self.wait += 1
            if self.wait >= self.patience:
                self.stopped_epoch, self.model.stop_training = epoch, True
                self.model.set_weights(self.best_weights)

    x, stop = features(), Stop(2)
    model = stack(keras, keras.layers.Dense(1))
    model.compile(keras.optimizers.SGD(0.6, momentum=0.9), "mse")
    held = x[:10], x[:10, 1]
    history = model.fit(x, x[:, 0], epochs=20, batch_size=20, validation_data=held, callbacks=[stop], **FIT)
    return history.history, history.epoch, stop.stopped_epoch, after(model, x[:3])


def learning_rate_by_callback(keras: Any) -> Any:
    class Halve(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch:
                self.model.optimizer.learning_rate = float(np.asarray(self.model.optimizer.learning_rate)) * 0.5

        def on_epoch_end(self, epoch, logs=None):
            logs["rate"] = float(np.asarray(self.model.optimizer.learning_rate))

    x = features()
    model = stack(keras, keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(0.1), "mse")
    first = model.fit(x, x[:, 0], epochs=4, batch_size=20, callbacks=[Halve()], **FIT)
    steps = int(np.asarray(model.optimizer.iterations))
    model.optimizer.learning_rate.assign(0.2)
    second = model.fit(x, x[:, 0], epochs=6, initial_epoch=4, batch_size=20, **FIT)
    return first.history, steps, second.history, second.epoch, after(model, x[:2])


def callback_that_evaluates_and_predicts(keras: Any) -> Any:
    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["other"] = self.model.evaluate(x[:7], x[:7, 1], verbose=0)
            logs["first"] = float(self.model.predict(x[:1], verbose=0)[0, 0])

    x = features()
    model = stack(keras, keras.layers.Dense(1))
    model.compile("adam", "mse")
    return model.fit(x, x[:, 0], epochs=3, callbacks=[Look()], **FIT).history
