"""What happens when the backend that was asked for does not work."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from nnarray.backends import (
    BackendFallbackWarning,
    BackendUnavailableError,
    current_backend,
    required_backends,
    select,
)
from nnarray.backends.cupy import CupyBackend
from tests.backends.broken import INSTALLS, install

X = np.random.default_rng(0).standard_normal((60, 2))
Y = (X[:, 0] > 0).astype("float32")


def trained(**where: Any) -> tuple[models.Sequential, Any]:
    nna.set_seed(0)
    model = models.Sequential([layers.Dense(4, input_dim=2, activation="relu"), layers.Dense(1, activation="sigmoid")])
    model.compile(loss="binary_crossentropy", optimizer="adam", **where)
    return model, model.fit(X, Y, epochs=3, verbose=0)


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    install(INSTALLS["No driver"], monkeypatch)


@pytest.mark.usefixtures("no_driver")
def test_a_model_trains_on_numpy_to_the_same_bits_and_warns_once_with_stage_cause_and_cure() -> None:
    with pytest.warns(BackendFallbackWarning) as caught:
        model, history = trained(backend="cupy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(backend="cupy")
        model.to("cupy")
        nna.set_backend("cupy")
        nna.set_backend("numpy")
    assert len(caught) == 1
    text = str(caught[0].message)
    assert "(stage 'device'): No NVIDIA driver was found. Install NVIDIA's driver, version 580" in text
    assert "NumPy takes its place" in text
    assert caught[0].filename == __file__
    assert (history.requested_backend, history.actual_backend) == ("cupy", "numpy")
    assert model.backend == "numpy"
    plain, other = trained(backend="numpy")
    assert (other.requested_backend, other.actual_backend) == ("numpy", "numpy")
    assert history.history == other.history
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_cause_warns_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnarray.backends import get_backend, probe

    install(INSTALLS["No driver"], monkeypatch)
    with pytest.warns(BackendFallbackWarning, match="No NVIDIA driver"):
        select("cupy")
    with monkeypatch.context() as patch:
        from tests.backends import broken

        patch.setattr(broken, "forget", lambda patch: None)
        install(INSTALLS["NVRTC is missing"], patch)
        assert not probe(get_backend("cupy"), refresh=True).works
        with pytest.warns(BackendFallbackWarning, match="NVRTC"):
            select("cupy")


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize(
    "ask",
    [
        lambda: trained(backend="cupy", on_missing="raise"),
        lambda: models.Sequential(backend="cupy", on_missing="raise"),
        lambda: models.Sequential([layers.Dense(1, input_dim=2)]).to("cupy", on_missing="raise"),
        lambda: nna.set_backend("cupy", on_missing="raise"),
        lambda: nna.use_backend("cupy", on_missing="raise").__enter__(),
        lambda: nna.namespace("cupy"),
    ],
    ids=["compile", "Sequential", "to", "set_backend", "use_backend", "namespace"],
)
def test_with_on_missing_raise_it_is_an_error_that_keeps_the_librarys_own(ask: Any) -> None:
    with pytest.raises(BackendUnavailableError, match="No NVIDIA driver was found") as caught:
        ask()
    assert "cudaErrorInsufficientDriver" in str(caught.value.__cause__)
    assert current_backend().backend.name == "numpy"


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize("ask", ["cupy", "auto"])
def test_a_required_backend_is_never_replaced(ask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_REQUIRE_BACKEND", "torch, cupy")
    with pytest.raises(BackendUnavailableError, match="No NVIDIA driver was found"):
        trained(backend=ask)
    monkeypatch.setenv("NNARRAY_BACKEND", ask)
    with pytest.raises(BackendUnavailableError):
        trained()


@pytest.mark.usefixtures("no_driver")
def test_auto_takes_numpy_without_a_word_where_cupy_does_not_work() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, history = trained(backend="auto")
    assert (history.requested_backend, history.actual_backend, model.backend) == ("auto", "numpy", "numpy")


@pytest.mark.usefixtures("no_driver")
def test_the_environment_variable_falls_back_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_BACKEND", "cupy")
    with pytest.warns(BackendFallbackWarning, match="No NVIDIA driver"):
        _, history = trained()
    assert (history.requested_backend, history.actual_backend) == ("cupy", "numpy")


@pytest.mark.usefixtures("no_driver")
def test_a_device_of_the_backend_that_is_missing_is_left_aside_and_a_failed_move_changes_nothing() -> None:
    with pytest.warns(BackendFallbackWarning):
        model, _ = trained(backend="cupy", device="cuda:1")
    assert (model.backend, model.device) == ("numpy", "cpu")
    before = model.get_weights()
    with pytest.raises(BackendUnavailableError):
        model.to("cupy", on_missing="raise")
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.backend == "numpy"


def test_on_missing_has_two_values() -> None:
    with pytest.raises(ValueError, match="on_missing must be 'warn' or 'raise': received on_missing='ignore'"):
        nna.set_backend("numpy", on_missing="ignore")


def test_a_device_that_a_working_backend_lacks_is_an_error_and_no_reason_to_fall_back() -> None:
    with pytest.raises(ValueError, match="no device 'cuda:7'"):
        trained(backend="numpy", device="cuda:7")


def test_a_fresh_process_warns_once_and_trains_whatever_keeps_cupy_from_working() -> None:
    code = """
import warnings
import numpy as np, nnarray as nna
from nnarray.layers import Dense
from nnarray.models import Sequential
from nnarray.backends import get_backend, probe
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        model = Sequential([Dense(1, input_dim=2)])
        model.compile(loss="mse", optimizer="sgd", backend="cupy")
        history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
works = probe(get_backend("cupy")).works
print(len(caught) == (0 if works else 1), history.actual_backend == ("cupy" if works else "numpy"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "True"], done.stdout + done.stderr


def test_on_missing_alone_leaves_the_choice_of_the_backend_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = nna.namespace("array_api_strict")

    def fitted(model: models.Sequential, x: Any = X, y: Any = Y) -> tuple[str, str]:
        model.add(layers.Dense(1, input_dim=2))
        model.compile(loss="mse", optimizer="sgd", on_missing="raise")
        history = model.fit(x, y, verbose=0)
        return history.requested_backend, history.actual_backend

    expected = ("array_api_strict", "array_api_strict")
    assert fitted(models.Sequential(backend="array_api_strict")) == expected
    assert fitted(models.Sequential(), strict.asarray(X).value, strict.asarray(Y).value) == expected
    with nna.use_backend("array_api_strict"):
        assert fitted(models.Sequential()) == expected
    monkeypatch.setenv("NNARRAY_BACKEND", " array_api_strict ")
    assert fitted(models.Sequential()) == expected


def test_a_device_alone_is_one_of_the_backend_in_force() -> None:
    model = models.Sequential([layers.Dense(1, input_dim=2)], backend="array_api_strict")
    model.compile(loss="mse", optimizer="sgd", device="device1")
    assert (model.backend, str(model.device)) == ("array_api_strict", "array_api_strict.Device('device1')")
    with nna.use_backend("array_api_strict"):
        assert str(models.Sequential(device="device1").device) == "array_api_strict.Device('device1')"


@pytest.mark.usefixtures("no_driver")
def test_on_missing_raise_holds_for_what_a_setting_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(**where: Any) -> None:
        model = models.Sequential([layers.Dense(1, input_dim=2)], **where)
        model.compile(loss="mse", optimizer="sgd", on_missing="raise")
        model.fit(X, Y, verbose=0)

    with pytest.warns(BackendFallbackWarning), pytest.raises(BackendUnavailableError, match="No NVIDIA driver"):
        fit(backend="cupy")
    with nna.use_backend("cupy"), pytest.raises(BackendUnavailableError, match="No NVIDIA driver"):
        fit()
    monkeypatch.setenv("NNARRAY_BACKEND", "cupy")
    with pytest.raises(BackendUnavailableError, match="No NVIDIA driver"):
        fit()


@pytest.mark.usefixtures("no_driver")
def test_where_warnings_are_errors_each_request_is_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            with pytest.raises(BackendFallbackWarning):
                trained(backend="cupy")


@pytest.mark.usefixtures("no_driver")
def test_the_warning_points_at_the_users_line_in_a_with_block_too() -> None:
    with pytest.warns(BackendFallbackWarning) as caught, nna.use_backend("cupy"):
        pass
    assert caught[0].filename == __file__


@pytest.mark.parametrize("value", ["cupi", "numpy,cupi"])
def test_settings_with_a_typo_name_themselves(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_REQUIRE_BACKEND", value)
    with pytest.raises(ValueError, match=f"NNARRAY_REQUIRE_BACKEND={value}: Unknown backend: 'cupi'. Did you mean"):
        required_backends()
    monkeypatch.setenv("NNARRAY_BACKEND", "cupi")
    with pytest.raises(ValueError, match="NNARRAY_BACKEND=cupi: Unknown backend: 'cupi'. Did you mean 'cupy'"):
        current_backend()


def test_a_required_backend_may_be_named_by_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_REQUIRE_BACKEND", "array_api_compat.cupy, jax.numpy,")
    assert required_backends() == ("cupy", "jax")


@pytest.mark.usefixtures("no_driver")
def test_threads_that_choose_at_once_probe_and_warn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    probes, found = [], []
    stages = CupyBackend.stages
    monkeypatch.setattr(CupyBackend, "stages", lambda self: probes.append(1) or stages(self))
    barrier = threading.Barrier(8)

    def choose() -> None:
        barrier.wait()
        found.append(select("cupy").backend.name)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=choose) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == ["numpy"] * 8
    assert len(probes) == 1
    assert len([w for w in caught if w.category is BackendFallbackWarning]) == 1
