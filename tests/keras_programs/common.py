"""What programs of Keras' users have in common, and how their figures are written down."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Arguments of fit that leave nothing to chance.
FIT = {"verbose": 0, "shuffle": False}


def features(examples: int = 40, columns: int = 3, seed: int = 1) -> Any:
    """Return inputs."""
    return np.random.default_rng(seed).normal(size=(examples, columns)).astype("float32")


def labels(classes: int, examples: int = 40, seed: int = 2) -> Any:
    """Return classes of examples."""
    return np.random.default_rng(seed).integers(0, classes, examples)


def filled(model: Any, seed: int = 0) -> Any:
    """Return a built model with weights that are the same in every library."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    return model


def stack(keras: Any, *layers: Any, columns: int = 3) -> Any:
    """Return a Sequential of layers with such weights."""
    return filled(keras.Sequential([keras.Input((columns,)), *layers]))


def ops(keras: Any, x: Any) -> Any:
    """Return the functions of arrays: the one thing that is spelt otherwise here."""
    return keras.ops if keras.__name__ == "keras" else keras.array_namespace(x)


def joined(keras: Any, arrays: list[Any]) -> Any:
    """Return the examples of several arrays in one."""
    return (
        ops(keras, arrays[0]).concatenate(arrays) if keras.__name__ == "keras" else ops(keras, arrays[0]).concat(arrays)
    )


def after(model: Any, x: Any) -> dict[str, Any]:
    """Return what a training has led to."""
    return {"weights": model.get_weights(), "predictions": model.predict(x, verbose=0)}


def written(figures: Any) -> Any:
    """Return figures as JSON has them: of an array of more than eight elements its shape and three sums."""
    if isinstance(figures, dict):
        return {name: written(x) for name, x in figures.items()}
    if isinstance(figures, (list, tuple)):
        return [written(x) for x in figures]
    if figures is None or isinstance(figures, (str, bool, int)):
        return figures
    if hasattr(figures, "detach"):
        figures = figures.detach()
    x = np.asarray(figures)
    if x.size <= 8:
        return _rounded(x)
    flat = x.astype("float64").ravel()
    places = np.arange(flat.size)
    return {"shape": list(x.shape), "sums": _rounded([flat.sum(), abs(flat).sum(), flat @ np.cos(places)])}


def _rounded(x: Any) -> Any:
    return [_rounded(item) for item in x] if np.ndim(x) else float(f"{float(x):.7g}")
