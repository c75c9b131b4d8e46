"""The benchmarks run, on small sizes, and print their ratios; memory, which is no matter of chance, is held to."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import eager, uniforms


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
