"""Keras' helpers for data and the kernel of the Fourier transform: what Keras gives, on every library; refusals."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.signal

import nnarray as nna
from nnarray import initializers, layers, models, utils
from nnarray.initializers import STFT, VarianceScaling
from nnarray.initializers._stft import _COSINES, cosine_window
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library
from tests.keras_utils import ARRAY, NORMALIZE, NUMBERS, PAD, SEQUENCES, SPLIT, STFT_SHAPE
from tests.keras_utils import STFT as STFT_CASES

KERAS = json.loads(NUMBERS.read_text())


@pytest.mark.parametrize(("given", "expected"), [*zip(NORMALIZE, KERAS["normalize"], strict=True)])
def test_vectors_are_divided_by_their_lengths_as_by_keras(given: Any, expected: Any, place: Any) -> None:
    x = to_library(ARRAY, nna.namespace(*place))
    found = utils.normalize(x, **given)
    assert type(found) is type(x)
    np.testing.assert_allclose(to_host(found), expected, rtol=1e-6, atol=1e-9)


def test_normalize_takes_lists_integers_and_recorded_arrays_and_goes_along_the_first_axis() -> None:
    assert utils.normalize([3, 4]).dtype == nna.config.floatx()
    np.testing.assert_allclose(utils.normalize(np.asarray([[3.0, 0.0], [4.0, 2.0]]), axis=0), [[0.6, 0], [0.8, 1]])
    check_grads(utils.normalize, (nna.namespace("numpy").asarray(ARRAY[:, 1:]),))
    with pytest.raises(ValueError, match="Vectors lie along an axis"):
        utils.normalize(3.0)


@pytest.mark.parametrize(("case", "expected"), [*zip(PAD, KERAS["pad"], strict=True)])
def test_sequences_are_padded_as_by_keras(case: Any, expected: Any) -> None:
    name, given = case
    found = utils.pad_sequences(SEQUENCES[name], **given)
    assert found.tolist() == expected
    assert found.dtype == np.dtype(given.get("dtype", "int32"))


def test_no_sequences_and_empty_ones_give_empty_rows() -> None:
    assert utils.pad_sequences([]).shape == (0, 0)
    assert utils.pad_sequences([[], []]).shape == (2, 0)
    assert utils.pad_sequences([np.ones((2, 3)), np.ones((1, 3))]).shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("sequences", "given", "message"),
    [
        ([1, 2], {}, r"Each sequence is a list or an array: received sequences\[0\] = 1"),
        ([[1]], {"padding": "past"}, "padding must be 'pre' or 'post': received padding='past'. Did you mean 'post'"),
        ([[1]], {"truncating": "mid"}, "truncating must be 'pre' or 'post'"),
        ([[1]], {"maxlen": 0}, "maxlen must be a positive integer"),
        ([[1]], {"value": "x"}, "Text needs dtype=object: received value='x', dtype='int32'"),
        ([[[1, 2]], [[1]]], {}, r"have one shape: received \(1,\) in sequences\[1\], and \(2,\) before"),
    ],
)
def test_sequences_that_cannot_be_padded_are_refused(sequences: Any, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        utils.pad_sequences(sequences, **given)


@pytest.mark.parametrize(("given", "expected"), [*zip(SPLIT, KERAS["split_sizes"], strict=True)])
def test_data_are_split_into_parts_of_keras_sizes(given: Any, expected: Any, place: Any) -> None:
    x = to_library(np.arange(10.0), nna.namespace(*place))
    left, right = utils.split_dataset({"a": x, "b": [x]}, **given)
    for part, rows in ((left, np.arange(expected[0])), (right, np.arange(10 - expected[1], 10))):
        assert type(part["a"]) is type(x)
        for found in (part["a"], part["b"][0]):
            assert to_host(found).tolist() == rows.tolist()


def test_parts_that_leave_out_examples_are_the_first_and_the_last() -> None:
    left, right = utils.split_dataset(np.arange(10), 0.3, 2)
    assert (left.tolist(), right.tolist()) == ([0, 1, 2], [8, 9])


def test_shuffled_parts_have_every_example_once_and_all_arrays_alike(place: Any) -> None:
    x = to_library(np.arange(50), nna.namespace(*place))
    (a, b), (c, d) = utils.split_dataset((x, x), right_size=10, shuffle=True, seed=3)
    found = [*to_host(a).tolist(), *to_host(c).tolist()]
    assert sorted(found) == list(range(50)) != found
    assert found == [*to_host(b).tolist(), *to_host(d).tolist()]
    again = utils.split_dataset(np.arange(50), right_size=10, shuffle=True, seed=3)
    assert np.concatenate(again).tolist() == found


@pytest.mark.parametrize(
    ("data", "given", "error", "message"),
    [
        (np.ones(4), {}, ValueError, "Give the size of a part"),
        (np.ones(4), {"left_size": 1.0}, ValueError, "a share between 0 and 1: received left_size=1.0"),
        (np.ones(4), {"right_size": 0}, ValueError, "must be a positive integer, .*received right_size=0"),
        (np.ones(4), {"left_size": True}, ValueError, "received left_size=True"),
        (np.ones(4), {"left_size": 4}, ValueError, "Both parts must have an example.* which is 4 and 0"),
        (np.ones(4), {"left_size": 3, "right_size": 2}, ValueError, "not more than 4 together"),
        ((np.ones(4), np.ones(3)), {"left_size": 1}, ValueError, r"the same number of rows: received \[3, 4\]"),
        ([1, 2, 3], {"left_size": 1}, TypeError, "Make lists of numbers arrays first"),
        (np.asarray(3.0), {"left_size": 1}, TypeError, "a row for each example"),
    ],
)
def test_splits_that_cannot_be_are_refused(data: Any, given: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        utils.split_dataset(data, **given)


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("rate", [1, 2])
@pytest.mark.parametrize("bounds", [(None, None), (2, 17), (5, None)])
def test_windows_have_the_rows_that_they_say(stride: int, rate: int, bounds: Any, place: Any) -> None:
    xp = nna.namespace(*place)
    series = np.arange(40.0).reshape(20, 2)
    x, y = to_library(series, xp), to_library(series[:, 0], xp)
    length = 4
    start, end = bounds[0] or 0, bounds[1] or 20
    windows = utils.timeseries_dataset_from_array(
        x, y, length, stride, rate, batch_size=3, start_index=bounds[0], end_index=bounds[1]
    )
    firsts = [first for first in range(start, end, stride) if first + (length - 1) * rate < end]
    found = [(to_host(a), to_host(b)) for a, b in windows]
    assert [len(a) for a, _ in found] == [3] * (len(firsts) // 3) + [len(firsts) % 3] * (len(firsts) % 3 > 0)
    expected = np.stack([series[first : first + (length - 1) * rate + 1 : rate] for first in firsts])
    np.testing.assert_array_equal(np.concatenate([a for a, _ in found]), expected)
    np.testing.assert_array_equal(np.concatenate([b for _, b in found]), series[firsts, 0])


def test_windows_without_targets_are_inputs_alone_and_those_without_a_target_are_left_out() -> None:
    series = list(range(10))
    assert utils.timeseries_dataset_from_array(series, None, 2, batch_size=4)[0].tolist()[:2] == [[0, 1], [1, 2]]
    ahead = utils.timeseries_dataset_from_array(series, series[4:], 3, batch_size=100)
    assert ahead[0][1].tolist() == [4, 5, 6, 7, 8, 9]
    assert ahead[0][0][-1].tolist() == [5, 6, 7]
    with pytest.raises(IndexError, match="There are 1 batches: received number 1"):
        ahead[1]


def test_shuffled_windows_keep_their_targets_and_a_seed_gives_the_same_order() -> None:
    series = np.arange(30)
    made = [utils.timeseries_dataset_from_array(series, series, 3, shuffle=True, seed=s)[0] for s in (1, 1, 2)]
    for x, y in made:
        assert sorted(y.tolist()) == list(range(28))
        np.testing.assert_array_equal(x[:, 0], y)
    np.testing.assert_array_equal(made[0][1], made[1][1])
    assert (made[0][1] != made[2][1]).any()


def test_a_model_is_trained_on_windows_which_can_be_pickled() -> None:
    series = np.sin(np.arange(100) / 5.0).astype("float32")
    windows = utils.timeseries_dataset_from_array(series, series[4:], 4, batch_size=16)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(windows))[2][0], windows[2][0])
    nna.set_seed(0)
    model = models.Sequential([layers.Dense(1)])
    model.compile(optimizer=nna.optimizers.Adam(0.05), loss="mse")
    assert model.fit(windows, epochs=30, verbose=0).history["loss"][-1] < 0.02


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sequence_length": 0}, "sequence_length must be a positive integer"),
        ({"sequence_stride": 0}, "sequence_stride must be a positive integer"),
        ({"sampling_rate": 0}, "sampling_rate must be a positive integer"),
        ({"batch_size": None}, "batch_size must be a positive integer"),
        ({"start_index": 10}, "within 10 rows: received start_index=10, end_index=10"),
        ({"end_index": 11}, "within 10 rows: received start_index=0, end_index=11"),
        ({"sequence_length": 6, "sampling_rate": 2}, "one in 2, needs 11 rows .* received 10 rows and 10 targets"),
    ],
)
def test_windows_that_have_no_room_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        utils.timeseries_dataset_from_array(np.ones(10), np.ones(10), **{"sequence_length": 2, **given})


@pytest.mark.parametrize(("given", "expected"), [*zip(STFT_CASES, KERAS["stft"], strict=True)])
def test_kernels_of_the_fourier_transform_are_keras(given: Any, expected: Any) -> None:
    made = STFT(**given)
    assert made(STFT_SHAPE).dtype == np.float32
    np.testing.assert_allclose(made(STFT_SHAPE), expected, atol=1e-5)  # Keras computes the angles in float32
    again = initializers.deserialize(initializers.serialize(made))
    np.testing.assert_array_equal(again(STFT_SHAPE), made(STFT_SHAPE))


def test_a_product_with_the_kernels_is_the_transform_of_a_frame() -> None:
    frame = np.cos(np.arange(8.0)) + np.arange(8.0)
    real, imag = (frame @ STFT(side, "hamming", None)((8, 1, 5), "float64")[:, 0] for side in ("real", "imag"))
    expected = np.fft.rfft(frame * scipy.signal.get_window("hamming", 8, fftbins=False))
    np.testing.assert_allclose(real + 1j * imag, expected, atol=1e-12)


@pytest.mark.parametrize("name", _COSINES)
def test_windows_by_name_are_those_of_scipy(name: str) -> None:
    for length in (1, 2, 7, 8):
        for periodic in (False, True):
            expected = scipy.signal.get_window(name, length, fftbins=periodic)
            np.testing.assert_allclose(cosine_window(name, length, periodic), expected, atol=1e-14)


def test_kernels_that_cannot_be_are_refused() -> None:
    for given, message in (
        ({"side": "left"}, "side must be 'real' or 'imag'"),
        ({"window": "han"}, "window must be .*received window='han'. Did you mean 'hann'"),
        ({"scaling": "power"}, "scaling must be"),
    ):
        with pytest.raises(ValueError, match=message):
            STFT(**given)
    for shape in ((4, 3), (4, 2, 3), (4, 1, 1)):
        with pytest.raises(ValueError, match=r"kernels of shape \(frame_length, 1, bins\)"):
            STFT()(shape)
    with pytest.raises(ValueError, match="window must have a number for each of 5 points"):
        STFT(window=[1.0, 2.0])((5, 1, 3))


def test_axes_of_a_kernel_may_count_as_inputs_and_outputs() -> None:
    drawn = VarianceScaling(1.0, "fan_in", "untruncated_normal", 0, input_axes=[0, 1], output_axes=[2])((40, 50, 9))
    assert drawn.std() == pytest.approx((40 * 50) ** -0.5, rel=0.03)
    made = initializers.HeNormal(3, input_axes=[1], output_axes=[0])
    np.testing.assert_array_equal(made((8, 6)), initializers.deserialize(initializers.serialize(made))((8, 6)))
    with pytest.raises(ValueError, match="given together or not at all: received input_axes=\\[0\\], output_axes=None"):
        initializers.GlorotUniform(input_axes=[0])
