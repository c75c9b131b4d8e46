"""Fashion-MNIST: 60,000 pictures of clothes, ten classes, one hidden layer of 100 units; beside scikit-learn.

The table at https://github.com/zalandoresearch/fashion-mnist has an accuracy of 0.871 for this network.

Run it:  python examples/fashion_mnist.py --out FOLDER
It needs the data (apt install dataset-fashion-mnist, or --data FOLDER), scikit-learn, and the extra `plot`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import nnarray as nna
from nnarray import plotting
from nnarray.datasets import fashion_mnist
from nnarray.layers import Dense, Flatten, Input
from nnarray.models import Sequential
from nnarray.optimizers import Adam, schedules
from nnarray.plotting._style import BLUE, GREY, INK, ORANGE, WIDTH, new_figure, styled, without_frame

NAMES = fashion_mnist.CLASS_NAMES
RIGHT = LinearSegmentedColormap.from_list("right", ["#ffffff", BLUE])
WRONG = LinearSegmentedColormap.from_list("wrong", ["#ffffff", ORANGE])


class Data(NamedTuple):
    """Pictures as float32 from 0 to 1, and their classes."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load(folder: Path | None = None, first: int | None = None) -> Data:
    """Return the data, or the first pictures of it: so many to train, a sixth of that to test."""
    (x, y), (x_test, y_test) = fashion_mnist.load_data(folder)
    if first is not None:
        x, y, x_test, y_test = x[:first], y[:first], x_test[: -(-first // 6)], y_test[: -(-first // 6)]
    return Data(x.astype("float32") / 255, y, x_test.astype("float32") / 255, y_test)


def build(backend: str, steps: int) -> Sequential:
    """Return the network, its learning rate to fall to 0 in so many steps."""
    model = Sequential([Input((28, 28)), Flatten(), Dense(100, activation="relu"), Dense(10, activation="softmax")])
    optimizer = Adam(schedules.CosineDecay(0.002, steps))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
    return model


def train_scikit_learn(data: Data, epochs: int, batch_size: int, seed: int) -> Any:
    """Return scikit-learn's network of the same size, trained by Adam for as many steps, at its own learning rate."""
    same = {"solver": "adam", "alpha": 0.0, "max_iter": epochs, "n_iter_no_change": epochs}
    model = MLPClassifier((100,), batch_size=min(batch_size, len(data.x)), random_state=seed, **same)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is meant
        model.fit(data.x.reshape(len(data.x), -1), data.y)
    return model


def confusion(y: np.ndarray, guesses: np.ndarray) -> np.ndarray:
    """Return how many pictures of each class (row) were taken for each class (column)."""
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (y, guesses), 1)
    return counts


def draw_confusion(counts: np.ndarray) -> Any:
    """Draw what was taken for what: right answers in blue, mistakes in orange."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    most = max(float(shares[~np.eye(10, dtype=bool)].max()), 1e-9)  # the commonest mistake has the full colour
    with styled():
        figure = new_figure(WIDTH, 7.2)
        ax = figure.subplots()
        for row, column in np.ndindex(counts.shape):
            share, count = float(shares[row, column]), int(counts[row, column])
            depth = share if row == column else share / most
            colour = (RIGHT if row == column else WRONG)(0.9 * depth)
            ax.add_patch(
                Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=colour, edgecolor="#ececec", linewidth=0.6)
            )
            text = {"color": "#c4c4c4"} if not count else {"color": "white" if depth > 0.7 else INK}
            ax.text(column, row, f"{count:,}" if count else "·", ha="center", va="center", **text)
        ax.set(xlim=(-0.5, 9.5), ylim=(9.5, -0.5), aspect="equal")
        ax.set_xticks(range(10), NAMES, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(10), [f"{name}  {share:.0%}" for name, share in zip(NAMES, np.diag(shares), strict=True)])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_xlabel("taken for")
        ax.set_ylabel("what it is, and how many are recognised")
        right = np.trace(counts) / counts.sum()
        ax.set_title(f"{right:.1%} of {counts.sum():,} unseen pictures recognised", loc="left", pad=12)
    return figure


def draw_mistakes(images: np.ndarray, y: np.ndarray, probabilities: np.ndarray, columns: int = 8, rows: int = 4) -> Any:
    """Draw the pictures that the network got wrong with most confidence: its guess above what they are."""
    guesses = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(guesses != y)
    order = wrong[np.argsort(-probabilities[wrong, guesses[wrong]], kind="stable")][: rows * columns]
    with styled():
        figure = new_figure(WIDTH, 0.5 + 1.65 * rows)
        top = 1 - 0.35 / figure.get_figheight()
        figure.get_layout_engine().set(hspace=0.12, rect=(0, 0, 1, top))
        for place, side, text, colour in (
            (0.012, "left", "The surest mistakes", INK),
            (0.80, "right", "taken for, how surely", ORANGE),
            (0.98, "right", "what they are", BLUE),
        ):
            figure.text(place, top + 0.01, text, color=colour, ha=side, fontsize=12)
        for ax in figure.subplots(rows, columns, squeeze=False).flat:
            without_frame(ax)
        for ax, index in zip(figure.axes, order, strict=False):
            ax.imshow(images[index], cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            sure = np.floor(1000 * probabilities[index, guesses[index]]) / 1000  # 100% would be more than it said
            for height, text, colour, size in (
                (1.20, NAMES[guesses[index]], ORANGE, 9),
                (1.05, f"{sure:.1%}", GREY, 8),
                (-0.17, NAMES[y[index]], BLUE, 9),
            ):
                ax.text(0.5, height, text, color=colour, fontsize=size, ha="center", transform=ax.transAxes)
    return figure


def main(arguments: list[str] | None = None) -> float:
    """Train, compare, draw, and return the accuracy on the test pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: out)")
    parser.add_argument("--data", type=Path, help="folder of the four files (default: where they are installed)")
    parser.add_argument("--first", type=int, help="train on the first so many pictures only")
    parser.add_argument("--backend", default="numpy", help="array library (default: numpy)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    data = load(options.data, options.first)

    nna.set_seed(options.seed)
    model = build(options.backend, options.epochs * -(-len(data.x) // options.batch_size))
    model.summary()
    start = time.perf_counter()
    history = model.fit(
        *(data.x, data.y),
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=(data.x_test, data.y_test),  # for the curves: nothing is chosen by it
    )
    seconds = time.perf_counter() - start
    probabilities = model.predict(data.x_test, verbose=0)
    guesses = probabilities.argmax(axis=1)
    accuracy = float(np.mean(guesses == data.y_test))

    start = time.perf_counter()
    other = train_scikit_learn(data, options.epochs, options.batch_size, options.seed)
    other_seconds = time.perf_counter() - start
    other_accuracy = float(other.score(data.x_test.reshape(len(data.x_test), -1), data.y_test))

    name = f"nnarray on {history.actual_backend}"
    print(f"{len(data.x):,} pictures, {options.epochs} epochs in batches of {options.batch_size}:")
    print(f"  {name:20} accuracy {accuracy:.4f}   {seconds:6.1f} s, the accuracy after each epoch included")
    print(f"  {'scikit-learn':20} accuracy {other_accuracy:.4f}   {other_seconds:6.1f} s")

    plotting.plot_history(history).savefig(options.out / "curves.png")
    draw_confusion(confusion(data.y_test, guesses)).savefig(options.out / "confusion.png")
    draw_mistakes(data.x_test, data.y_test, probabilities).savefig(options.out / "mistakes.png")
    print(f"Pictures: {options.out.resolve()}")
    return accuracy


if __name__ == "__main__":
    main()
