"""Programs with models of every form: stacks, graphs, classes, parts of models."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.keras_programs.common import FIT, after, features, filled, labels, stack


def binary_classifier(keras: Any) -> Any:
    x = features()
    y = (x[:, 0] > 0).astype(int)
    model = keras.models.Sequential()
    model.add(keras.layers.Input(shape=(3,)))
    model.add(keras.layers.Dense(4, activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    filled(model)
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(x, y, epochs=3, batch_size=8, validation_split=0.25, **FIT)
    run = history.history, history.epoch, history.params
    return run, model.evaluate(x, y, verbose=0), model.evaluate(x, y, 7, 0, return_dict=True), after(model, x[:5])


def classes_one_hot(keras: Any) -> Any:
    x, y = features(), keras.utils.to_categorical(labels(3), 3)
    model = stack(keras, keras.layers.Dense(5, "tanh"), keras.layers.Dense(3, "softmax"))
    metrics = ["accuracy", "categorical_crossentropy", keras.metrics.CategoricalAccuracy(name="cat"), "mse"]
    model.compile("rmsprop", "categorical_crossentropy", metrics=metrics)
    history = model.fit(x, y, epochs=2, batch_size=7, validation_data=(x[:9], y[:9]), **FIT)
    return history.history, model.evaluate(x, y, verbose=0, return_dict=True), after(model, x[:4])


def classes_by_number_from_logits(keras: Any) -> Any:
    x, y = features(), labels(4)[:, None]
    model = stack(keras, keras.layers.Dense(4))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["acc", keras.metrics.SparseCategoricalAccuracy()])
    history = model.fit(x, y, epochs=3, **FIT)
    return history.history, model.evaluate(x, y[:, 0], batch_size=7, verbose=0), after(model, x[:4])


def regression(keras: Any) -> Any:
    x = features()
    y = x @ np.asarray([1.0, 2.0, 3.0])
    model = stack(keras, keras.layers.Dense(1))
    optimizer = keras.optimizers.RMSprop(0.05, rho=0.8, momentum=0.3, centered=True, epsilon=1e-5)
    model.compile(optimizer, "mse", metrics=["mse", keras.metrics.MeanSquaredError(name="err"), "mean_squared_error"])
    history = model.fit(x, y, epochs=2, batch_size=16, **FIT)
    return history.history, model.evaluate(x, y, verbose=0), after(model, x[:4])


def smoothed_labels_and_thresholds(keras: Any) -> Any:
    x = features()
    y = (x[:, :1] > 0).astype("float32")
    model = stack(keras, keras.layers.Dense(1), keras.layers.Activation("sigmoid"))
    optimizer = keras.optimizers.Adam(0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-4, amsgrad=True)
    metrics = [keras.metrics.BinaryAccuracy(threshold=0.3), keras.metrics.BinaryAccuracy(threshold=0.7)]
    model.compile(optimizer, keras.losses.BinaryCrossentropy(label_smoothing=0.2), metrics=metrics)
    evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
    return evaluated, model.fit(x, y, epochs=3, **FIT).history, after(model, x[:4])


def several_labels(keras: Any) -> Any:
    x = features()
    y = (features(seed=3) > 0).astype("float32")
    model = stack(keras, keras.layers.Dense(3, "sigmoid"))
    metrics = ["accuracy", "binary_accuracy", "binary_crossentropy"]
    model.compile("adam", "binary_crossentropy", metrics=metrics)
    return model.fit(x, y, epochs=2, **FIT).history, model.evaluate(x, y, verbose=0), after(model, x[:2])


def images(keras: Any) -> Any:
    x = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 1)).astype("uint8")
    y = labels(3, 20)
    layers = keras.layers
    stacked = [layers.Flatten(), layers.Dense(6, activation="relu"), layers.Dropout(0.0), layers.Dense(3)]
    model = filled(keras.Sequential([layers.Input((4, 4, 1)), *stacked]))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    history = model.fit(x / 255.0, y, epochs=2, batch_size=8, **FIT)
    probabilities = keras.Sequential([model, layers.Activation("softmax")])
    return history.history, probabilities.predict(x[:3] / 255.0, verbose=0), list(model.output_shape)


def series(keras: Any) -> Any:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 5, 3)).astype("float32"), rng.integers(0, 4, (20, 5))
    weight = rng.uniform(size=(20, 5))
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(4, "relu"), keras.layers.Dense(4, "softmax")])
    filled(model)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    history = model.fit(x, y, epochs=2, batch_size=6, sample_weight=weight, **FIT)
    return history.history, after(model, x[:2])


def two_inputs_two_outputs(keras: Any) -> Any:
    x, z, layers = features(), features(columns=2, seed=3), keras.layers
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    hidden = layers.Dense(4, "relu")(a) + layers.Dense(4, "relu")(b)
    outputs = {"p": layers.Dense(1, "sigmoid", name="p")(hidden), "q": layers.Dense(2, name="q")(hidden)}
    model = filled(keras.Model([a, b], outputs))
    model.compile(
        "adam",
        {"p": "binary_crossentropy", "q": "mse"},
        loss_weights={"p": 1.0, "q": 0.25},
        metrics={"p": ["accuracy", "mse"], "q": "mse"},
        weighted_metrics={"q": ["mse"]},
    )
    y = {"p": (x[:, 0] > 0).astype("float32"), "q": x[:, 1:]}
    weight = {"p": np.linspace(0, 1, 40), "q": np.linspace(1, 0.5, 40)}
    held = [x[:6], z[:6]], {name: each[:6] for name, each in y.items()}
    given = {"a": x, "b": z}
    history = model.fit(given, y, sample_weight=weight, epochs=2, batch_size=16, validation_data=held, **FIT)
    evaluated = model.evaluate([x, z], y, verbose=0), model.evaluate(given, y, sample_weight=weight, verbose=0)
    return history.history, evaluated, after(model, [x[:3], z[:3]])


def outputs_in_a_list(keras: Any) -> Any:
    x, layers = features(), keras.layers
    a = layers.Input((3,))
    hidden = layers.Dense(4, "tanh")(a)
    model = filled(keras.Model(a, [layers.Dense(1, name="p")(hidden), layers.Dense(3, "softmax", name="q")(hidden)]))
    losses = ["mse", keras.losses.SparseCategoricalCrossentropy()]
    model.compile("sgd", losses, loss_weights=[0.5, 2.0], metrics=[["mse"], ["accuracy"]])
    y = [x[:, 0], labels(3)]
    history = model.fit(x, y, epochs=2, batch_size=10, validation_split=0.2, **FIT)
    return history.history, model.evaluate(x, y, verbose=0), after(model, x[:3])


def losses_for_some_outputs(keras: Any) -> Any:
    x, layers = features(), keras.layers
    a = layers.Input((3,))
    p, q = layers.Dense(1, name="p")(a), layers.Dense(2, name="q")(a)
    model = filled(keras.Model(a, [p, q]))
    model.compile("sgd", loss=["mse", None], metrics=[["mse"], None])
    first = model.fit(x, [x[:, :1], x[:, :2]], epochs=2, **FIT)
    other = filled(keras.Model(a, {"p": p, "q": q}))
    other.compile("sgd", loss={"q": "mse"})
    return first.history, other.fit(x, {"q": x[:, :2]}, epochs=2, **FIT).history, other.get_weights()


def heads_in_a_dict(keras: Any) -> Any:
    class Heads(keras.Model):
        def __init__(self):
            super().__init__()
            self.body = keras.layers.Dense(4, "relu")
            self.heads = {"one": keras.layers.Dense(1), "two": keras.layers.Dense(2)}
            self.drop = keras.layers.Dropout(0.0)

        def call(self, inputs, training=False):
            hidden = self.drop(self.body(inputs), training=training)
            return {name: head(hidden) for name, head in self.heads.items()}

    x = features()
    model = Heads()
    model(x[:1])
    filled(model)
    model.compile("adam", {"one": "mse", "two": "mse"}, metrics={"one": ["mse"], "two": ["mse"]})
    y = {"one": x[:, :1], "two": x[:, 1:]}
    history = model.fit(x, y, epochs=2, batch_size=16, **FIT)
    return history.history, model.evaluate(x, y, verbose=0, return_dict=True), after(model, x[:3])


def inputs_in_a_dict(keras: Any) -> Any:
    class Match(keras.Model):
        def __init__(self):
            super().__init__()
            self.user, self.item, self.out = (keras.layers.Dense(units) for units in (2, 2, 1))

        def call(self, inputs):
            return self.out(self.user(inputs["user"]) * self.item(inputs["item"]))

    x = features()
    model = Match()
    model({"user": x[:1], "item": x[:1]})
    filled(model)
    model.compile("adam", "mse")
    given = {"user": x, "item": x[::-1].copy()}
    history = model.fit(given, x[:, 0], epochs=2, batch_size=9, validation_split=0.3, **FIT)
    return history.history, after(model, {"item": x[:2], "user": x[:2]})


def siamese(keras: Any) -> Any:
    class Distance(keras.layers.Layer):
        def call(self, pair):
            one, other = pair
            return abs(one - other)

    x, z, layers = features(), features(seed=3), keras.layers
    tower = keras.Sequential([layers.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2)], name="tower")
    a, b = layers.Input((3,)), layers.Input((3,))
    model = filled(keras.Model(inputs=[a, b], outputs=layers.Dense(1, "sigmoid")(Distance()([tower(a), tower(b)]))))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit([x, z], labels(2), epochs=2, batch_size=16, validation_split=0.5, **FIT)
    return (
        history.history,
        after(model, [x[:3], z[:3]]),
        tower.predict(x[:2], verbose=0),
        len(model.trainable_variables),
    )


def residual(keras: Any) -> Any:
    x, layers = features(), keras.layers
    a = layers.Input((3,))
    hidden = a
    for _ in range(3):
        hidden = hidden + 0.5 * layers.Dense(3, "tanh")(hidden)
    model = filled(keras.Model(a, layers.Dense(1)(hidden * hidden - a / 2.0)[:, 0]))
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mse")
    y = x[:, 0] ** 2
    return model.fit(x, y, epochs=3, batch_size=16, **FIT).history, model.evaluate(x, y, verbose=0), after(model, x[:5])


def transfer(keras: Any) -> Any:
    def counts():
        return len(model.trainable_weights), len(model.non_trainable_weights), model.count_params()

    x, layers = features(), keras.layers
    y = (x[:, :1] > 0).astype("float32")
    base = stack(keras, layers.Dense(4, "relu", name="b0"), layers.Dense(4, "relu", name="b1"))
    base.trainable = False
    given = layers.Input((3,))
    model = keras.Model(given, layers.Dense(1, "sigmoid", name="head")(base(given, training=False)))
    model.get_layer("head").set_weights([np.linspace(-1, 1, 4)[:, None], np.zeros(1)])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    found = [counts(), model.fit(x, y, epochs=2, **FIT).history, model.get_weights()]
    base.trainable = True
    base.get_layer("b0").trainable = False
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    return [*found, counts(), model.fit(x, y, epochs=2, **FIT).history, after(model, x[:3])]


def autoencoder(keras: Any) -> Any:
    x, layers = features(columns=6), keras.layers
    given = layers.Input((6,))
    code = layers.Dense(2, "tanh", name="code")(given)
    model = filled(keras.Model(given, layers.Dense(6)(code)))
    encoder = keras.Model(given, code)
    model.compile("adam", "mse")
    history = model.fit(x, x, epochs=3, batch_size=10, validation_data=(x[:5], x[:5]), **FIT)
    inner = keras.Model(model.input, model.get_layer("code").output)
    return history.history, encoder.predict(x[:3], verbose=0), inner.predict(x[:2], verbose=0), after(model, x[:2])


def ensemble(keras: Any) -> Any:
    x = features()
    members = []
    for seed in range(3):
        member = filled(stack(keras, keras.layers.Dense(2, "tanh"), keras.layers.Dense(1)), seed)
        member.compile(keras.optimizers.Adam(0.01), "mse")
        member.fit(x, x[:, 0], epochs=2, **FIT)
        members.append(member)
    given = keras.Input((3,))
    one, two, three = (member(given) for member in members)
    mean = keras.Model(given, (one + two + three) / 3)
    mean.compile("sgd", "mse")
    before = mean.evaluate(x, x[:, 0], verbose=0), mean.predict(x[:3], verbose=0), len(mean.weights)
    return before, mean.fit(x, x[:, 0], epochs=2, **FIT).history, members[0].predict(x[:3], verbose=0)


def models_in_models(keras: Any) -> Any:
    def block(columns):
        given = keras.Input((columns,))
        return keras.Model(given, keras.layers.Dense(2, "tanh")(keras.layers.Dense(3)(given)))

    x = features()
    given, first, second = keras.Input((3,)), block(3), block(2)
    model = filled(keras.Model(given, keras.layers.Dense(1)(second(first(given)))))
    model.compile("adam", "mse")
    history = model.fit(x, x[:, 0], epochs=2, **FIT)
    return history.history, [list(w.shape) for w in model.weights], after(model, x[:3])


def layers_changed_between_fits(keras: Any) -> Any:
    x = features()
    model = stack(keras, keras.layers.Dense(4, "relu"), keras.layers.Dense(1))
    model.compile("sgd", "mse")
    first = model.fit(x, x[:, 0], epochs=1, **FIT)
    model.pop()
    model.add(keras.layers.Dense(2, name="new"))
    filled(model, 3)
    model.compile("sgd", "mse")
    return first.history, model.fit(x, x[:, :2], epochs=2, **FIT).history, model.layers[-1].name, after(model, x[:2])


def compiled_anew(keras: Any) -> Any:
    x = features()
    y = (x[:, :1] > 0).astype("float32")
    model = stack(keras, keras.layers.Dense(1, "sigmoid"))
    model.compile("adam", "binary_crossentropy")
    runs = [model.fit(x, y, epochs=epochs, **FIT) for epochs in (1, 2)]
    model.compile("sgd", "mse")
    runs += [model.fit(x, y, epochs=epochs, initial_epoch=first, **FIT) for epochs, first in ((2, 0), (0, 0), (2, 2))]
    runs.append(model.fit(x, y, epochs=5, initial_epoch=3, batch_size=100, **FIT))
    return [(run.history, run.epoch) for run in runs], after(model, x[:3])


def copy_from_a_config(keras: Any) -> Any:
    layers = [keras.layers.Dense(4, "relu", kernel_initializer="he_normal", name="one")]
    model = stack(keras, *layers, keras.layers.Dense(1, use_bias=False))
    other = keras.Sequential.from_config(model.get_config())
    other.set_weights(model.get_weights())
    config = model.layers[0].get_config()
    known = [config[name] for name in ("units", "activation", "use_bias", "name", "trainable")]
    return other.predict(features(3), verbose=0), [layer.name for layer in other.layers][:1], known


def what_models_know_of_themselves(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([layers.Input((3,)), layers.Dense(2, name="a"), layers.Dense(1, name="b")], name="net")
    part = keras.Model(inputs=model.inputs, outputs=model.layers[0].output)
    late = keras.Sequential([layers.Dense(4), layers.Dense(2)])
    before = late.built, len(late.weights)
    late(features(2))
    thrice, given = layers.Dense(3), layers.Input((3,))
    reused = keras.Model(given, thrice(thrice(thrice(given))))
    return [
        *([layer.name for layer in model.layers], model.name, model.input_shape, model.output_shape, part.output_shape),
        *(model.count_params(), model.get_layer("a").units, model.get_layer(index=1).name, model.built),
        *(before, late.built, [list(w.shape) for w in late.weights]),
        *(len(reused.layers), len(reused.weights), reused.count_params()),
    ]
