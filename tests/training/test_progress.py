"""What fit and evaluate show: on terminals of any width, in Jupyter and elsewhere."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from nnarray import callbacks, layers, models
from nnarray.training import _progress, _screens
from nnarray.training._screens import Pass, layout

X = np.random.default_rng(0).standard_normal((64, 2)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")
LOGS = {"loss": 0.69314, "accuracy": 0.5, "auc": 0.61234, "val_loss": 0.71, "val_accuracy": 0.4871, "val_auc": 1.0}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _model() -> Any:
    model = models.Sequential([layers.Dense(1, "sigmoid", input_dim=2)])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def _fit(monkeypatch: pytest.MonkeyPatch, stream: Any, verbose: Any) -> str:
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(_progress, "INTERVAL", 0.0)
    _model().fit(X, Y, epochs=2, batch_size=16, verbose=verbose, validation_split=0.25)
    return "" if stream is None else stream.getvalue()


def _ended(width: int, logs: Any = LOGS, **change: Any) -> list[str]:
    return layout(
        Pass(**{"title": "Epoch 3/10", "steps": 313, "done": 313, "seconds": 12.3, **change}, logs=logs), width
    )


@pytest.mark.parametrize("verbose", ["auto", 1, 2, True, np.int64(1)])
def test_without_a_terminal_there_is_one_line_an_epoch(monkeypatch: pytest.MonkeyPatch, verbose: Any) -> None:
    lines = _fit(monkeypatch, io.StringIO(), verbose).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - ")
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f" - {name}: 0." in lines[1] or f" - {name}: 1." in lines[1]


@pytest.mark.parametrize("verbose", [0, False])
def test_verbose_zero_says_nothing(monkeypatch: pytest.MonkeyPatch, verbose: Any) -> None:
    assert _fit(monkeypatch, io.StringIO(), verbose) == ""


@pytest.mark.parametrize("verbose", ["auto", 1, True])
def test_on_a_terminal_a_bar_shows_steps_figures_and_time_left(monkeypatch: pytest.MonkeyPatch, verbose: Any) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    text = _fit(monkeypatch, Terminal(), verbose)
    assert re.search(r"\rEpoch 2/2 1/3 ━+─+ 0:00<0:00 [\d.]+[mu]?s/step - loss: \d\.\d{4} - accuracy: \d\.\d{4}", text)
    assert re.search(r"\rEpoch 2/2 3/3 .* - val_loss: \d\.\d{4} - val_accuracy: \d\.\d{4} *\n", text)


def test_without_a_standard_output_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _fit(monkeypatch, None, "auto") == ""


def test_output_goes_to_where_standard_output_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    progress = _progress.Progress("Epoch 1/1", 2, 2)
    progress.close({"loss": 0.5})
    assert re.fullmatch(r"Epoch 1/1 - 0\.\d\ds - loss: 0\.5000\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("verbose", "hint"),
    [
        ("1", " Did you mean 1?"),
        ("0", " Did you mean 0?"),
        ("2 ", " Did you mean 2?"),
        ("Auto", " Did you mean 'auto'?"),
        (3, ""),
        (None, ""),
        ([1], ""),
        (float("nan"), ""),
    ],
)
def test_another_verbose_is_refused_with_the_nearest(verbose: Any, hint: str) -> None:
    rule = "verbose must be 'auto', 0 (quiet), 1 (a bar) or 2 (a line an epoch): received verbose="
    for call in (_model().fit, _model().evaluate):
        with pytest.raises(ValueError, match=re.escape(rule + repr(verbose)) + r" \(\w+\)\." + re.escape(hint) + "$"):
            call(X, Y, verbose=verbose)


@pytest.mark.parametrize("done", [0, 100, 313])
@pytest.mark.parametrize("names", [2, 4, 6])
def test_all_figures_stay_and_no_line_is_too_long(done: int, names: int) -> None:
    logs = dict(list(LOGS.items())[:names])
    for width in range(12, 301):
        lines = layout(Pass("Epoch 3/10", 313, done, 12.3, logs, done == 313), width)
        assert max(map(len, lines)) <= width
        shown = re.findall(r"([a-z_]+)(…?): (\d\.\d\d+)(?= - |$)", "\n".join(lines), re.MULTILINE)
        assert len(shown) == names
        for (name, cut, value), (whole, expected) in zip(shown, logs.items(), strict=True):
            assert whole.startswith(name) if cut else whole == name
            assert float(value) == pytest.approx(expected, abs=0.005)
            assert not cut or len(whole) + 6 > width


def test_the_bar_goes_first_then_times_then_steps_then_decimals() -> None:
    four = {name: LOGS[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    figures = "loss: 0.6931 - accuracy: 0.5000 - val_loss: 0.7100 - val_accuracy: 0.4871"
    expected = {
        150: f"Epoch 3/10 313/313 {'━' * 30} 12.3s 39ms/step - {figures}",
        120: f"Epoch 3/10 313/313 {'━' * 8} 12.3s 39ms/step - {figures}",
        116: f"Epoch 3/10 313/313 12.3s 39ms/step - {figures}",
        100: f"Epoch 3/10 313/313 - {figures}",
        90: f"Epoch 3/10 - {figures}",
        82: "Epoch 3/10 - loss: 0.693 - accuracy: 0.500 - val_loss: 0.710 - val_accuracy: 0.487",
        79: "Epoch 3/10 - loss: 0.69 - accuracy: 0.50 - val_loss: 0.71 - val_accuracy: 0.49",
    }
    assert {width: _ended(width, four, ended=True) for width in expected} == {w: [x] for w, x in expected.items()}
    assert _ended(60, four, ended=True) == [
        f"Epoch 3/10 313/313 {'━' * 24} 12.3s 39ms/step",
        "loss: 0.6931 - accuracy: 0.5000",
        "val_loss: 0.7100 - val_accuracy: 0.4871",
    ]
    assert _ended(45, dict(list(four.items())[:2]), done=9) == ["9/313 - loss: 0.6931 - accuracy: 0.5000"]


def test_a_pass_of_unknown_length_counts_its_steps() -> None:
    assert _ended(80, {}, steps=None, done=7) == ["Epoch 3/10 7/? 0:12 1.8s/step"]
    assert _ended(80, {}, steps=None, done=7, ended=True) == ["Epoch 3/10 7/7 12.3s 1.8s/step"]
    assert _ended(80, {}, steps=9, done=3, seconds=4000.0)[0].endswith(" 1:06:40<2:13:20 1333s/step")


def test_wide_letters_count_twice() -> None:
    lines = _ended(24, {"精度": 0.5, "损失函数的平均值与标准差": 0.25})
    assert lines[1:] == ["精度: 0.5000", "损失函数的平均值…: 0.25"]


def test_small_large_and_strange_figures_keep_their_digits() -> None:
    assert _screens.format_logs({"loss": 0.00001234, "accuracy": 0.5}) == "loss: 1.234e-05 - accuracy: 0.5000"
    logs = {"a": 12345.678, "b": 123456789.0, "c": float("nan"), "d": 7, "e": np.float32(0.25), "f": "warm", "g": 0.0}
    assert _screens.format_logs(logs) == (
        "a: 12345.6780 - b: 1.234568e+08 - c: nan - d: 7 - e: 0.2500 - f: warm - g: 0.0000"
    )


def test_a_figure_with_axes_stands_in_one_line() -> None:
    assert _screens.figure(np.eye(2)) == "[[1. 0.] [0. 1.]]"
    history = callbacks.History()
    history.on_epoch_end(0, {"confusion": np.eye(2)})
    assert repr(history).splitlines()[4] == "    1   [[1. 0.] [0. 1.]]"


def test_a_terminal_that_knows_ascii_only_gets_a_bar_of_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    progress = _progress.Progress("Epoch 1/1", 4, _progress.BAR)
    progress.advance()
    progress.show({"über": 0.5})
    assert re.search(r"\rEpoch 1/1 1/4 =+\.+ .* - \?ber: 0\.5000$", raw.getvalue().decode())


class Screen:
    """As much of a terminal as the bar needs."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\d*[AJ]|.", text, re.DOTALL):
            if part == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif part == "\r":
                self.column = 0
            elif part.endswith("A") and len(part) > 1:
                self.row -= int(part[2:-1])
            elif part.endswith("J") and len(part) > 1:
                self.lines[self.row :] = [self.lines[self.row][: self.column]]
            else:
                assert self.column < self.columns, "a line was wrapped"
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + part + line[self.column + 1 :]
                self.column += 1


_PROGRAM = """
import sys, time
from nnarray.training import _progress
sys.stdin.readline()
print()
logs = dict(loss=0.69314, accuracy=0.5, auc=0.61234)
for epoch in range(2):
    progress = _progress.Progress(f"Epoch {epoch + 1}/2", 3, _progress.resolve_verbose("auto"))
    for step in range(3):
        progress.advance()
        progress.show(logs)
    progress.close(logs | {f"val_{name}": value for name, value in logs.items()})
"""


@pytest.mark.parametrize("width", [20, 30, 60, 80, 110, 200])
def test_on_a_real_terminal_each_epoch_leaves_all_its_figures_once(width: int) -> None:
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    control, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, np.asarray([40, width, 0, 0], dtype=np.uint16).tobytes())
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    given = {"stdin": subprocess.PIPE, "stdout": terminal, "env": environment | {"PYTHONIOENCODING": "utf-8"}}
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], **given) as process:
        os.close(terminal)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        written = b""
        while True:
            try:
                piece = os.read(control, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not piece:
                break
            written += piece
    os.close(control)
    assert process.returncode == 0
    screen = Screen(width)
    screen.feed(written.decode())
    text = "\n".join(screen.lines)
    assert text.count("Epoch 1/2") == text.count("Epoch 2/2") == 1
    for name in LOGS:
        assert len(re.findall(rf"(?<![a-z_]){name}: \d\.\d\d", text)) == 2
    assert len([line for line in screen.lines if line.strip()]) == {20: 14, 30: 14, 60: 6, 80: 6, 110: 2, 200: 2}[width]


class Display:
    """Stands in for IPython's: keeps what the cell shows, by its last state."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def display(self, data: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        place = len(self.shown)
        self.shown.append(data)

        class Handle:
            @staticmethod
            def update(data: dict[str, str], raw: bool) -> None:
                assert raw
                self.shown[place] = data

        return Handle


@pytest.mark.parametrize("verbose", ["auto", 1, 2, 0])
def test_jupyter_gets_a_real_bar_an_epoch(monkeypatch: pytest.MonkeyPatch, verbose: Any) -> None:
    shell = type("Shell", (), {"config": {"IPKernelApp": {}}})
    display = Display()
    monkeypatch.setitem(sys.modules, "IPython", type("IPython", (), {"get_ipython": staticmethod(lambda: shell)}))
    monkeypatch.setitem(sys.modules, "IPython.display", type("Module", (), {"display": display.display}))
    text = _fit(monkeypatch, io.StringIO(), verbose)
    if verbose in (0, 2):
        assert not display.shown
        assert len(text.splitlines()) == verbose
        return
    assert text == ""
    assert len(display.shown) == 2
    html = display.shown[1]["text/html"]
    assert '<progress max="3" value="3"></progress> 3/3 ' in html
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert re.search(rf" {name}: \d\.\d{{4}}", html)
        assert f" {name}: " in display.shown[1]["text/plain"]


def test_a_bar_in_jupyter_quotes_names_and_has_no_end_while_the_length_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    display = Display()
    monkeypatch.setitem(sys.modules, "IPython.display", type("Module", (), {"display": display.display}))
    screen = _screens.Notebook()
    screen.draw(Pass("<Epoch>", None, 2, 1.0, {"a<b": 1.0}))
    assert '&lt;Epoch&gt; <progress max="2"></progress> 2/? ' in display.shown[0]["text/html"]
    assert "a&lt;b: 1.0000" in display.shown[0]["text/html"]
    screen.draw(Pass("Epoch", None, 5, 1.0, ended=True))
    assert '<progress max="5" value="5"></progress> 5/5 ' in display.shown[0]["text/html"]
