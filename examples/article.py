"""Trains the article's network and draws its nine figures from live objects.

Run it:  python examples/article.py --out FOLDER          (needs the extra `plot`)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import nnarray as nna
from nnarray import losses, plotting
from nnarray.datasets import make_circles
from nnarray.layers import Dense
from nnarray.models import Sequential


def build() -> Sequential:
    model = Sequential()
    model.add(Dense(4, input_dim=2, activation="relu"))
    model.add(Dense(6, activation="relu"))
    model.add(Dense(6, activation="relu"))
    model.add(Dense(4, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def valley(w: Any) -> Any:
    """A bent valley: steep across, gentle along."""
    return (w[1] - 0.5 * w[0] ** 2) ** 2 + 0.5 * (w[0] - 1.5) ** 2


def draw(out: Path, model: Sequential, history: Any, x: Any, y: Any) -> None:
    """Write figures 1, 2 and 4 to 9."""

    def save(name: str, figure: Any) -> None:
        figure.savefig(out / name)

    first = model.layers[0]
    save("1_data.png", plotting.plot_data(x, y, title="Two circles"))
    save("2_network.png", plotting.plot_network(model))
    kernel, bias = first.get_weights()
    strongest = (x @ kernel[:, 0]).argmax()
    save("4_neuron.png", plotting.plot_neuron(x[strongest], kernel[:, 0], bias[0], "relu"))
    save("5_layer.png", plotting.plot_layer(x[:4], first))
    save("6_activations.png", plotting.plot_activations())
    save("7_curves.png", plotting.plot_history(history))
    plotting.film_history(history, out / "7_curves.gif")
    walk = {"start": (-2.0, 0.8), "learning_rate": 0.1, "steps": 50}
    save("8_descent.png", plotting.plot_descent(valley, **walk))
    plotting.film_descent(valley, path=out / "8_descent.gif", fps=10, **walk)

    def objective(weights: Any) -> Any:
        outputs, _ = model.stateless_call(weights, [], x[:32])
        return losses.BinaryCrossentropy()(y[:32], outputs)

    layers = range(1, len(model.layers) + 1)
    names = [f"${letter}_{layer}$" for layer in layers for letter in ("W", "b")]
    save("9_order.png", plotting.plot_tape(objective, model.get_weights(), names=names))


def main(arguments: list[str] | None = None) -> float:
    """Train, draw, and return the accuracy on unseen points."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the figures (default: out)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)

    nna.utils.set_random_seed(options.seed)
    x, y = make_circles(1200, noise=0.1, factor=0.2, random_state=options.seed)
    model = build()
    model.summary()
    film = plotting.BoundaryFilm(options.out / "3_boundary.gif", x[:1000], y[:1000])
    history = model.fit(
        x[:1000], y[:1000], epochs=options.epochs, validation_data=(x[1000:1100], y[1000:1100]), callbacks=[film]
    )
    loss, accuracy = model.evaluate(x[1100:], y[1100:], verbose=0)
    print(f"On 100 unseen points: loss {loss:.4f}, accuracy {accuracy:.2%}")
    plotting.plot_boundary(model, x[1100:], y[1100:], title="Unseen points").savefig(options.out / "3_boundary.png")
    draw(options.out, model, history, x[:1000], y[:1000])
    print(f"Figures: {options.out.resolve()}")
    return accuracy


if __name__ == "__main__":
    main()
