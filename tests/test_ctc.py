"""The loss of labels without an alignment: PyTorch's values and slopes, all paths counted, and what is refused.

Keras' values and slopes stand among those of the other losses.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, losses, models, nn
from nnarray.losses import ctc
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library

_RANDOM = np.random.default_rng(5)
LOGITS = 2 * _RANDOM.normal(size=(4, 7, 5))
#: Repeats, the longest that has room, a single label, none at all.
LABELS = np.asarray([[1, 1, 2, 0], [4, 3, 4, 1], [2, 0, 0, 0], [0, 0, 0, 0]])


def total(labels: Any, logits: Any) -> Any:
    return nna.array_namespace(logits).sum(ctc(labels, logits))


def spelt(path: tuple[int, ...]) -> list[int]:
    """Return what a path spells: equal neighbours are one, blanks are dropped."""
    return [label for label, _ in itertools.groupby(path) if label != 0]


def test_the_probability_is_the_sum_over_all_paths_that_spell_the_labels() -> None:
    logits = LOGITS[:, :5, :3]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    labels = np.asarray([[1, 1, 0], [2, 1, 2], [0, 0, 0], [2, 0, 0]])
    for row, p, found in zip(labels, probabilities, ctc(labels, logits), strict=True):
        wanted = [label for label in row.tolist() if label]
        paths = [path for path in itertools.product(range(3), repeat=5) if spelt(path) == wanted]
        expected = -np.log(sum(np.prod(p[range(5), path]) for path in paths))
        np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("blank", [0, 4])
def test_values_and_slopes_are_those_of_pytorch(blank: int) -> None:
    torch = pytest.importorskip("torch")
    labels = LABELS if blank == 0 else np.where(LABELS == 4, 0, LABELS)
    counts, steps = np.asarray([3, 4, 1, 0]), np.asarray([7, 5, 6, 1])
    logits = torch.tensor(LOGITS, requires_grad=True)
    expected = torch.nn.functional.ctc_loss(
        *(torch.log_softmax(logits, -1).transpose(0, 1), torch.tensor(labels), torch.tensor(steps)),
        *(torch.tensor(counts), blank),
        reduction="none",
    )
    expected.sum().backward()
    found = nn.ctc_loss(labels, LOGITS, counts, steps, blank)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-13)

    def summed(z: Any) -> Any:
        return nna.array_namespace(z).sum(nn.ctc_loss(labels, z, counts, steps, blank))

    np.testing.assert_allclose(nna.grad(summed)(LOGITS), logits.grad.numpy(), atol=1e-13)


def test_slopes_are_those_of_differences_and_of_compiled_steps_on_every_library(place: Any) -> None:
    xp = nna.namespace(*place)
    labels, logits = to_library(LABELS, xp), to_library(LOGITS, xp)
    check_grads(lambda z: total(labels, z), (xp.asarray(LOGITS),), order=2)
    slope = nna.grad(lambda z: total(labels, z))
    compiled = nna.jit(lambda labels, z: nna.grad(lambda z: total(labels, z))(z))
    np.testing.assert_allclose(to_host(compiled(labels, logits)), to_host(slope(logits)), rtol=1e-12, atol=1e-13)
    assert type(ctc(labels, logits)) is type(logits)


def test_labels_without_enough_steps_have_infinite_loss_and_no_slope(place: Any) -> None:
    xp = nna.namespace(*place)
    labels, logits = to_library(np.asarray([[1, 1], [1, 2], [3, 0]]), xp), to_library(LOGITS[:3, :2], xp)
    values, slopes = to_host(ctc(labels, logits)), to_host(nna.grad(lambda z: total(labels, z))(logits))
    assert np.isinf(values).tolist() == [True, False, False]
    assert (slopes[0] == 0).all()
    assert np.isfinite(slopes).all()
    assert (slopes[1:] != 0).all()


def test_no_probability_is_too_small_and_classes_may_be_ruled_out() -> None:
    far = 300.0 * _RANDOM.normal(size=(2, 50, 4)).astype("float32")
    labels = np.tile([1, 2, 3], (2, 7))
    assert (ctc(labels, far) > 1000).all()
    assert np.isfinite(nna.grad(lambda z: total(labels, z))(far)).all()
    ruled_out = LOGITS.copy()
    ruled_out[:, :, 3] = -np.inf
    values = ctc(LABELS, ruled_out)
    others = np.where(LABELS == 4, 3, LABELS)
    np.testing.assert_allclose(values[[0, 2, 3]], ctc(others, np.delete(LOGITS, 3, axis=2))[[0, 2, 3]], rtol=1e-12)
    assert np.isinf(values[1])
    assert np.isfinite(nna.grad(lambda z: total(LABELS, z))(ruled_out)).all()


def test_empty_labels_and_narrow_dtypes_are_taken() -> None:
    np.testing.assert_allclose(ctc(np.zeros((4, 0), dtype=int), LOGITS), ctc(np.zeros((4, 3), dtype=int), LOGITS))
    for dtype in ("uint8", "int16", "float32"):
        np.testing.assert_array_equal(ctc(LABELS.astype(dtype), LOGITS), ctc(LABELS, LOGITS))
    assert ctc(LABELS, LOGITS.astype("float16")).dtype == np.float32
    np.testing.assert_allclose(ctc(LABELS.tolist(), LOGITS), ctc(LABELS, LOGITS))


def model_of(steps: int = 8) -> models.Sequential:
    nna.set_seed(0)
    model = models.Sequential([layers.Input((steps, 3)), layers.Dense(4)])
    model.compile(optimizer=nna.optimizers.Adam(0.05), loss="ctc")
    return model


def test_a_model_learns_to_spell() -> None:
    labels = np.asarray([[1, 2, 0], [3, 3, 1], [2, 0, 0], [3, 2, 1]])
    sounds = np.zeros((4, 8, 3), dtype="float32")
    for i, row in enumerate(labels):
        for place, label in enumerate(row[row > 0]):
            sounds[i, 2 * place + 1, label - 1] = 1.0
    model = model_of()
    history = model.fit(sounds, labels, epochs=200, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[1, 4]], r"ctc takes integer labels from 0 to 3: received y\[0, 1\] = 4"),
        ([[1, -1]], r"from 0 to 3: received y\[0, 1\] = -1"),
        ([[1.5, 1.0]], r"from 0 to 3: received y\[0, 0\] = 1.5"),
        ([[0, 2]], "0 for the blank, which stands behind the labels only"),
        ([[1, 2, 3, 1, 1, 1, 1]], r"received 8 steps, and y\[0\] needs 10"),
        ([[[1]]], r"labels of shape \(batch, n\) for outputs of shape \(batch, steps, classes\)"),
    ],
)
def test_labels_that_cannot_be_spelt_are_refused_before_training(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_of().fit(np.zeros((1, 8, 3), dtype="float32"), np.asarray(labels), verbose=0)


def test_arrays_of_other_shapes_are_refused() -> None:
    for labels, logits in ((LABELS[0], LOGITS), (LABELS, LOGITS[0]), (LABELS, LOGITS[:, :0])):
        with pytest.raises(ValueError, match=r"ctc takes labels of shape \(batch, n\) and logits"):
            ctc(labels, logits)
    with pytest.raises(ValueError, match="for outputs of shape"):
        losses.CTC().check_targets(LABELS, (None, 5))
