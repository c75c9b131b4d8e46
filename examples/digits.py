"""Handwritten digits, 8×8 pixels (scikit-learn's `load_digits`): ten classes from 64 numbers.

Run it:  python examples/digits.py          (needs scikit-learn)
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

import nnarray as nna
from nnarray.layers import Dense, Dropout, Input
from nnarray.models import Sequential


def main(seed: int = 0) -> float:
    """Train on four fifths of the digits; return the share of the others that is recognised."""
    nna.set_seed(seed)
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    x, y = images[order] / 16.0, labels[order]
    cut = len(x) * 4 // 5

    model = Sequential([Input((64,)), Dense(128, activation="relu"), Dropout(0.3), Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    model.fit(x[:cut], y[:cut], epochs=40, validation_split=0.1)

    _, accuracy = model.evaluate(x[cut:], y[cut:], verbose=0)
    guesses = np.argmax(model.predict(x[cut:], verbose=0), axis=1)
    print(f"{accuracy:.1%} of {len(guesses)} held-out digits recognised")
    return accuracy


if __name__ == "__main__":
    main()
