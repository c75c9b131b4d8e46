"""What a step of training asks of a GPU, counted by the host's stand-in for CUDA: `ci/host-cuda` runs these."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, losses, models, optimizers
from tests.host_cuda.counts import Counts, counted

pytestmark = pytest.mark.skipif("NNARRAY_HOST_CUDA" not in os.environ, reason="needs: ci/host-cuda ci/test")
BATCH = 128
#: By how many steps the longer of two runs that are compared is longer.
STEPS = 3


def network(optimizer: Any, from_logits: bool) -> models.Sequential:
    hidden = [part for _ in range(2) for part in (layers.Dense(512, activation="relu"), layers.Dropout(0.2))]
    model = models.Sequential([*hidden, layers.Dense(10, activation=None if from_logits else "softmax")])
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], weighted_metrics=["accuracy"], backend="cupy")
    return model


def examples() -> list[Any]:
    """Return inputs, labels and weights of 6 batches on the device, as what is sent there is counted per step."""
    random = np.random.default_rng(0)
    x = random.standard_normal((6 * BATCH, 784), "float32")
    arrays = x, random.integers(0, 10, 6 * BATCH), random.random(6 * BATCH, "float32")
    return [nna.namespace("cupy").asarray(array).value for array in arrays]


def of_more_steps(run: Callable[[int], Any], fewer: int = 3, more: int = 3 + STEPS) -> tuple[Counts, Counts]:
    """Return what a run of fewer and one of more steps asked for, after both were made once."""
    found = []
    for steps in (fewer, more):
        run(steps)
        with counted() as counts:
            run(steps)
        found.append(counts)
    return found[0], found[1]


@pytest.mark.parametrize("from_logits", [False, True], ids=["probabilities", "logits"])
@pytest.mark.parametrize("clipping", [None, "clipvalue", "clipnorm", "global_clipnorm"])
def test_a_step_of_fit_neither_waits_nor_moves_nor_allocates(clipping: str | None, from_logits: bool) -> None:
    x, y, weights = examples()
    model = network(optimizers.Adam(**({clipping: 0.5} if clipping else {})), from_logits)

    def fit(steps: int) -> None:
        n = steps * BATCH
        model.fit(x[:n], y[:n], sample_weight=weights[:n], batch_size=BATCH, verbose=0)

    fewer, more = of_more_steps(fit)
    assert more.launches > fewer.launches
    for kind in ("waits", "to_device", "to_host", "between_devices"):
        assert getattr(more, kind) == getattr(fewer, kind), more.table()
    steps = Counts(events=more.events - fewer.events)
    assert {cause for cause, _ in steps.by_cause("allocations")} <= {"training._data.moved_array"}, steps.table()


def test_nor_does_one_of_a_deep_network_of_small_layers_which_copies_its_packed_weights_alone() -> None:
    x, y, _ = examples()
    model = models.Sequential([layers.Dense(4, activation="relu") for _ in range(12)] + [layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse", backend="cupy")
    fewer, more = of_more_steps(lambda n: model.fit(x[: 8 * n, :8], y[: 8 * n], batch_size=8, verbose=0))
    steps = Counts(events=more.events - fewer.events)
    assert more.launches > fewer.launches
    assert steps.waits == steps.to_device == steps.to_host == 0, steps.table()
    assert steps.by_cause("on_device") == {("variables._pack.Pack._write", "cudaMemcpyAsync"): STEPS}, steps.table()


#: At most so many launches, waits, copies to the device and to the host, a step or a call.
LIMITS = {
    "evaluate": (34, 0, 0, 0),
    "predict": (14, 0, 0, 0),
    "train_on_batch": (170, 12, 2, 6),
    "jit": (4, 0, 0, 0),
    "jit of grad": (7, 0, 0, 0),
    "grad": (14, 0, 0, 0),
}


@pytest.mark.parametrize("what", LIMITS)
def test_other_calls_ask_for_no_more_than_they_did(what: str) -> None:
    x, y, _ = examples()
    host = [nna.backends.get_backend("cupy").to_numpy(array[:BATCH]) for array in (x, y)]
    model = network(optimizers.Adam(), from_logits=False)
    model.train_on_batch(*host)
    xp = nna.namespace("cupy")
    data, weights = x[:BATCH], xp.asarray(np.random.default_rng(1).standard_normal((784, 10), "float32")).value

    def f(w: Any) -> Any:
        xp = nna.array_namespace(w)
        return xp.mean(xp.tanh(xp.asarray(data) @ w) ** 2)

    called = {"jit": nna.jit(f), "jit of grad": nna.jit(nna.grad(f)), "grad": nna.grad(f)}

    def run(steps: int) -> None:
        n = steps * BATCH
        if what == "evaluate":
            model.evaluate(x[:n], y[:n], batch_size=BATCH, verbose=0)
        elif what == "predict":
            model.predict(x[:n], batch_size=BATCH, verbose=0)
        elif what == "train_on_batch":
            for _ in range(steps):
                model.train_on_batch(*host)
        else:
            for _ in range(steps):
                called[what](weights)

    fewer, more = of_more_steps(run)
    asked = [getattr(more, kind) - getattr(fewer, kind) for kind in ("launches", "waits", "to_device", "to_host")]
    allowed = [STEPS * limit for limit in LIMITS[what]]
    assert all(number <= limit for number, limit in zip(asked, allowed, strict=True)), (asked, more.table())
