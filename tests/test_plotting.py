"""Figures hold what they are drawn from; films have as many frames as there is to see."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

import nnarray as nna
from nnarray import datasets, layers, models, plotting
from nnarray.training import History

X, Y = datasets.make_moons(40, noise=0.1, random_state=0)


def texts(figure: Any) -> str:
    """Return all words of a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def frames(path: Path) -> int:
    with Image.open(path) as film:
        return getattr(film, "n_frames", 1)


def trained(outputs: int = 1, hidden: int = 3) -> Any:
    nna.set_seed(0)
    activation, loss = ("sigmoid", "binary") if outputs == 1 else ("softmax", "sparse_categorical")
    model = models.Sequential([layers.Dense(hidden, "relu", input_dim=2), layers.Dense(outputs, activation)])
    model.compile("adam", f"{loss}_crossentropy", ["accuracy"])
    model.fit(X, Y, verbose=0)
    return model


def test_data_are_drawn_class_by_class(backend: Any, tmp_path: Path) -> None:
    xp = nna.namespace(*backend)
    figure = plotting.plot_data(xp.asarray(X), xp.asarray(Y).value, title="Moons")
    ax = figure.axes[0]
    assert [len(points.get_offsets()) for points in ax.collections] == [20, 20]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("$x_1$", "$x_2$", "Moons")
    assert "class 1" in texts(figure)
    figure.savefig(tmp_path / "data.png")
    assert (tmp_path / "data.png").stat().st_size > 5000


def test_axes_of_the_user_are_drawn_into() -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert plotting.plot_data(X, Y, ax=ax) is ax.figure
    assert plotting.plot_neuron([1.0], [2.0], ax=ax) is ax.figure


def test_a_network_shows_every_unit_weight_and_name() -> None:
    model = trained()
    figure = plotting.plot_network(model)
    ax = figure.axes[0]
    assert [len(units.get_offsets()) for units in ax.collections] == [2, 3, 1]
    assert sum(len(line.get_xdata()) == 2 for line in ax.lines) == 2 * 3 + 3 * 1
    for word in ("2 units", "3 units", "1 unit", model.layers[0].name, "relu", "sigmoid", "positive weight"):
        assert word in texts(figure)


def test_wide_and_weightless_layers_are_summed_up() -> None:
    model = models.Sequential(
        [
            *(layers.Input((8, 8)), layers.Flatten(), layers.Dense(32, "relu"), layers.Dropout(0.3)),
            *(layers.Dense(10), layers.Activation("softmax")),
        ]
    )
    figure = plotting.plot_network(model)
    assert [len(units.get_offsets()) for units in figure.axes[0].collections] == [10, 10, 10]
    for word in ("64 units", "32 units", "flatten", "dropout 0.3", "softmax", "⋮"):
        assert word in texts(figure)
    with pytest.raises(ValueError, match="has not been built"):
        plotting.plot_network(models.Sequential([layers.Dense(1)]))


def test_a_neuron_shows_its_sum_and_its_output() -> None:
    words = texts(plotting.plot_neuron([0.5, -1.0], [2.0, 0.5], 0.25, "relu"))
    for word in ("$z$ = (2.00)(0.50) + (0.50)(−1.00) + (0.25) = 0.75", "$a$ = relu(0.75) = 0.75", "$b$ = 0.25"):
        assert word in words
    with pytest.raises(ValueError, match="as many weights as inputs"):
        plotting.plot_neuron([1.0, 2.0], [1.0])


def test_a_layer_shows_the_numbers_of_its_product() -> None:
    layer = layers.Dense(3, "tanh", input_dim=2)
    layer.build((None, 2))
    x = np.asarray([[1.0, -2.0]])
    words = texts(plotting.plot_layer(x, layer))
    z = x @ layer.kernel.numpy()
    for value in (*z.ravel(), *np.tanh(z).ravel()):
        assert f"{value:.2f}".replace("-", "−") in words
    assert "A = tanh(Z)" in words
    for wrong, message in ((np.ones((1, 3)), "takes inputs of shape"), (np.ones((9, 2)), "at most 6 examples")):
        with pytest.raises(ValueError, match=message):
            plotting.plot_layer(wrong, layer)
    with pytest.raises(ValueError, match="built dense layer"):
        plotting.plot_layer(x, layers.Dense(1))


def test_activations_are_drawn_with_slopes_taken_by_grad() -> None:
    figure = plotting.plot_activations(("sigmoid", "tanh", "relu"))
    assert [ax.get_title() for ax in figure.axes] == ["sigmoid", "tanh", "relu"]
    curve, slope = (figure.axes[1].lines[i].get_ydata() for i in (2, 3))
    np.testing.assert_allclose(slope, 1 - np.asarray(curve) ** 2)
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        plotting.plot_activations(["rellu"])


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_boundary_shows_regions_and_points(outputs: int) -> None:
    figure = plotting.plot_boundary(trained(outputs), X, Y, title="after training", resolution=20)
    assert ("predicted probability of class 1" in texts(figure)) == (outputs == 1)
    assert figure.axes[0].get_title() == "after training"
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        plotting.plot_boundary(trained(), np.ones((4, 3)), Y)


def test_a_film_of_the_boundary_has_a_frame_before_training_and_one_after_every_second_epoch(tmp_path: Path) -> None:
    film = plotting.BoundaryFilm(tmp_path / "film.gif", X, Y, every=2, fps=4, resolution=12)
    trained().fit(X, Y, epochs=6, verbose=0, callbacks=[film])
    assert [epoch for epoch, _, _ in film.frames] == [0, 2, 4, 6]
    assert frames(tmp_path / "film.gif") >= 4
    with pytest.raises(ValueError, match="every=0"):
        plotting.BoundaryFilm("film.gif", X, Y, every=0)


def test_a_history_is_drawn_figure_by_figure_and_filmed_epoch_by_epoch(tmp_path: Path) -> None:
    history = trained().fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    figure = plotting.plot_history(history)
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), history.history["val_loss"])
    assert plotting.film_history(history, tmp_path / "curves.gif", fps=2) == tmp_path / "curves.gif"
    assert frames(tmp_path / "curves.gif") == 3
    with pytest.raises(ValueError, match="at least one epoch"):
        plotting.plot_history(History())
    with pytest.raises(ValueError, match=r"written as \.gif"):
        plotting.film_history(history, tmp_path / "curves.mp4")


def test_descent_walks_down_the_users_surface(tmp_path: Path) -> None:
    def bowl(w: Any) -> Any:
        return w[0] * w[0] + 2 * w[1] * w[1]

    figure = plotting.plot_descent(bowl, (1.0, 1.0), learning_rate=0.1, steps=5)
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), 0.8 ** np.arange(6))
    np.testing.assert_allclose(line.get_ydata(), 0.6 ** np.arange(6))
    assert "after 5 steps" in figure.axes[0].get_title()
    plotting.film_descent(bowl, (1.0, 1.0), tmp_path / "walk.gif", steps=3, fps=1)
    assert frames(tmp_path / "walk.gif") == 4
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"learning_rate=1e\+30 is too large"):
        plotting.plot_descent(bowl, (1.0, 1.0), learning_rate=1e30, steps=20)
    with pytest.raises(ValueError, match="two coordinates"):
        plotting.plot_descent(bowl, (1.0, 1.0, 1.0))


def test_a_tape_is_numbered_forwards_and_then_backwards() -> None:
    def f(w: Any, x: Any) -> Any:
        xp = w.__array_namespace__()
        z = w * x
        return xp.sum(xp.exp(z) + z)

    figure = plotting.plot_tape(f, np.ones(3), np.ones(3), names=["w", "x"])
    words = texts(figure).splitlines()
    steps = ["multiply  →  3", "exp  →  3", "add  →  3", "sum  →  scalar"]
    assert [word for word in words if "→" in word] == steps
    numbers = [int(word) for word in words if word.isdigit()]
    assert numbers == [1, 8, 2, 7, 3, 6, 4, 5]
    assert "w, x" in words
    assert "dw, dx" in words
    with pytest.raises(ValueError, match="One name per array"):
        plotting.plot_tape(f, np.ones(3), np.ones(3), names=["w"])
    with pytest.raises(ValueError, match="1 to 40 steps"):
        plotting.plot_tape(lambda x: x, np.ones(3))


def test_a_missing_matplotlib_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_matplotlib(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.startswith("nnarray.plotting")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match=r"pip install 'nnarray\[plot\]'"):
        import nnarray.plotting  # noqa: F401
