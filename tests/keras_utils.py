"""What Keras' helpers give: `KERAS_BACKEND=jax python -m tests.keras_utils` records it.

The same cases are then computed by nnarray in tests/test_keras_helpers.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = Path(__file__).parent / "keras_utils.json"
ARRAY = np.sin(np.arange(24.0)).reshape(2, 3, 4) * (np.arange(3) > 0)[:, np.newaxis]
SEQUENCES: dict[str, list[Any]] = {
    "numbers": [[1], [2, 3], [4, 5, 6], []],
    "fractions": [[1.5, -2.5], [0.25]],
    "vectors": [[[1, 2]], [[3, 4], [5, 6], [7, 8]]],
    "words": [["a"], ["bc", "d"]],
}
NORMALIZE: list[dict[str, Any]] = [{}, {"order": 1}, {"axis": 1}, {"axis": 2, "order": np.inf}, {"axis": 1, "order": 3}]
PAD: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("numbers", "vectors")),
    *(("numbers", {"maxlen": n, "truncating": cut}) for n in (2, 5) for cut in ("pre", "post")),
    ("numbers", {"padding": "post", "value": -1}),
    ("fractions", {"dtype": "float32", "padding": "post", "maxlen": 3, "value": 0.5}),
    ("vectors", {"maxlen": 2, "padding": "post", "dtype": "int64"}),
    ("words", {"dtype": object, "value": "-"}),
]
SPLIT: list[dict[str, Any]] = [
    *({"left_size": size} for size in (0.5, 0.8, 3, 0.25)),
    *({"right_size": size} for size in (0.3, 4)),
    {"left_size": 0.3, "right_size": 0.7},
    {"left_size": 5, "right_size": 0.5},
]
STFT: list[dict[str, Any]] = [
    *({"side": side, "scaling": how} for side in ("real", "imag") for how in ("density", "spectrum", None)),
    *({"window": window, "periodic": True} for window in ("hann", "hamming", "blackman", "flattop", "boxcar")),
    *({"window": window, "side": "imag"} for window in ("nuttall", "blackmanharris", None)),
    {"window": [0.0, 1.0, 2.0, 2.0, 1.5, 1.0, 0.5], "scaling": "spectrum"},
]
STFT_SHAPE = (7, 1, 5)


def record() -> None:
    """Write what Keras gives."""
    import keras

    found: dict[str, Any] = {"keras": keras.__version__}
    found["normalize"] = [keras.utils.normalize(ARRAY, **given).tolist() for given in NORMALIZE]
    found["pad"] = [keras.utils.pad_sequences(SEQUENCES[name], **given).tolist() for name, given in PAD]
    data = np.arange(10.0, dtype="float32")
    parts = [keras.utils.split_dataset((data, data), **given, preferred_backend="torch") for given in SPLIT]
    found["split_sizes"] = [[len(part) for part in both] for both in parts]
    found["stft"] = [np.asarray(keras.initializers.STFT(**given)(STFT_SHAPE)).tolist() for given in STFT]
    NUMBERS.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    record()
