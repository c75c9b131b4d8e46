"""Figures hold what they are drawn from; films have as many frames as there is to see."""

from __future__ import annotations

import io
import subprocess
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
    model.compile("adam", f"{loss}_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    return model


def test_data_are_drawn_class_by_class(place: Any, tmp_path: Path) -> None:
    xp = nna.namespace(*place)
    figure = plotting.plot_data(xp.asarray(X), xp.asarray(Y).value, title="Moons")
    ax = figure.axes[0]
    assert [len(points.get_offsets()) for points in ax.collections] == [20, 20]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("$x_1$", "$x_2$", "Moons")
    assert "class 1" in texts(figure)
    figure.savefig(tmp_path / "data.png")
    assert (tmp_path / "data.png").stat().st_size > 5000


def test_a_class_keeps_its_colour_whichever_others_are_there() -> None:
    both, second = (plotting.plot_data(X, labels).axes[0].collections for labels in (Y, np.ones(40)))
    np.testing.assert_array_equal(both[1].get_facecolor(), second[0].get_facecolor())
    assert (both[0].get_facecolor() != both[1].get_facecolor()).any()
    with pytest.raises(ValueError, match=r"whole numbers: received y with 0\.5"):
        plotting.plot_data(X, np.full(40, 0.5))


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
    assert "8×8" in texts(figure)
    with pytest.raises(ValueError, match="has not been built"):
        plotting.plot_network(models.Sequential([layers.Dense(1)]))


def test_units_that_share_weights_are_joined_by_an_arrow_only() -> None:
    figure = plotting.plot_network(models.Sequential([layers.Input((4, 2)), layers.Dense(3)]))
    assert [len(units.get_offsets()) for units in figure.axes[0].collections] == [8, 12]
    assert len(figure.axes[0].lines) == 0
    assert "positive weight" not in texts(figure)


def inside(figure: Any) -> bool:
    """Return whether no text of a figure is cut by its edges."""
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    width, height = figure.canvas.get_width_height()
    return all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in boxes)


@pytest.mark.parametrize("inputs", [1, 2, 6])
def test_the_texts_of_a_neuron_stay_on_the_page(inputs: int) -> None:
    assert inside(plotting.plot_neuron(np.full(inputs, -12.5), np.full(inputs, -12.5), -3.0, "tanh"))


@pytest.mark.parametrize(("features", "units"), [(1, 1), (2, 4), (6, 6)])
def test_the_numbers_of_a_layer_do_not_touch(features: int, units: int) -> None:
    layer = layers.Dense(units, "linear", bias_initializer="ones")
    layer.build((None, features))
    figure = plotting.plot_layer(np.full((6, features), -2.22), layer)
    assert inside(figure)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


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
    wide = layers.Dense(9, input_dim=2)
    wide.build((None, 2))
    with pytest.raises(ValueError, match="2 features and 9 units"):
        plotting.plot_layer(x, wide)
    with pytest.raises(ValueError, match="built dense layer"):
        plotting.plot_layer(x, layers.Dense(1))


def test_activations_are_drawn_with_slopes_taken_by_grad() -> None:
    figure = plotting.plot_activations(("sigmoid", "tanh", "relu"))
    assert [ax.get_title() for ax in figure.axes] == ["sigmoid", "tanh", "relu"]
    curve, slope = (figure.axes[1].lines[i].get_ydata() for i in (2, 3))
    np.testing.assert_allclose(slope, 1 - np.asarray(curve) ** 2)
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        plotting.plot_activations(["rellu"])


def test_outputs_that_are_no_probabilities_have_no_boundary(tmp_path: Path) -> None:
    model = models.Sequential([layers.Dense(1, input_dim=2, kernel_initializer="ones")])
    model.compile("sgd", "mean_squared_error")
    film = plotting.BoundaryFilm(tmp_path / "film.gif", X, Y)
    with pytest.raises(ValueError, match="End the model in sigmoid or softmax"):
        plotting.plot_boundary(model, X, Y)
    with pytest.raises(ValueError, match="End the model in sigmoid or softmax"):
        model.fit(X, Y, verbose=0, callbacks=[film])


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
    with pytest.raises(FileNotFoundError, match="folder of a film must exist"):
        plotting.BoundaryFilm(tmp_path / "nowhere" / "film.gif", X, Y)


def test_axes_stand_still_in_a_film_and_the_page_is_white(tmp_path: Path) -> None:
    film = plotting.BoundaryFilm(tmp_path / "film.gif", X * [1.0, 2.0], Y, resolution=12)
    trained().fit(X, Y, epochs=2, verbose=0, callbacks=[film])
    with Image.open(film.path) as pictures:
        margins = []
        for index in range(3):
            pictures.seek(index)
            margins.append(np.asarray(pictures.convert("RGB"))[:, :50])
    np.testing.assert_array_equal(margins[0], margins[1])
    np.testing.assert_array_equal(margins[0], margins[2])
    assert (margins[0][0, 0] == 255).all()


def test_a_history_is_drawn_figure_by_figure_and_filmed_epoch_by_epoch(tmp_path: Path) -> None:
    history = trained().fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    figure = plotting.plot_history(history)
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), history.history["val_loss"])
    assert plotting.film_history(history, tmp_path / "curves.gif", fps=2) == tmp_path / "curves.gif"
    assert frames(tmp_path / "curves.gif") == 3
    history.history["loss"][1] = float("nan")
    assert np.isfinite(plotting.plot_history(history).axes[0].get_ylim()).all()
    with pytest.raises(ValueError, match=r"written as \.gif"):
        plotting.film_history(history, tmp_path / "curves.mp4")


def curves(figure: Any) -> dict[str, list[tuple[list[float], list[float]]]]:
    """Return the points of every line, by the name of its panel."""
    return {ax.get_ylabel(): [(list(x), list(y)) for x, y in (c.get_data() for c in ax.lines)] for ax in figure.axes}


def test_a_history_may_be_a_dict() -> None:
    history = trained().fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    assert curves(plotting.plot_history(history.history)) == curves(plotting.plot_history(history))
    assert curves(plotting.plot_history({"loss": (2, 1)})) == {"loss": [([1, 2], [2, 1])]}
    assert curves(plotting.plot_history({"val_auc": np.asarray([0.5])})) == {"val auc": [([1], [0.5])]}


def test_a_figure_that_some_epochs_lack_is_drawn_where_it_was(tmp_path: Path) -> None:
    history = History()
    for epoch in range(4, 10):
        history.on_epoch_end(epoch, {"loss": 1.0} | ({"val_loss": float(epoch)} if epoch % 3 == 0 else {}))
    (lines,) = curves(plotting.plot_history(history)).values()
    assert lines == [(list(range(5, 11)), [1.0] * 6), ([7, 10], [6.0, 9.0])]
    assert frames(plotting.film_history(history, tmp_path / "curves.gif")) == 6


def test_a_history_of_two_runs_goes_on() -> None:
    history = History()
    for epoch in (0, 1, 0, 1):
        history.on_epoch_end(epoch, {"loss": 1.0})
    assert curves(plotting.plot_history(history)) == {"loss": [([1, 2, 3, 4], [1.0] * 4)]}


@pytest.mark.parametrize("draw", ["plot_history", "film_history"])
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (None, TypeError, r"_history takes a History, as fit returns it, or a dict of lists.*received None"),
        ([1.0, 2.0], TypeError, r"received \[1.0, 2.0\] \(list\)"),
        (np.ones(3), TypeError, r"received ndarray of shape \(3,\)"),
        ("loss", TypeError, r"received 'loss' \(str\)"),
        (models.Sequential(), TypeError, r"received .*Sequential"),
        (History(), ValueError, "at least one epoch is needed"),
        ({}, ValueError, r"at least one epoch is needed: received \{\}"),
        ({"loss": []}, ValueError, "at least one epoch is needed"),
        ({"loss": 0.5}, ValueError, r"list of numbers, one for each epoch: received 0\.5 \(float\) for 'loss'"),
        ({"loss": [0.5], "note": ["warm"]}, ValueError, r"received \['warm'\] \(list\) for 'note'"),
        ({"loss": [[1.0, 2.0]]}, ValueError, "for 'loss'"),
        ({"loss": [1, 2], "val_loss": [1]}, ValueError, "received 1 of 'val_loss' and 2 epochs of others"),
    ],
)
def test_what_is_no_history_is_refused_by_name(draw: str, wrong: Any, error: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        getattr(plotting, draw)(wrong, *[tmp_path / "a.gif"] * (draw == "film_history"))
    assert not list(tmp_path.iterdir())


def test_figures_show_themselves_in_a_notebook() -> None:
    """What IPython asks of a cell's last value, without a window or a global state."""
    for figure in (plotting.plot_neuron([1.0], [2.0]), plotting.plot_data(X, Y), plotting.plot_activations("relu")):
        with Image.open(io.BytesIO(figure._repr_png_())) as picture:
            assert picture.size == figure.canvas.get_width_height()
        assert repr(figure).startswith("<Figure size ")
    program = (
        "import sys, nnarray.plotting as plotting\n"
        "plotting.plot_neuron([1.0], [2.0])._repr_png_()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_only_a_sequential_is_drawn_as_a_network() -> None:
    class Twice(models.Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(TypeError, match="plot_network draws a Sequential: received .*Twice"):
        plotting.plot_network(Twice())


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
    with pytest.raises(ValueError, match="starts from a scalar: the function returned Array of shape"):
        plotting.plot_tape(lambda x: x, np.ones(3))
    with pytest.raises(ValueError, match=r"1 to 40 steps can be drawn: the function's has 0"):
        plotting.plot_tape(lambda x: x, np.asarray(1.0))


def test_the_tape_of_a_network_is_shaded_layer_by_layer() -> None:
    def f(first: Any, second: Any, third: Any) -> Any:
        xp = first.__array_namespace__()
        return xp.sum(xp.exp(xp.exp(first * 2.0) * second) * third)

    figure = plotting.plot_tape(f, *np.ones((3, 2)))
    ax = figure.axes[0]
    bands = [patch.get_window_extent() for patch in ax.patches if patch.get_facecolor()[:3] != (1, 1, 1)]
    assert len(bands) == 1
    np.testing.assert_allclose(ax.transData.inverted().transform(bands[0])[:, 1], [-3.5, -1.5])


def test_matplotlib_is_loaded_at_first_use_only() -> None:
    program = (
        "import sys, nnarray.plotting as plotting\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plotting.plot_data\n"
        "assert 'matplotlib' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert set(plotting.__all__) == set(dir(plotting))
    with pytest.raises(AttributeError, match="no attribute 'plot_dta'"):
        _ = plotting.plot_dta


def test_a_missing_matplotlib_names_the_install_line() -> None:
    program = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "from nnarray import *\n"
        "try:\n    plotting.plot_data\n"
        "except ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "pip install 'nnarray[plot]'" in run.stdout
