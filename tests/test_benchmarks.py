"""The benchmarks run, on small sizes, and print their ratios; memory, which is no matter of chance, is held to."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as steps
from benchmarks import busy, eager, passes, peers, planning, training, uniforms
from benchmarks.by_hand import step_by_hand
from benchmarks.networks import Network


def test_uniforms_are_timed_for_each_dtype_and_size(capsys: Any) -> None:
    found = uniforms.main(["--sizes", "1", "20", "--repeats", "1"])
    assert len(found) == 4
    assert all(seconds > 0 for line in found for seconds in line)
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:]] == [
        *(["float32", "1"], ["float32", "20"], ["float64", "1"], ["float64", "20"]),
    ]


def test_a_backward_pass_takes_no_more_memory_than_autograds(capsys: Any) -> None:
    pytest.importorskip("autograd")
    networks = ["2-4-6-6-4-1:900", "20-30-10:200"]
    found = eager.main(["--networks", *networks, "--repeats", "1"])
    assert all(seconds > 0 for seconds, _ in found)
    assert all(memory < 1.1 for _, memory in found)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == networks


@pytest.mark.parametrize("network", ["2-4-6-6-4-1:32", "12-8-5:20"])
def test_the_step_by_hand_does_what_training_does(network: str) -> None:
    by_hand = step_by_hand(Network(network))
    model = peers._model(Network(network))
    x, y, _ = Network(network).data()
    for _ in range(5):
        loss = model.train_on_batch(x, y)
        np.testing.assert_allclose(by_hand(), loss, rtol=2e-5)


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")  # Of torch.compile's own modules.
@pytest.mark.parametrize("name", peers.PEERS)
def test_every_peer_takes_a_step(name: str) -> None:
    if name.startswith("keras"):
        # Keras has one backend in a process.
        found = steps.measure(name, "3-100-2:8", argparse.Namespace(repeats=1, seconds=0.001))
        assert found == "not installed" or found > 0
        return
    try:
        step = peers.PEERS[name](Network("3-4-2:8"))
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    with _without_inductor() if name == "torch compile" else contextlib.nullcontext():
        step()
        step()


def _without_inductor() -> Any:
    """Return a context in which PyTorch compiles nothing, which takes half a minute."""
    import torch

    return torch.compiler.set_stance("force_eager")


def test_a_peer_that_cannot_run_here_has_a_dash_and_a_reason(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(steps, "measure", lambda peer, *_: "not installed" if peer == "jax" else 0.001)
    found = steps.main(["--networks", "2-3-1:8", "--peers", "nnarray", "jax"])
    assert found == {"2-3-1:8": {"nnarray": 0.001, "jax": None}}
    out = capsys.readouterr().out
    assert "– jax: not installed" in out
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("2-3-1:8")] == ["–", "–"]


def test_the_table_has_a_row_for_each_network_and_a_column_for_each_peer(capsys: Any) -> None:
    options = ["--rounds", "1", "--repeats", "1", "--seconds", "0.001"]
    found = steps.main(["--networks", "2-3-1:8", "--peers", "by hand", "nnarray", *options])
    assert all(seconds > 0 for seconds in found["2-3-1:8"].values())
    assert capsys.readouterr().out.count("2-3-1:8") == 3


def test_the_making_of_a_plan_is_timed(capsys: Any) -> None:
    assert planning.main(["--networks", "2-3-1:8", "--repeats", "1"])[0] > 0
    assert " ms" in capsys.readouterr().out


def test_each_pass_is_weighed_and_none_makes_a_plan_longer(capsys: Any) -> None:
    whole, *others = passes.main(["--networks", "2-3-1:8", "--repeats", "1"])
    assert whole[0] == "none"
    assert others[-1][0] == "all"
    assert all(other[1] >= whole[1] and other[2] >= whole[2] and other[3] > 0 for other in others)
    assert others[-1][1] > whole[1]
    assert capsys.readouterr().out.count("2-3-1:8") == len(others) + 1


def test_the_busy_machine_has_a_row_for_each_network_and_ends_what_it_starts(capsys: Any, monkeypatch: Any) -> None:
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    seen = []

    def measure(peer: str, network: str, options: Any, environment: Any) -> float:
        running = sum(process.poll() is None for process in started)
        seen.append((running, environment.get("OPENBLAS_NUM_THREADS"), environment["NNARRAY_BLAS_THREADS"]))
        return 2.0 if environment["NNARRAY_BLAS_THREADS"] == "auto" else 1.0

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(busy.subprocess, "Popen", Popen)
    monkeypatch.setattr(busy, "measure", measure)
    monkeypatch.setattr(busy.os, "cpu_count", lambda: 2)
    found = busy.main(["--networks", "3-4-1:8", "3-5-1:8", "--rounds", "1"])
    ways = [("1", "none"), (None, "none"), (None, "auto")]
    assert seen == [(running, *way) for running in (0, 2) for way in ways] * 2
    assert len(started) == 4
    assert all(process.poll() is not None for process in started)
    assert list(found) == ["3-4-1:8", "3-5-1:8"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# python -m benchmarks.busy --networks 3-4-1:8 3-5-1:8 --rounds 1"
    assert [line.split()[-2:] for line in lines[3:5]] == [["2.00", "2.00"]] * 2
    with pytest.raises(ZeroDivisionError), busy.other_work(1):
        1 / 0  # noqa: B018
    assert started[-1].poll() is not None
    assert busy.environment("chosen").get("OMP_NUM_THREADS") is None


def test_what_training_adds_has_a_row_each(capsys: Any) -> None:
    found = training.main(["--repeats", "1", "--seconds", "0.001", "--megabytes", "0.1"])
    assert len(found) == 5
    rows = capsys.readouterr().out.splitlines()
    assert [row.startswith(name) for row, name in zip(rows[3:], found, strict=False)] == [True] * 5
