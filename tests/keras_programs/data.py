"""Programs with data, weights and numbers of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.keras_programs.common import FIT, after, features, filled, labels, ops, stack


def targets_of_every_dtype(keras: Any) -> Any:
    def run(y, units, activation, loss):
        model = stack(keras, keras.layers.Dense(units, activation))
        model.compile("adam", loss, metrics=["accuracy"])
        return model.fit(x, y, epochs=2, **FIT).history, model.evaluate(x, y, verbose=0)

    x = features()
    y = x[:, 0] > 0
    dtypes = ("int64", "int32", "bool", "float64", "float16", "uint8")
    binary = [run(y.astype(dtype), 1, "sigmoid", "binary_crossentropy") for dtype in dtypes]
    columns = [run(y.astype(dtype)[:, None], 1, "sigmoid", "binary_crossentropy") for dtype in ("int32", "bool")]
    loss = "sparse_categorical_crossentropy"
    classes = [run(y.astype(dtype), 2, "softmax", loss) for dtype in ("int64", "bool", "float64", "uint8")]
    return binary, columns, classes


def inputs_of_every_dtype(keras: Any) -> Any:
    def run(inputs):
        model = stack(keras, keras.layers.Dense(1))
        model.compile(keras.optimizers.SGD(1e-3), "mse")
        history, figure = model.fit(inputs, x[:, 0], epochs=2, **FIT), model.evaluate(inputs, x[:, 0], verbose=0)
        predicted = model.predict(inputs, verbose=0)
        return history.history, figure, predicted[:3], str(predicted.dtype)

    x = features()
    whole = (10 * x).astype(int)
    return [run(inputs) for inputs in (x.astype("float64"), whole, (whole % 50).astype("uint8"), x > 0)]


def inputs_with_an_axis_more_or_less(keras: Any) -> Any:
    def run(model):
        model.compile("sgd", "mse")
        history = model.fit(x, 2 * x - 1, epochs=3, **FIT)
        return history.history, model.predict(np.asarray([10.0]), verbose=0), model.evaluate(x, 2 * x - 1, verbose=0)

    x = np.asarray([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    late = keras.Sequential([keras.layers.Dense(1)])
    late.build((None, 1))
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    graph = filled(keras.Model([a, b], keras.layers.Dense(1)(a * b)))
    images = filled(keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]))
    wide = stack(keras, keras.layers.Dense(1))
    return [
        *(run(stack(keras, keras.layers.Dense(1), columns=1)), run(filled(late))),
        *(graph.predict({"a": x, "b": x[:, None]}, verbose=0), images.predict(np.ones((3, 2, 2)), verbose=0)),
        wide.predict(np.ones((5, 3, 1)), verbose=0),
    ]


def weights_of_examples(keras: Any) -> Any:
    x = features()
    y, weight = (x[:, 0] > 0).astype(int), np.linspace(0, 3, 40)
    model = stack(keras, keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid"))
    weighted = ["accuracy", "mse", keras.metrics.BinaryAccuracy(name="other")]
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "mse"], weighted_metrics=weighted)
    first = model.fit(x, y, sample_weight=weight, epochs=2, batch_size=12, validation_split=0.25, **FIT)
    held = x[:7], y[:7], weight[:7]
    second = model.fit(x, y, sample_weight=weight, epochs=2, batch_size=12, validation_data=held, **FIT)
    return first.history, second.history, model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)


def half_precision(keras: Any) -> Any:
    x, layers = features(), keras.layers
    model = stack(keras, layers.Dense(4, "relu", dtype="mixed_float16"), layers.Dense(1, dtype="float32"))
    model.compile("adam", "mse")
    dtypes = model.layers[0].compute_dtype, model.layers[0].variable_dtype, str(model.predict(x, verbose=0).dtype)
    return model.fit(x, x[:, :1], epochs=2, batch_size=8, **FIT).history, dtypes, after(model, x[:3])


def double_precision(keras: Any) -> Any:
    x, layers = features(), keras.layers
    given = layers.Input((3,), dtype="float64")
    stacked = [layers.Dense(4, "relu", dtype="float64"), layers.Dense(1, dtype="float64")]
    model = filled(keras.Sequential([given, *stacked]))
    model.compile("adam", "mse", metrics=["mse"])
    history = model.fit(x, x[:, :1], epochs=2, batch_size=8, **FIT)
    return history.history, [str(w.dtype) for w in model.get_weights()], model.get_weights()


def losses_by_hand(keras: Any) -> Any:
    y, p = np.asarray([[0.0, 1.0], [0.0, 0.0]]), np.asarray([[0.6, 0.4], [0.4, 0.6]])
    of, one_hot, numbers = keras.losses, np.eye(2), np.asarray([0, 1])
    return [
        *(of.binary_crossentropy(y, p), of.mean_squared_error(y, p), of.categorical_crossentropy(one_hot, p)),
        *(of.sparse_categorical_crossentropy(numbers, p), of.BinaryCrossentropy(from_logits=True)(y, p)),
        *(of.BinaryCrossentropy(reduction="sum")(y, p), of.BinaryCrossentropy(reduction=None)(y, p)),
        of.MeanSquaredError(reduction="none")(y, p, sample_weight=np.asarray([1.0, 0.0])),
        of.CategoricalCrossentropy(label_smoothing=0.1)(one_hot, p),
        of.SparseCategoricalCrossentropy(ignore_class=0)(numbers, p),
        of.MeanSquaredError()(y, p, sample_weight=np.asarray([[0.5], [1.0]])),
        of.MeanSquaredError(reduction="mean_with_sample_weight")(y, p, sample_weight=np.asarray([0.5, 1.0])),
    ]


def metrics_by_hand(keras: Any) -> Any:
    def run(metric, y_true, y_pred):
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        metric.update_state(y_true, y_pred)
        found = [float(metric.result())]
        metric.update_state(y_true, y_pred, sample_weight=np.arange(1.0, 1.0 + len(y_true)))
        found.append(float(metric.result()))
        metric.reset_state()
        return metric.name, *found, float(metric.result())

    of, scores = keras.metrics, [[0.1, 0.9], [0.2, 0.8]]
    mean, total = of.Mean(), of.Sum()
    for tracker in (mean, total):
        tracker.update_state([1.0, 2.0, 3.0])
        tracker.update_state([4.0], sample_weight=[2.0])
        tracker.update_state(7.0)
    squares = of.MeanMetricWrapper(fn=keras.losses.mean_squared_error, name="w")
    return [
        run(of.Accuracy(), [[1], [2], [3]], [[0], [2], [3]]),
        run(of.BinaryAccuracy(threshold=0.4), [[1], [0]], [[0.5], [0.5]]),
        run(of.CategoricalAccuracy(), [[0, 1], [1, 0]], scores),
        run(of.SparseCategoricalAccuracy(), [[1], [0]], scores),
        run(of.MeanSquaredError(), [[0.0, 1.0]], [[1.0, 1.0]]),
        run(squares, np.ones((2, 2)), np.zeros((2, 2))),
        *(float(mean.result()), float(total.result())),
    ]


def layers_by_hand(keras: Any) -> Any:
    x, layers = features(4), keras.layers
    dense = layers.Dense(2, kernel_initializer="ones", activation="relu")
    outputs = dense(x), layers.Dropout(0.5)(x, training=False), layers.Activation("tanh")(x)
    names = [w.name for w in dense.weights], [w.path.split("/")[-1] for w in dense.weights], dense.built, dense.units
    shapes = dense.kernel.shape, dense.bias.shape, dense.compute_output_shape((None, 3))
    return outputs, names, [list(shape) for shape in shapes], list(layers.Flatten()(np.ones((2, 3, 4))).shape)


def one_hot_and_numbers_agree(keras: Any) -> Any:
    x, y = features(), labels(3)
    found = []
    for loss, targets in (("sparse_categorical_crossentropy", y), ("categorical_crossentropy", np.eye(3)[y])):
        model = stack(keras, keras.layers.Dense(3), keras.layers.Activation("softmax"))
        model.compile("adam", loss, metrics=["accuracy"])
        found.append((model.fit(x, targets, epochs=2, **FIT).history, model.get_weights()))
    logits = np.asarray([[1.0, 2.0, 3.0]], dtype="float32")
    return found, ops(keras, logits).exp(keras.ops.convert_to_tensor(logits) if keras.__name__ == "keras" else logits)
