"""The table and the picture of `crosscheck`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

import nnarray as nna
from nnarray import layers, models
from nnarray.layers import Layer
from nnarray.testing import CrossCheck, crosscheck
from tests.testing.networks import (
    PAIR,
    STRICT,
    Odd,
    X,
    Y,
    found,
    network,
    refuse,
)


def test_the_table_is_aligned_and_marks_what_parts() -> None:
    text = str(crosscheck(network(Odd(lambda x, xp: 2.06 * x, name="odd")), X, Y, backends=PAIR))
    title, rule, header, _, *lines = text.splitlines()
    assert title.startswith("net: differences from numpy")
    assert header.split() == ["Array", "Kind", "Shape", STRICT]
    body = lines[: lines.index(rule)]
    assert len(body) == 16
    column = header.index("Kind")
    assert {line[column - 1] for line in body} == {" "}
    assert {line[column:].split("  ")[0] for line in body} == {"forward", "gradient", "weight gradient"}
    assert body[1].split() == ["odd", "forward", "(24,", "4)", "3.0e-02", "✗"]
    assert body[0].split()[-1] == "0"
    assert not any("✗" in line for line in body[:1])


def test_rtol_takes_the_place_of_the_default() -> None:
    odd = Odd(lambda x, xp: 2.06 * x, name="odd")
    report = crosscheck(network(odd), X, backends=PAIR, rtol=0.1)
    assert report.passed
    assert {row.tolerance for row in report.rows} == {0.1}


def test_whole_numbers_must_be_equal() -> None:
    class Ranks(Layer):
        def call(self, inputs: Any) -> Any:
            xp = nna.array_namespace(inputs)
            most = 100_000_000 + xp.argmax(inputs, axis=-1)
            return most + (1 if STRICT in xp.__name__ else 0)

    report = crosscheck(models.Sequential([Ranks(input_dim=3, name="ranks")]), X, backends=PAIR)
    assert found(report) == ("ranks", "forward")
    assert "1.0e-08 relative, none allowed" in str(report)


def drawn(ax: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in ax.lines}


def test_the_plot_has_a_line_per_backend_and_rings_where_one_first_parts() -> None:
    odd = Odd(lambda x, xp: x + nna.stop_gradient(x), name="half")
    report = crosscheck(network(odd), X, Y, backends=[*PAIR, f"{STRICT}:device1"], rtol=1e-4)
    figure = report.plot()
    forward, backward = figure.axes
    names = [label.get_text() for label in backward.get_xticklabels()]
    assert names == ["first", "half", "second", "last", "loss"]
    for ax, count in ((forward, 5), (backward, 5)):
        lines = drawn(ax)
        assert set(lines) >= {STRICT, f"{STRICT}:device1", "allowed"}
        assert len(lines[STRICT].get_xdata()) == count
        assert set(lines["allowed"].get_ydata()) == {-4.0}
    assert "_first" not in drawn(forward)
    rings = [line for line in backward.lines if line.get_label() == "_first"]
    assert [round(float(ring.get_xdata()[0])) for ring in rings] == [names.index("half")] * 2
    assert [float(ring.get_ydata()[0]) for ring in rings] == pytest.approx([np.log10(0.5)] * 2)
    assert len(drawn(backward)[f"_{STRICT}, weights"].get_xdata()) == 6
    words = [text.get_text() for text in figure.findobj(Text)]
    assert f"{STRICT}: half" in words
    assert {"allowed", "in weights", "difference from numpy, relative"} <= set(words)


def test_the_plot_has_a_place_for_zero_and_one_for_what_cannot_be_compared() -> None:
    figure = crosscheck(network(Odd(refuse, name="odd")), X, backends=PAIR).plot()
    (ax,) = figure.axes
    ticks = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    low, high = ax.get_ylim()
    assert low < ticks["0"] < ticks["∞"] < high
    assert list(drawn(ax)[STRICT].get_ydata()) == [ticks["0"], ticks["∞"]]
    assert ticks["0"] < drawn(ax)["allowed"].get_ydata()[0] < ticks["∞"]


def test_the_plot_goes_into_a_figure_of_ones_own_and_holds_many_layers() -> None:
    from matplotlib.figure import Figure

    model = models.Sequential([layers.Dense(2, name=f"a_layer_of_a_rather_long_name_{i}") for i in range(70)])
    figure = Figure()
    report = crosscheck(model, X, backends=PAIR)
    assert report.plot(figure) is figure
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert 15 < len(ticks) <= 30
    assert max(map(len, ticks)) <= 24


def test_an_empty_report_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="A report with rows is needed, as crosscheck returns it"):
        nna.plotting.plot_crosscheck(CrossCheck("net", ("numpy", "torch"), (), 1e-5))
