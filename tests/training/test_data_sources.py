"""Where examples come from: every source trains as the same arrays do."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import scipy.sparse

import nnarray as nna
from nnarray.utils import PyDataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = RNG.integers(0, 3, size=50)
SIZE = 8
COUNT = 7


def compiled(**kwargs: Any) -> Any:
    nna.utils.set_random_seed(1)
    model = nna.Sequential([nna.layers.Dense(5, activation="tanh"), nna.layers.Dense(3)])
    loss = nna.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(nna.optimizers.Adam(0.01), loss, metrics=["accuracy"], **kwargs)
    model.build((None, 6))
    return model


def batches() -> Iterator[Any]:
    for start in range(0, len(X), SIZE):
        yield X[start : start + SIZE], Y[start : start + SIZE]


class Again:
    def __iter__(self) -> Iterator[Any]:
        return batches()


class Numbered(PyDataset):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calls: list[str] = []

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        rows = slice(index * SIZE, (index + 1) * SIZE)
        return X[rows], Y[rows]

    def on_epoch_begin(self) -> None:
        self.calls.append("begin")

    def on_epoch_end(self) -> None:
        self.calls.append("end")


def loader() -> Any:
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.asarray(X), torch.asarray(Y))
    return torch.utils.data.DataLoader(data, batch_size=SIZE)


def on_disk(folder: Path, dtype: Any = np.float32) -> np.memmap:
    made = np.memmap(folder / "x.bin", dtype=dtype, mode="w+", shape=X.shape)
    made[:] = X
    made.flush()
    return np.memmap(folder / "x.bin", dtype=dtype, mode="r", shape=X.shape)


def expected(epochs: int = 2) -> tuple[dict[str, Any], list[Any]]:
    model = compiled()
    return model.fit(X, Y, batch_size=SIZE, epochs=epochs, shuffle=False, verbose=0).history, model.get_weights()


def check(model: Any, history: Any, epochs: int = 2) -> None:
    figures, weights = expected(epochs)
    for name, values in figures.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-6)
    for mine, theirs in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(np.asarray(mine), theirs, rtol=1e-5, atol=1e-6)


STREAMS: dict[str, Callable[[], Any]] = {
    "iterable": Again,
    "dataset": Numbered,
    "threads": lambda: Numbered(workers=3, max_queue_size=4),
    "loader": loader,
    "generator": lambda: itertools.chain.from_iterable(batches() for _ in range(2)),
}


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("eagerly", [False, True])
def test_streams_train_as_arrays_do(kind: str, eagerly: bool) -> None:
    model = compiled(run_eagerly=eagerly)
    steps = COUNT if kind == "generator" else None
    check(model, model.fit(STREAMS[kind](), epochs=2, shuffle=False, steps_per_epoch=steps, verbose=0))


@pytest.mark.parametrize("backend", ["array_api_strict", "jax", "torch"])
def test_streams_train_on_other_libraries(backend: str) -> None:
    pytest.importorskip(backend)
    model = compiled(backend=backend)
    check(model, model.fit(Again(), epochs=2, verbose=0))


def test_processes_make_the_batches_of_a_dataset() -> None:
    model = compiled()
    check(model, model.fit(Numbered(workers=1, use_multiprocessing=True), epochs=2, shuffle=False, verbose=0))


@pytest.mark.parametrize("kind", ["map", "swapped map", "sparse", "sparse array", "pandas", "polars", "wide"])
def test_what_is_kept_apart_trains_as_arrays_do(kind: str, tmp_path: Path) -> None:
    made: dict[str, Callable[[], Any]] = {
        "map": lambda: on_disk(tmp_path),
        "swapped map": lambda: on_disk(tmp_path, ">f4"),
        "sparse": lambda: scipy.sparse.csr_matrix(X),
        "sparse array": lambda: scipy.sparse.coo_array(X),
        "pandas": lambda: pandas.DataFrame(X, columns=list("abcdef")),
        "polars": lambda: pytest.importorskip("polars").DataFrame(X, schema=list("abcdef")),
        "wide": lambda: pandas.DataFrame({name: X[:, i].astype("f8") for i, name in enumerate("abcdef")}),
    }
    model = compiled()
    check(model, model.fit(made[kind](), Y, batch_size=SIZE, epochs=2, shuffle=False, verbose=0))
    arrays = compiled()
    arrays.fit(X, Y, batch_size=SIZE, epochs=2, validation_split=0.2, verbose=0)
    shuffled = compiled()
    shuffled.fit(made[kind](), Y, batch_size=SIZE, epochs=2, validation_split=0.2, verbose=0)
    for name, values in arrays.history.history.items():
        np.testing.assert_allclose(shuffled.history.history[name], values, rtol=1e-5)
    np.testing.assert_allclose(shuffled.predict(made[kind](), verbose=0), arrays.predict(X, verbose=0), atol=1e-5)


def test_columns_of_several_kinds_are_numbers() -> None:
    frame = pandas.DataFrame(
        {"a": [1, 2], "b": [0.5, 1.5], "c": [True, False], "d": pandas.array([3, 4], dtype="Int64")}
    )
    found = nna.training.as_data(frame).x
    np.testing.assert_array_equal(found, [[1, 0.5, 1, 3], [2, 1.5, 0, 4]])
    for column, pattern in (
        ({"town": ["x", "y"]}, "'town'"),
        ({"n": pandas.array([1, None], dtype="Int64")}, r"'n'.*row 1|x\[1, 4\]"),
    ):
        with pytest.raises((TypeError, ValueError), match=pattern):
            compiled().fit(frame.assign(**column), [0, 1], verbose=0)


def test_evaluation_and_prediction_take_streams() -> None:
    model = compiled()
    model.fit(X, Y, verbose=0)
    figures = model.evaluate(X, Y, batch_size=SIZE, verbose=0)
    outputs = model.predict(X, verbose=0)
    for kind in STREAMS:
        once = {"generator": lambda: batches()}
        make = once.get(kind, STREAMS[kind])
        np.testing.assert_allclose(model.evaluate(make(), verbose=0), figures, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(model.predict(make(), verbose=0)), outputs, rtol=1e-5, atol=1e-6)
    assert len(model.predict(Again(), steps=2, verbose=0)) == 2 * SIZE
    np.testing.assert_allclose(
        model.evaluate(Again(), steps=2, verbose=0), model.evaluate(X[: 2 * SIZE], Y[: 2 * SIZE], verbose=0), rtol=1e-6
    )


@pytest.mark.parametrize("kind", ["iterable", "dataset", "arrays", "generator"])
def test_validation_data_may_be_a_stream(kind: str) -> None:
    model = compiled()
    held = {"arrays": lambda: (X, Y), "generator": lambda: itertools.cycle(batches())}.get(kind, STREAMS.get(kind))
    steps = COUNT if kind == "generator" else None
    history = model.fit(
        X, Y, batch_size=SIZE, epochs=3, validation_data=held(), validation_steps=steps, validation_batch_size=SIZE,
        validation_freq=2, verbose=0,
    )  # fmt: skip
    assert len(history.history["val_loss"]) == 1
    other = compiled()
    other.fit(X, Y, batch_size=SIZE, epochs=2, verbose=0)
    np.testing.assert_allclose(history.history["val_loss"], other.evaluate(X, Y, verbose=0)[0], rtol=1e-5)


def test_validation_takes_place_after_the_epochs_asked_for() -> None:
    model = compiled()
    history = model.fit(X, Y, epochs=5, validation_data=(X, Y), validation_freq=[1, 4], verbose=0)
    assert history.rows_of("val_loss") == [0, 3]


def test_an_epoch_of_some_steps_goes_on_where_the_last_one_ended() -> None:
    model, other = compiled(), compiled()
    history = model.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0)
    other.fit(X[: 6 * SIZE], Y[: 6 * SIZE], batch_size=SIZE, shuffle=False, verbose=0)
    assert history.params["steps"] == 3
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_arrays_in_steps_are_taken_as_keras_takes_them() -> None:
    # Seven batches in epochs of four: four, the three that are left, and from the beginning again.
    model, other = compiled(), compiled()
    with pytest.warns(UserWarning, match="ran out"):
        model.fit(X, Y, batch_size=SIZE, steps_per_epoch=4, epochs=3, shuffle=False, verbose=0)
    again = np.r_[0:50, 0 : 4 * SIZE]
    sizes = [slice(i, min(i + SIZE, 50)) for i in range(0, 50, SIZE)]
    for rows in [*sizes, *sizes[:4]]:
        other.train_on_batch(X[rows], Y[rows])
    assert len(again) == 82
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_what_was_drawn_ahead_begins_the_next_epoch() -> None:
    model = compiled()
    drawn = []

    def noted() -> Iterator[Any]:
        for batch in batches():
            drawn.append((threading.current_thread() is threading.main_thread(), len(drawn)))
            yield batch

    model.fit(noted(), steps_per_epoch=3, epochs=2, prefetch=2, verbose=0)
    assert not any(is_main for is_main, _ in drawn)
    other = compiled()
    other.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0)
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    drawn.clear()
    model.fit(noted(), steps_per_epoch=3, epochs=2, verbose=0)
    assert drawn == [(True, i) for i in range(6)]


def test_a_generator_may_use_its_arrays_again() -> None:
    def reusing() -> Iterator[Any]:
        x, y = np.empty((SIZE, 6), np.float32), np.empty(SIZE, np.int64)
        for start in range(0, 48, SIZE):
            x[:], y[:] = X[start : start + SIZE], Y[start : start + SIZE]
            yield x, y

    for backend in ("numpy", "jax", "torch", "array_api_strict"):
        pytest.importorskip(backend)
        model, other = compiled(backend=backend), compiled(backend=backend)
        model.fit(reusing(), verbose=0)
        other.fit(X[:48], Y[:48], batch_size=SIZE, shuffle=False, verbose=0)
        for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-5, atol=1e-6)


def test_the_batches_of_a_dataset_are_shuffled_and_hooks_run() -> None:
    orders: list[list[int]] = []

    class Noted(Numbered):
        def __getitem__(self, index: int) -> Any:
            orders[-1].append(index)
            return super().__getitem__(index)

        def on_epoch_begin(self) -> None:
            super().on_epoch_begin()
            orders.append([])

    orders.append([])
    data = Noted()
    compiled().fit(data, epochs=3, verbose=0)
    assert [sorted(order) for order in orders[1:]] == [list(range(COUNT))] * 3
    assert orders[1] != orders[2]
    assert data.calls == ["begin", "end"] * 3


def test_batches_of_several_shapes_train() -> None:
    def varied() -> Iterator[Any]:
        yield X[:8], Y[:8]
        yield X[:8], Y[:8, np.newaxis]
        yield X[:8].astype(np.float64), Y[:8].astype(np.int8)
        yield X[:5].tolist(), Y[:5].tolist()
        yield X[:5], Y[:5], np.ones(5)

    model, other = compiled(), compiled()
    model.fit(varied(), verbose=0)
    for count in (8, 8, 8, 5, 5):
        other.train_on_batch(X[:count], Y[:count])
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_frames_of_other_dtypes_keep_their_numbers() -> None:
    def frames() -> Iterator[Any]:
        yield pandas.DataFrame(np.ones((8, 6), np.int64)), Y[:8]
        yield pandas.DataFrame(X[:8].astype(np.float64)), Y[:8]

    model, other = compiled(), compiled()
    model.fit(frames(), verbose=0)
    other.train_on_batch(np.ones((8, 6)), Y[:8])
    other.train_on_batch(X[:8], Y[:8])
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_asking_for_batches_takes_one_iterator_for_each_pass() -> None:
    started = []

    class Counted(Again):
        def __iter__(self) -> Iterator[Any]:
            started.append(len(started))
            return super().__iter__()

    compiled().fit(Counted(), epochs=3, verbose=0)
    assert started == [0, 1, 2]


def test_a_generator_drawn_ahead_can_be_gone_on_with() -> None:
    model, drawn = compiled(), itertools.cycle(batches())

    def slow() -> Iterator[Any]:
        for batch in drawn:
            time.sleep(0.002)
            yield batch

    generator = slow()
    for _ in range(5):
        model.fit(generator, steps_per_epoch=2, prefetch=3, verbose=0)


def test_the_end_of_a_batch_is_told_for_the_last_ones_too() -> None:
    told: list[int] = []
    model = compiled(steps_per_execution=3)
    hook = nna.callbacks.LambdaCallback(on_train_batch_end=lambda batch, _: told.append(batch))
    model.fit(Again(), callbacks=hook, verbose=0)
    assert told == [2, 5, 6]


# -- weights of classes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["labels", "column", "one-hot", "stream"])
def test_classes_are_weighted_as_their_examples_would_be(form: str) -> None:
    weights = {0: 0.5, 2: 3.0}
    of_examples = np.asarray([{0: 0.5, 1: 1.0, 2: 3.0}[y] for y in Y])
    model, other = compiled(), compiled()
    if form == "one-hot":
        for each in (model, other):
            each.compile("adam", nna.losses.CategoricalCrossentropy(from_logits=True), weighted_metrics=["accuracy"])
    y = {"column": Y[:, np.newaxis], "one-hot": nna.utils.to_categorical(Y, 3)}.get(form, Y)
    if form == "stream":
        model.fit(Again(), epochs=2, class_weight=weights, verbose=0)
        other.fit(X, Y, batch_size=SIZE, epochs=2, sample_weight=of_examples, shuffle=False, verbose=0)
    else:
        model.fit(X, y, epochs=2, class_weight=weights, shuffle=False, verbose=0)
        other.fit(X, y, epochs=2, sample_weight=of_examples, shuffle=False, verbose=0)
    for name, values in other.history.history.items():
        assert model.history.history[name] == pytest.approx(values, rel=1e-6)
    model, other = compiled(), compiled()
    assert model.train_on_batch(X, Y, class_weight=weights) == pytest.approx(other.train_on_batch(X, Y, of_examples))


@pytest.mark.parametrize("kind", ["arrays", "map"])
def test_what_is_held_out_is_not_weighted_by_classes(kind: str, tmp_path: Path) -> None:
    model, other = compiled(), compiled()
    x = X if kind == "arrays" else on_disk(tmp_path)
    history = model.fit(x, Y, class_weight={0: 5.0}, validation_split=0.3, shuffle=False, verbose=0).history
    weights = np.where(Y[:35] == 0, 5.0, 1.0)
    held = X[35:], Y[35:]
    plain = other.fit(X[:35], Y[:35], sample_weight=weights, validation_data=held, shuffle=False, verbose=0).history
    assert history["val_loss"] == pytest.approx(plain["val_loss"], rel=1e-6)
    assert history["loss"] == pytest.approx(plain["loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("class_weight", "pattern"),
    [
        ({3: 1.0}, "from 0 to 2: received 3"),
        ({-1: 1.0}, "received -1"),
        ({"0": 1.0}, "received '0'"),
        ({0: -1.0}, "not negative: received -1.0 for class 0"),
        ({0: float("nan")}, "received nan"),
        ([1.0, 2.0], "must be a dict"),
    ],
)
def test_weights_of_classes_that_are_none_are_refused(class_weight: Any, pattern: str) -> None:
    model = compiled()
    with pytest.raises((TypeError, ValueError), match=pattern):
        model.fit(X, Y, class_weight=class_weight, verbose=0)
    assert model.optimizer.iterations == 0


# -- bad input ---------------------------------------------------------------------------------------------------------


def failing(after: int, error: Exception) -> Iterator[Any]:
    yield from itertools.islice(batches(), after)
    raise error


@pytest.mark.parametrize("prefetch", [None, 2])
def test_an_error_says_in_which_batch_it_came(prefetch: int | None) -> None:
    model = compiled()
    with pytest.raises(OSError, match="no such file") as caught:
        model.fit(failing(3, OSError("no such file")), prefetch=prefetch, verbose=0)
    assert any("batch 3 of generator" in note for note in caught.value.__notes__)
    assert model.optimizer.iterations.numpy() == 3
    model.fit(X, Y, verbose=0)

    class Broken(Numbered):
        def __getitem__(self, index: int) -> Any:
            if index == 4:
                raise KeyError("gone")
            return super().__getitem__(index)

    with pytest.raises(KeyError) as caught:
        model.fit(Broken(workers=2), shuffle=False, verbose=0)
    assert any("batch 4 of Broken" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("batch", "pattern"),
    [
        ((X[:8, :5], Y[:8]), "shape"),
        ((X[:8], Y[:7]), "same number of examples"),
        ((X[:8], Y[:8] + 1), "from 0 to 2"),
        ((X[:8], Y[:8], -np.ones(8)), "must not be negative"),
        ((X[:8],), "y is missing"),
        ((X[:8], Y[:8], None, None), r"\(x, y, sample_weight\)"),
    ],
)
def test_a_batch_unlike_the_others_is_refused_with_its_number(batch: Any, pattern: str) -> None:
    model = compiled()
    with pytest.raises(ValueError, match=pattern) as caught:
        model.fit(iter([(X[:8], Y[:8]), (X[8:16], Y[8:16]), batch]), verbose=0)
    assert any("batch 2 of" in note for note in caught.value.__notes__)


def test_what_ends_early_ends_the_training() -> None:
    model = compiled()
    with pytest.warns(UserWarning, match="ran out: received 1 batches for a pass that takes 3.*Training stops"):
        history = model.fit(batches(), steps_per_epoch=3, epochs=5, verbose=0)
    assert len(history.epoch) == 3
    with pytest.warns(UserWarning, match="ran out: received 0 batches"):
        history = model.fit(itertools.islice(batches(), 6), steps_per_epoch=3, epochs=5, verbose=0)
    assert len(history.epoch) == 2


def endless() -> Iterator[Any]:
    while True:
        yield X, Y


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ({"x": batches, "y": Y}, "y must not be given beside batches"),
        ({"x": batches, "sample_weight": Y}, "sample_weight must not be given"),
        ({"x": batches, "validation_split": 0.5}, "validation_split takes the end of arrays"),
        ({"x": batches, "epochs": 2}, "do for one epoch.*steps_per_epoch"),
        ({"x": endless}, "without an end need steps_per_epoch"),
        ({"x": lambda: itertools.cycle([(X, Y)])}, "without an end need steps_per_epoch"),
        ({"x": lambda: iter([])}, "at least one batch"),
        ({"x": Again, "validation_data": batches, "epochs": 2}, "do for one epoch.*validation_steps"),
        ({"x": Again, "validation_data": endless}, "without an end need validation_steps"),
        ({"x": Again, "steps_per_epoch": 0}, "steps_per_epoch must be a positive integer"),
        ({"x": Again, "validation_freq": 0}, "validation_freq must be a positive integer"),
        ({"x": Again, "prefetch": -1}, "prefetch"),
    ],
)
def test_streams_that_cannot_be_trained_on_are_refused_before(arguments: dict[str, Any], pattern: str) -> None:
    model = compiled()
    made = {name: value() if callable(value) else value for name, value in arguments.items()}
    with pytest.raises((TypeError, ValueError), match=pattern):
        model.fit(**made, verbose=0)
    assert model.optimizer.iterations == 0


def test_a_size_of_batches_that_changes_nothing_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="batch_size=4 changes nothing"):
        compiled().fit(Again(), batch_size=4, verbose=0)


def test_a_map_larger_than_memory_is_read_piece_by_piece(tmp_path: Path) -> None:
    program = f"""
import numpy as np, nnarray as nna
rows = 1_000_000
with open({str(tmp_path / "large.bin")!r}, "wb") as file:
    file.truncate(rows * 500 * 4)
x = np.memmap({str(tmp_path / "large.bin")!r}, dtype="f4", mode="r", shape=(rows, 500))
y = np.zeros(rows, dtype=np.int64)
model = nna.Sequential([nna.layers.Dense(2)])
model.compile("sgd", nna.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x[:20_000], y[:20_000], batch_size=2000, verbose=0)
def resident(what):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(what)) / 1024
before = resident("VmRSS")
model.fit(x, y, batch_size=2000, verbose=0, shuffle=False)
print(resident("VmHWM") - before)
"""
    if sys.platform != "linux":
        pytest.skip("the memory in use is read from /proc")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 300
