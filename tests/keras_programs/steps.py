"""Programs that override how a batch is trained or tested on: their steps have Keras' form on PyTorch, or ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.keras_programs.common import FIT, after, features, filled, joined, ops, stack


def gradients(keras: Any, objective: Any, variables: Any) -> Any:
    """Return (loss, further results), and the gradients of the loss."""
    if keras.__name__ != "keras":
        return keras.value_and_grad(lambda _: objective(), has_aux=True)(variables)
    for variable in variables:
        variable.value.grad = None
    loss, further = objective()
    loss.backward()
    return (loss.detach(), further), [variable.value.grad for variable in variables]


def apply(keras: Any, optimizer: Any, grads: Any, variables: Any) -> None:
    """Let an optimizer take a step."""
    if keras.__name__ != "keras":
        optimizer.apply(grads, variables)
        return
    with keras.src.backend.torch.core.torch.no_grad():
        optimizer.apply(grads, variables)


def descend(keras: Any, optimizer: Any, objective: Any, variables: Any) -> Any:
    """Take a step; return the loss and further results."""
    found, grads = gradients(keras, objective, variables)
    apply(keras, optimizer, grads, variables)
    return found


def train_step(keras: Any) -> Any:
    class Own(keras.Sequential):
        def train_step(self, data):
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)

            def objective():
                y_pred = self(x, training=True)
                return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight), y_pred

            loss, y_pred = descend(keras, self.optimizer, objective, self.trainable_variables)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics if metric.name == "loss"}

    x = features()
    model = filled(Own([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)]))
    model.compile("adam", "mse")
    history = model.fit(x, x[:, :1], epochs=2, batch_size=16, validation_split=0.25, **FIT)
    return history.history, after(model, x[:3])


def train_step_with_weights_and_metrics(keras: Any) -> Any:
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1, "sigmoid")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)

            def objective():
                y_pred = self(x, training=True)
                return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight), y_pred

            _, y_pred = descend(keras, self.optimizer, objective, self.trainable_variables)
            figures = self.compute_metrics(x, y, y_pred, sample_weight=weight)
            return {name: value for name, value in figures.items() if name != "loss"}

    x = features()
    y, weight = (x[:, :1] > 0).astype("float32"), np.linspace(0, 1, 40).astype("float32")
    model = Own()
    model(x[:1])
    filled(model)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    history = model.fit(x, y, sample_weight=weight, epochs=2, batch_size=10, **FIT).history
    return {name: value for name, value in history.items() if name != "loss"}, after(model, x[:3])


def adversaries(keras: Any) -> Any:
    class Adversaries(keras.Model):
        def __init__(self, discriminator, generator):
            super().__init__()
            self.discriminator, self.generator = discriminator, generator
            self.built = keras.__name__ == "keras"

        def compile(self, d_optimizer, g_optimizer, loss_fn):
            super().compile()
            self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn
            self.d_metric = keras.metrics.Mean(name="d_loss")
            self.g_metric = keras.metrics.Mean(name="g_loss")

        @property
        def metrics(self):
            return [self.d_metric, self.g_metric]

        def train_step(self, data):
            real, noise = data[0] if isinstance(data, tuple) else data
            ones = ops(keras, real).ones_like(real[:, :1])

            def of_discriminator():
                images = joined(keras, [self.generator(noise), real])
                return self.loss_fn(joined(keras, [ones, 0.0 * ones]), self.discriminator(images)), None

            def of_generator():
                return self.loss_fn(0.0 * ones, self.discriminator(self.generator(noise))), None

            critics, makers = self.discriminator.trainable_variables, self.generator.trainable_variables
            self.d_metric.update_state(descend(keras, self.d_optimizer, of_discriminator, critics)[0])
            self.g_metric.update_state(descend(keras, self.g_optimizer, of_generator, makers)[0])
            return {"d_loss": self.d_metric.result(), "g_loss": self.g_metric.result()}

    x, noise = features(columns=2), features(columns=2, seed=3)
    discriminator = stack(keras, keras.layers.Dense(4, "tanh"), keras.layers.Dense(1), columns=2)
    generator = filled(stack(keras, keras.layers.Dense(4, "tanh"), keras.layers.Dense(2), columns=2), 2)
    model = Adversaries(discriminator, generator)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(d_optimizer=keras.optimizers.Adam(0.01), g_optimizer=keras.optimizers.Adam(0.02), loss_fn=loss)
    history = model.fit([x, noise], epochs=3, batch_size=10, **FIT)
    taken = [int(np.asarray(each.iterations)) for each in (model.d_optimizer, model.g_optimizer)]
    return history.history, discriminator.get_weights(), generator.get_weights(), taken


def variational_autoencoder(keras: Any) -> Any:
    class Sampling(keras.layers.Layer):
        def call(self, inputs):
            mean, log_variance = inputs
            return mean + 0.1 * ops(keras, mean).exp(0.5 * log_variance)

    class Variational(keras.Model):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder, self.decoder = encoder, decoder
            self.trackers = [keras.metrics.Mean(name=name) for name in ("total", "reconstruction", "divergence")]
            self.built = keras.__name__ == "keras"

        @property
        def metrics(self):
            return self.trackers

        def train_step(self, data):
            x = data[0] if isinstance(data, tuple) else data

            def objective():
                mean, log_variance, z = self.encoder(x)
                xp = ops(keras, mean)
                error = xp.mean(xp.sum((x - self.decoder(z)) ** 2, axis=-1))
                divergence = -0.5 * (1 + log_variance - xp.square(mean) - xp.exp(log_variance))
                divergence = xp.mean(xp.sum(divergence, axis=1))
                return error + divergence, (error, divergence)

            loss, (error, divergence) = descend(keras, self.optimizer, objective, self.trainable_weights)
            for tracker, value in zip(self.trackers, (loss, error, divergence), strict=True):
                tracker.update_state(value)
            return {tracker.name: tracker.result() for tracker in self.metrics}

    x, layers = features(columns=4), keras.layers
    given, code = layers.Input((4,)), layers.Input((2,))
    hidden = layers.Dense(3, "relu")(given)
    mean, log_variance = layers.Dense(2)(hidden), layers.Dense(2)(hidden)
    encoder = filled(keras.Model(given, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder"), 1)
    decoder = filled(keras.Model(code, layers.Dense(4)(layers.Dense(3, "relu")(code)), name="decoder"), 2)
    model = Variational(encoder, decoder)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    history = model.fit(x, epochs=3, batch_size=16, **FIT)
    return history.history, after(encoder, x[:3]), decoder.get_weights(), len(model.trainable_weights)


def steps_of_all_kinds(keras: Any) -> Any:
    class Own(keras.Model):
        def __init__(self, inputs, outputs):
            super().__init__(inputs, outputs)
            self.error, self.squares = keras.metrics.Mean(name="error"), keras.metrics.MeanSquaredError(name="squares")

        @property
        def metrics(self):
            return [self.error, self.squares]

        def counted(self, error, y, y_pred):
            self.error.update_state(error)
            self.squares.update_state(y, y_pred)
            return {"loss": self.error.result(), "mse": self.squares.result()}

        def train_step(self, data):
            x, y = data

            def objective():
                y_pred = self(x, training=True)
                return ops(keras, y_pred).mean((y - y_pred) ** 2), y_pred

            return self.counted(
                *(f := descend(keras, self.optimizer, objective, self.trainable_variables))[:1], y, f[1]
            )

        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            return self.counted(ops(keras, y_pred).mean(abs(y - y_pred)), y, y_pred)

        def predict_step(self, data):
            return self(data[0] if isinstance(data, tuple) else data, training=False) * 2.0

    x, given = features(), keras.Input((3,))
    model = filled(Own(given, keras.layers.Dense(1)(given)))
    model.compile("sgd")
    held = x[:8], x[:8, :1]
    history = model.fit(x, x[:, :1], epochs=2, batch_size=16, validation_data=held, **FIT)
    return history.history, model.evaluate(x, x[:, :1], verbose=0, return_dict=True), after(model, x[:3])


def loss_of_the_model(keras: Any) -> Any:
    class Own(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.tracker = keras.metrics.Mean(name="penalised")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs):
            xp = ops(keras, y_pred)
            loss = xp.mean((y_pred - y) ** 2) + 0.1 * xp.mean(abs(y_pred))
            self.tracker.update_state(loss)
            return loss

        @property
        def metrics(self):
            return [self.tracker]

    x, given = features(), keras.Input((3,))
    model = filled(Own(given, keras.layers.Dense(1)(given)))
    model.compile(keras.optimizers.SGD(0.1))
    history = model.fit(x, x[:, :1], epochs=2, batch_size=16, **FIT)
    return history.history, model.evaluate(x, x[:, :1], verbose=0), after(model, x[:3])


def loss_and_figures_added_to(keras: Any) -> Any:
    class Own(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
            return loss + 0.01 * ops(keras, y_pred).sum(self.layers[0].kernel ** 2)

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            figures = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**figures, "twice": 2 * figures["loss"]}

    x = features()
    model = filled(Own([keras.Input((3,)), keras.layers.Dense(1)]))
    model.compile("sgd", "mse", metrics=["mse"])
    history = model.fit(x, x[:, :1], epochs=2, batch_size=16, validation_split=0.25, **FIT)
    return history.history, model.evaluate(x, x[:, :1], verbose=0, return_dict=True), after(model, x[:3])


def gradients_gathered_in_a_step(keras: Any) -> Any:
    class Own(keras.Sequential):
        def train_step(self, data):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
            variables, gathered = self.trainable_variables, None
            for part in (slice(0, 10), slice(10, 20)):

                def objective(part=part):
                    return self.compute_loss(y=y[part], y_pred=self(x[part], training=True)), None

                _, grads = gradients(keras, objective, variables)
                gathered = grads if gathered is None else [a + b for a, b in zip(gathered, grads, strict=True)]
            apply(keras, self.optimizer, [gradient / 2 for gradient in gathered], variables)
            return {}

    x = features()
    model = filled(Own([keras.Input((3,)), keras.layers.Dense(1)]))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(x, x[:, :1], epochs=2, batch_size=20, **FIT)
    return after(model, x[:3])


def gradients_gathered_in_weights(keras: Any) -> Any:
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def build(self, input_shape):
            self.dense.build(input_shape)
            shapes = [variable.shape for variable in self.dense.trainable_variables]
            self.sums = [self.add_weight(shape=s, initializer="zeros", trainable=False, name="sum") for s in shapes]

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            variables = self.dense.trainable_variables

            def objective():
                return self.compute_loss(y=y, y_pred=self(x, training=True)), None

            _, grads = gradients(keras, objective, variables)
            for total, gradient in zip(self.sums, grads, strict=True):
                total.assign(total + gradient)
            apply(keras, self.optimizer, [total / 2 for total in self.sums], variables)
            return {}

    x = features()
    model = Own()
    model.build((None, 3))
    filled(model)
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(x, x[:, :2], epochs=2, batch_size=20, **FIT)
    return model.get_weights()


def loop_by_hand(keras: Any) -> Any:
    x = features()
    model = stack(keras, keras.layers.Dense(3, "tanh"), keras.layers.Dense(1))
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9)
    loss_fn, metric, figures = keras.losses.MeanSquaredError(), keras.metrics.MeanSquaredError(), []
    for _ in range(2):
        for start in range(0, 40, 10):
            batch = x[start : start + 10]
            inputs = keras.ops.convert_to_tensor(batch) if keras.__name__ == "keras" else batch

            def objective(inputs=inputs):
                y_pred = model(inputs, training=True)
                return loss_fn(inputs[:, :1], y_pred), y_pred

            loss, y_pred = descend(keras, optimizer, objective, model.trainable_weights)
            metric.update_state(inputs[:, :1], y_pred)
            figures.append(float(loss))
        figures.append(float(metric.result()))
        metric.reset_state()
    return figures, after(model, x[:3])


def batch_by_batch(keras: Any) -> Any:
    x = features()
    y = (x[:, 0] > 0).astype("float32")
    model = stack(keras, keras.layers.Dense(1, "sigmoid"))
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    figures = [model.train_on_batch(x[i : i + 10], y[i : i + 10]) for i in range(0, 40, 10)]
    figures.append(model.train_on_batch(x, y, sample_weight=np.linspace(0, 1, 40), return_dict=True))
    figures.append(model.test_on_batch(x[:10], y[:10]))
    figures.append(model.test_on_batch(x[10:20], y[10:20], return_dict=True))
    return figures, model.predict_on_batch(x[:3]), model.get_weights()
