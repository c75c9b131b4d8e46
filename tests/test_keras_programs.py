"""Whole programs of Keras' users, with their imports changed, give what Keras gave: tests/keras_programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nnarray as nna
from tests.keras_programs.common import written
from tests.keras_programs.record import NUMBERS, programs

EXPECTED = json.loads(NUMBERS.read_text(encoding="utf-8"))
PROGRAMS = programs()
#: Run on every library: one of each kind.
EVERYWHERE = ["two_inputs_two_outputs", "adversaries", "layer_that_normalises", "weights_of_examples"]


def differences(place: str, found: Any, expected: Any) -> Iterator[str]:
    """Yield where figures are other than Keras', but for the order of names, which is alphabetical there."""
    if isinstance(expected, dict) and isinstance(found, dict) and found.keys() == expected.keys():
        for name in expected:
            yield from differences(f"{place}.{name}", found[name], expected[name])
    elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        for i, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from differences(f"{place}[{i}]", one, other)
    elif isinstance(expected, float) and isinstance(found, float):
        if not math.isclose(found, expected, rel_tol=1e-4, abs_tol=1e-5):
            yield f"{place}: {found}, Keras {expected}"
    elif found != expected:
        yield f"{place}: {found}, Keras {expected}"


def check(name: str, program: Callable[[Any], Any]) -> None:
    found = json.loads(json.dumps(written(program(nna))))
    assert list(differences(name, found, EXPECTED[name])) == []


def test_every_program_has_numbers() -> None:
    assert list(EXPECTED) == list(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_what_it_gives_with_keras(name: str) -> None:
    check(name, PROGRAMS[name])


@pytest.mark.parametrize("name", EVERYWHERE)
def test_a_program_gives_it_on_every_library(name: str, place: Any) -> None:
    with nna.use_backend(*place):
        check(name, PROGRAMS[name])
