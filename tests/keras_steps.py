"""Steps of optimizers and rates of schedules by Keras.

`KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.keras_steps` records them.

The same cases are then computed by nnarray in tests/test_more_optimizers.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = Path(__file__).parent / "keras_steps.json"
STEPS = 20
VALUES = {
    "vector": np.asarray([1.0, -2.0, 3.0]),
    "matrix": np.asarray([[0.5, -0.25, 1.5], [0.0, 4.0, -1.0]]),
    "stack": np.linspace(-1.0, 2.0, 12).reshape(2, 3, 2),
    "tall": np.asarray([[0.3, -1.0], [2.0, 0.1], [-0.6, 0.9]]),
    "scalar": np.asarray(0.7),
    "zeros": np.zeros(2),
}
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    *((name, {"learning_rate": 0.05}) for name in ("AdamW", "Adamax", "Nadam", "Adagrad", "Lamb", "Lion", "Ftrl")),
    *((name, {"learning_rate": 0.05}) for name in ("Adafactor",)),
    ("Adadelta", {"learning_rate": 1.0}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.2, "amsgrad": True}),
    ("Adamax", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.01}),
    ("Nadam", {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.9, "clipnorm": 0.5}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.01}),
    ("Adadelta", {"learning_rate": 0.5, "rho": 0.8, "epsilon": 0.01}),
    ("Lion", {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "weight_decay": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.3, "l2_regularization_strength": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.7, "beta": 0.5}),
    ("Ftrl", {"learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.1, "initial_accumulator_value": 1.0}),
    ("Lamb", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "global_clipnorm": 1.0}),
    ("Adafactor", {"learning_rate": 0.5, "beta_2_decay": -0.5, "clip_threshold": 0.5, "epsilon_2": 0.1}),
    ("Adafactor", {"learning_rate": 0.01, "relative_step": False, "weight_decay": 0.1}),
    ("Muon", {"learning_rate": 0.05}),
    ("Muon", {"learning_rate": 0.05, "exclude_layers": ["ta.l"], "nesterov": False, "momentum": 0.8, "rms_rate": None}),
    ("Muon", {"learning_rate": 0.1, "ns_steps": 3, "adam_lr_ratio": 0.3, "adam_weight_decay": None, "use_ema": True}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.1, "beta_1": 0.7, "warmup_steps": 7, "weight_decay": 0.1}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.1, "gradient_accumulation_steps": 2}),
    ("Adam", {"learning_rate": 0.05, "use_ema": True}),
    (
        "SGD",
        {"learning_rate": 0.05, "momentum": 0.9, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    ),
    ("Adam", {"learning_rate": 0.05, "gradient_accumulation_steps": 3, "global_clipnorm": 1.0, "weight_decay": 0.1}),
    ("RMSprop", {"learning_rate": 0.05, "centered": True, "loss_scale_factor": 4.0, "gradient_accumulation_steps": 4}),
    (
        "Nadam",
        {
            **{"learning_rate": 0.05, "gradient_accumulation_steps": 2, "clipvalue": 0.5, "loss_scale_factor": 0.5},
            **{"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 4},
        },
    ),
]
#: Optimizers around others: functions of the module that has the classes, and steps whose gradients overflow.
COMPOSITES: dict[str, Callable[[Any], Any]] = {
    "LossScale": lambda o: o.LossScaleOptimizer(o.Adam(0.05), initial_scale=8.0, dynamic_growth_steps=3),
    "LossScale of averages": lambda o: o.LossScaleOptimizer(
        o.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.7, gradient_accumulation_steps=2)
    ),
    "Multi": lambda o: o.MultiOptimizer(
        o.OptimizerMap(o.SGD(0.05, momentum=0.9), {"(vector|stack)": o.Adam(0.05, clipnorm=0.5), "tall": o.Muon(0.02)})
    ),
    "LossScale of Multi": lambda o: o.LossScaleOptimizer(
        o.MultiOptimizer(o.OptimizerMap(o.RMSprop(0.05, use_ema=True), {"s.*": o.Adam(0.05)})), dynamic_growth_steps=4
    ),
}
OVERFLOWS = (2, 11, 12)
TAKEN = [0, 1, 2, 3, 5, 7, 10, 14, 15, 16, 20, 21, 30, 31, 70, 71, 149, 150, 151, 1000]
SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 15}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 15, "end_learning_rate": 0.02, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "power": 0.5, "cycle": True}),
    ("PiecewiseConstantDecay", {"boundaries": [7, 15], "values": [1.0, 0.5, 0.1]}),
    ("PiecewiseConstantDecay", {"boundaries": [10], "values": [0.3, 0.01]}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.2}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 20, "warmup_target": 0.3, "warmup_steps": 10, "alpha": 0.1},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8, "t_mul": 1.0, "m_mul": 0.9}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 9, "t_mul": 1.5, "m_mul": 0.5, "alpha": 0.1},
    ),
]


def gradient(name: str, step: int) -> np.ndarray:
    """Return the gradient of a variable at a step."""
    value = VALUES[name]
    places = np.arange(1.0, value.size + 1).reshape(value.shape)
    return np.sin(places * (step + 1) * 0.7) * (1.0 + 0.2 * places) + 0.05 * (step - 9.5)


def scaled_gradient(name: str, step: int, scale: float) -> np.ndarray:
    """Return the gradient of a loss times a scale, which is not finite at some steps."""
    found = scale * gradient(name, step)
    if scale != 1.0 and step in OVERFLOWS and name == "vector":
        found[1] = np.inf
    return found


def _plain(variables: Any) -> list[list[float]]:
    return [np.asarray(variable.value).ravel().tolist() for variable in variables]


def record() -> None:
    """Write what Keras gives."""
    import keras

    keras.config.set_floatx("float64")
    found: dict[str, Any] = {"keras": keras.__version__, "optimizers": [], "averages": [], "composites": {}}
    found["schedules"] = []
    for name, given in OPTIMIZERS:
        variables = [keras.Variable(value, name=key) for key, value in VALUES.items()]
        optimizer = getattr(keras.optimizers, name)(**given)
        optimizer.build(variables)
        for step in range(STEPS):
            optimizer.apply([keras.ops.convert_to_tensor(gradient(key, step)) for key in VALUES])
        found["optimizers"].append(_plain(variables))
        found["averages"].append(_plain(optimizer._model_variables_moving_average) if optimizer.use_ema else None)
    for name, make in COMPOSITES.items():
        variables = [keras.Variable(value, name=key) for key, value in VALUES.items()]
        optimizer = make(keras.optimizers)
        optimizer.build(variables)
        scales = []
        for step in range(STEPS):
            scales.append(float(getattr(optimizer, "dynamic_scale", 1.0)))
            grads = [keras.ops.convert_to_tensor(scaled_gradient(key, step, scales[-1])) for key in VALUES]
            # The one way that it works on JAX.
            state = [v.value for v in optimizer.variables], grads, [v.value for v in variables]
            weights, slots = optimizer.stateless_apply(*state)
            for variable, value in zip([*variables, *optimizer.variables], [*weights, *slots], strict=True):
                variable.assign(value)
        found["composites"][name] = {"weights": _plain(variables), "scales": scales}
    for name, given in SCHEDULES:
        schedule = getattr(keras.optimizers.schedules, name)(**given)
        found["schedules"].append([float(schedule(step)) for step in TAKEN])
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
