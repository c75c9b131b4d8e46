"""Callbacks: hooks and their aliases, logs, what is refused, and the History as a table."""

from __future__ import annotations

import copy
import inspect
import re
from typing import Any

import numpy as np
import pytest

from nnarray import callbacks, layers, models, optimizers
from nnarray.callbacks import Callback, CallbackList, History, LambdaCallback

X = np.random.default_rng(0).standard_normal((40, 2)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")

HOOKS = [name for name in vars(Callback) if name.startswith("on_")]
#: Keras 3's, with the names of their parameters.
KERAS = {
    **{f"on_epoch_{end}": ["self", "epoch", "logs"] for end in ("begin", "end")},
    **{f"on_{phase}_{end}": ["self", "logs"] for phase in ("train", "test", "predict") for end in ("begin", "end")},
    **{
        f"on_{phase}batch_{end}": ["self", "batch", "logs"]
        for phase in ("", "train_", "test_", "predict_")
        for end in ("begin", "end")
    },
}


class Recorder(Callback):
    """Notes every hook that is called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []


def _noting(name: str) -> Any:
    return lambda self, *args: self.calls.append((name, *args))


for _name in HOOKS:
    setattr(Recorder, _name, _noting(_name))


def _model() -> Any:
    model = models.Sequential([layers.Dense(1, "sigmoid", input_dim=2)])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


def test_the_hooks_are_those_of_keras() -> None:
    assert {name: list(inspect.signature(getattr(Callback, name)).parameters) for name in HOOKS} == KERAS
    assert {name: list(inspect.signature(getattr(CallbackList, name)).parameters) for name in HOOKS} == KERAS
    for name in HOOKS:
        assert inspect.signature(getattr(Callback, name)).parameters["logs"].default is None


@pytest.mark.parametrize("name", HOOKS)
def test_a_list_hands_every_hook_on_with_a_plain_dict(name: str) -> None:
    first, second = Recorder(), Recorder()
    index = (3,) if len(KERAS[name]) == 3 else ()
    logs = {"loss": 0.5}
    hooks = CallbackList([first, second])
    getattr(hooks, name)(*index)
    getattr(hooks, name)(*index, logs)
    assert first.calls == second.calls == [(name, *index, {}), (name, *index, logs)]
    assert first.calls[1][-1] is logs


@pytest.mark.parametrize("end", ["begin", "end"])
def test_hooks_of_batches_call_their_short_names(end: str) -> None:
    calls: list[Any] = []
    short = {f"on_batch_{end}": lambda *args: calls.append(args)}
    callback, logs = LambdaCallback(**short), {"loss": 1.0}
    CallbackList(callback).on_test_batch_end(1, logs)
    getattr(CallbackList(callback), f"on_train_batch_{end}")(2, logs)
    getattr(callback, f"on_train_batch_{end}")(4, logs)
    assert calls == [(2, logs), (4, logs)]


def test_a_callback_in_fit_is_called_by_its_short_names_too() -> None:
    seen = []
    hook = LambdaCallback(
        on_batch_begin=lambda batch, logs: seen.append(("begin", batch)),
        on_batch_end=lambda batch, logs: seen.append((batch, type(logs.copy()), *sorted(logs))),
    )
    _model().fit(X, Y, batch_size=20, verbose=0, callbacks=[hook])
    assert seen == [
        *(("begin", 0), (0, dict, "accuracy", "loss"), ("begin", 1), (1, dict, "accuracy", "loss")),
    ]


def _order(calls: list[Any]) -> list[Any]:
    """Return hooks with their indices and the names in their logs."""
    assert all(type(logs) is dict for *_, logs in calls)
    return [(*names, *sorted(logs)) for *names, logs in calls]


FIGURES = ("accuracy", "loss")
TESTED = [
    ("on_test_begin",),
    *(("on_test_batch_begin", 0), ("on_test_batch_end", 0, *FIGURES)),
    ("on_test_end", *FIGURES),
]
STEP = [[("on_train_batch_begin", i), ("on_train_batch_end", i, *FIGURES)] for i in (0, 1)]
ALL = (*FIGURES, "val_accuracy", "val_loss")


def test_the_hooks_of_fit_come_in_keras_order() -> None:
    recorder = Recorder()
    held_out = (X[:20], Y[:20])
    _model().fit(X, Y, batch_size=20, epochs=2, verbose=0, validation_data=held_out, callbacks=recorder)
    epochs = [
        [("on_epoch_begin", epoch), *STEP[0], *STEP[1], *TESTED, ("on_epoch_end", epoch, *ALL)] for epoch in (0, 1)
    ]
    assert _order(recorder.calls) == [("on_train_begin",), *epochs[0], *epochs[1], ("on_train_end", *ALL)]


def test_training_that_is_stopped_at_a_batch_ends_after_it() -> None:
    class Stopping(Recorder):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.calls.append(("on_train_batch_end", batch, logs))
            self.model.stop_training = True

    recorder = Stopping()
    model = _model()
    history = model.fit(X, Y, batch_size=20, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[recorder])
    assert [name for name, *_ in recorder.calls if "test" not in name] == [
        *("on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end"),
        *("on_epoch_end", "on_train_end"),
    ]
    assert history.epoch == [0]
    assert set(history.history) == set(ALL)
    assert int(model.optimizer.iterations) == 1


def test_evaluate_and_predict_have_hooks() -> None:
    recorder = Recorder()
    model = _model()
    model.evaluate(X[:20], Y[:20], batch_size=20, verbose=0, callbacks=[recorder])
    assert _order(recorder.calls) == TESTED
    recorder.calls.clear()
    outputs = model.predict(X, batch_size=20, verbose=0, callbacks=[recorder])
    assert _order(recorder.calls) == [
        ("on_predict_begin",),
        *(("on_predict_batch_begin", 0), ("on_predict_batch_end", 0, "outputs")),
        *(("on_predict_batch_begin", 1), ("on_predict_batch_end", 1, "outputs")),
        ("on_predict_end",),
    ]
    seen = [logs["outputs"] for name, *_, logs in recorder.calls if name == "on_predict_batch_end"]
    np.testing.assert_array_equal(np.concatenate(seen), outputs)


@pytest.mark.parametrize("wrong", [Recorder, print, [None]])
def test_what_is_no_callback_is_refused_before_anything_is_changed(wrong: Any) -> None:
    model = _model()
    before = model.get_weights()
    for call in (model.fit, model.evaluate):
        with pytest.raises(TypeError, match="received"):
            call(X, Y, verbose=0, callbacks=wrong)
    with pytest.raises(TypeError, match="received"):
        model.predict(X, verbose=0, callbacks=wrong)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_a_callback_adds_to_its_logs_is_in_what_fit_returns() -> None:
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(lr=0.1 * (epoch + 1)))
    history = _model().fit(X, Y, epochs=2, verbose=0, callbacks=[add])
    assert history.history["lr"] == [0.1, 0.2]
    assert " lr\n" in repr(history)


def test_figures_of_a_batch_are_wanted_only_by_who_overrides_their_hook() -> None:
    class Epochs(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            """Look at epochs only."""

    class Batches(Epochs):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            """Look at batches by their short name."""

    def wanted(*given: Callback) -> list[str]:
        return [name for name in HOOKS if CallbackList(list(given), add_history=True).wants(name)]

    assert wanted() == wanted(Epochs()) == ["on_epoch_end"]
    assert wanted(Batches()) == ["on_epoch_end", "on_train_batch_end", "on_batch_end"]
    assert "on_test_batch_end" in wanted(LambdaCallback(on_test_batch_end=print))
    late = Callback()
    late.on_predict_end = print  # type: ignore[method-assign]
    assert "on_predict_end" in wanted(late)
    assert set(wanted(Recorder())) == set(HOOKS)


def test_figures_that_nobody_wants_are_not_read() -> None:
    class Unread:
        def keys(self) -> Any:
            raise RuntimeError("read")

    CallbackList([Callback()], add_history=True).on_train_batch_end(0, Unread())
    with pytest.raises(RuntimeError, match="read"):
        CallbackList(LambdaCallback(on_batch_end=print)).on_train_batch_end(0, Unread())


def test_what_a_callback_adds_to_its_logs_reaches_later_callbacks_and_the_history() -> None:
    seen = []
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(lr=0.1 * (epoch + 1)))
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)))
    hooks = CallbackList([look, add, look], add_history=True)
    logs = {"loss": 0.5}
    hooks.on_epoch_end(0, logs)
    hooks.on_epoch_end(1, {"loss": 0.25})
    assert hooks.history is hooks.callbacks[-1]
    assert hooks.history is not None
    assert hooks.history.history == {"loss": [0.5, 0.25], "lr": [0.1, 0.2]}
    assert seen == [["loss"], ["loss", "lr"]] * 2
    assert logs == {"loss": 0.5, "lr": 0.1}


def test_a_list_takes_one_callback_nested_ones_and_lists() -> None:
    a, b, c = Callback(), Callback(), Callback()
    assert CallbackList().callbacks == CallbackList(None).callbacks == CallbackList([]).callbacks == []
    assert CallbackList(a).callbacks == [a]
    assert CallbackList([a, (b, [c])]).callbacks == [a, b, c]
    inner = CallbackList([a, b])
    outer = CallbackList([inner, c])
    assert outer.callbacks == [a, b, c]
    outer.append(b)
    assert (outer.callbacks, inner.callbacks) == ([a, b, c, b], [a, b])
    with pytest.raises(TypeError, match="A callback is a Callback"):
        outer.append(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Recorder, r"Callbacks are objects: received the class Recorder\. Make one of it: callbacks=\[Recorder\(\)\]"),
        ([Callback(), History], r"received the class History\. Make one of it: callbacks=\[History\(\)\]"),
        (print, r"received <built-in function print> .*LambdaCallback\(on_epoch_end=function\)"),
        (["early_stopping"], r"A callback is a Callback, or several in a list: received 'early_stopping' \(str\)"),
        ([None], r"received None \(NoneType\)"),
        (3, r"received 3 \(int\)"),
        ({"stop": Callback()}, r"received \{'stop': .*\(dict\)"),
        (int, r"received <class 'int'>"),
    ],
)
def test_what_is_no_callback_is_refused_by_name(wrong: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        CallbackList(wrong)


def test_a_history_of_ones_own_is_the_one() -> None:
    own = History()
    hooks = CallbackList([own, Callback()], add_history=True)
    assert hooks.history is own
    assert len(hooks.callbacks) == 2
    assert CallbackList([Callback()]).history is None


def test_model_and_params_reach_every_callback_even_without_its_constructor() -> None:
    class Bare(Callback):
        def __init__(self, patience: int) -> None:
            self.patience = patience

    class Own(Callback):
        def set_model(self, model: Any) -> None:
            self.model = model

    bare, own, model = Bare(2), Own(), _model()
    assert (bare.model, bare.params) == (None, None)
    hooks = CallbackList([bare, own], add_history=True, model=model, epochs=3, verbose=0)
    assert bare.model is own.model is hooks.model is model
    assert bare.params == own.params == {"epochs": 3, "verbose": 0}
    assert model.history is hooks.history
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[bare])
    assert bare.params["epochs"] == 2


def test_functions_become_hooks_of_any_name() -> None:
    calls: list[Any] = []
    known = [*HOOKS, "set_model", "set_params"]
    for name in known:
        callback = LambdaCallback(**{name: lambda *args, name=name: calls.append((name, *args))})
        getattr(callback, name)(1, {})
    assert calls == [(name, 1, {}) for name in known]
    assert LambdaCallback(on_epoch_end=None, on_test_end=None).on_epoch_end(0) is None
    for wrong, message in (
        ({"on_epoch_ende": print}, "Unknown hook: 'on_epoch_ende'. Did you mean 'on_epoch_end'"),
        ({"model": print}, "Unknown hook: 'model'"),
        ({"on_test_end": 3}, r"A hook is a function: received on_test_end=3 \(int\)"),
    ):
        with pytest.raises(TypeError, match=message):
            LambdaCallback(**wrong)


def _history(epochs: int) -> History:
    history = History()
    for epoch in range(epochs):
        history.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)} | ({"val_loss": 0.5} if epoch % 2 else {}))
    return history


def test_a_history_prints_as_a_table() -> None:
    history = _history(3)
    assert repr(history) == str(history)
    assert [line.rstrip() for line in str(history).splitlines()] == [
        "History of 3 epochs",
        "─" * 25,
        "epoch     loss   val_loss",
        "─" * 25,
        "    1   1.0000",
        "    2   0.5000     0.5000",
        "    3   0.3333",
        "─" * 25,
    ]
    assert repr(History()) == "History of 0 epochs"
    assert repr(copy.deepcopy(history)) == repr(history)


def test_a_long_history_prints_its_ends() -> None:
    lines = str(_history(300)).splitlines()
    assert [line.split()[0] for line in lines[4:-1]] == ["1", "2", "3", "4", "…", *map(str, range(295, 301))]
    assert str(_history(11)).count("\n") == 15
    assert "…" not in str(_history(11))


def test_a_history_knows_which_epochs_had_a_figure() -> None:
    history = _history(5)
    assert history.rows_of("loss") == [0, 1, 2, 3, 4]
    assert history.rows_of("val_loss") == [1, 3]
    history.history["val_loss"].append(0.25)
    with pytest.raises(ValueError, match="received 3 of 'val_loss' and 5 epochs"):
        history.rows_of("val_loss")
    history.history["note"] = ["warm", None]
    assert "note" in repr(history)


def test_a_history_is_a_table_in_a_notebook() -> None:
    history = _history(1)
    history.on_epoch_end(1, {"a<b": 2.0})
    html = history._repr_html_()
    assert re.findall("<th>(.*?)</th>", html) == ["epoch", "loss", "a&lt;b"]
    assert re.findall("<tr>(?:<td>.*?</td>)+</tr>", html)[1] == "<tr><td>2</td><td></td><td>2.0000</td></tr>"


def test_a_history_says_where_it_ran() -> None:
    history = _model().fit(X, Y, verbose=0)
    assert repr(history).startswith("History of 1 epoch on numpy\n")
    fallen = _history(2)
    fallen.requested_backend, fallen.actual_backend = "cupy", "numpy"
    assert repr(fallen).startswith("History of 2 epochs on numpy (cupy was asked for)\n")
    fallen.requested_backend = "auto"
    assert repr(fallen).startswith("History of 2 epochs on numpy\n")


def test_the_package_has_keras_names() -> None:
    assert set(callbacks.__all__) >= {"Callback", "CallbackList", "History", "LambdaCallback"}


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.to("numpy"),
        lambda model: model.compile("sgd", "mse"),
        lambda model: model.add(layers.Dense(1)),
        lambda model: model.pop(),
    ],
)
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_train_batch_end", "on_test_begin"])
def test_a_callback_that_moves_compiles_or_changes_the_stack_is_refused_and_nothing_is_changed(
    change: Any, hook: str
) -> None:
    model = models.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 3))
    model.fit(x, x[:, 0], verbose=0)
    before, stack, optimizer = model.get_weights(), list(model.layers), model.optimizer
    callback = LambdaCallback(**{hook: lambda *_: change(model)})
    with pytest.raises(RuntimeError, match="cannot be changed while it is trained or evaluated: received"):
        model.fit(x, x[:, 0], verbose=0, validation_data=(x, x[:, 0]), callbacks=callback)
    assert (model.layers, model.optimizer) == (stack, optimizer)
    if hook == "on_epoch_begin":
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    change(model)


def test_an_optimizer_that_is_put_in_the_place_of_another_is_the_one_that_trains() -> None:
    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.ones((4, 3))
    model.fit(x, x[:, 0], verbose=0)
    before = model.get_weights()
    model.optimizer = optimizers.SGD(0.0)
    model.fit(x, x[:, 0], verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.optimizer = "sgd"
    model.fit(x, x[:, 0], verbose=0)
    assert isinstance(model.optimizer, optimizers.SGD)
    model.optimizer = None
    with pytest.raises(TypeError, match="Expected an optimizer"):
        model.fit(x, x[:, 0], verbose=0)
