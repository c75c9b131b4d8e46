"""The page of all that there is says what there is."""

import importlib
import inspect
import runpy
from pathlib import Path

import pytest

import nnarray as nna
from nnarray._lookup import Registry

REFERENCE = runpy.run_path(str(Path(__file__).parent.parent / "docs" / "reference.py"))
WITH_NAMES = ["activations", "initializers", "losses", "metrics", "optimizers"]


def test_the_page_is_what_would_be_made_now():
    on_disk = REFERENCE["PAGE"].read_text(encoding="utf-8")
    assert on_disk == REFERENCE["page"](), f"docs/reference.md lags behind the code. Run: {REFERENCE['COMMAND']}"


@pytest.mark.parametrize("name", WITH_NAMES)
def test_every_name_that_is_found_is_on_the_page_beside_what_it_finds(name):
    module = importlib.import_module(f"nnarray.{name}")
    (registry,) = (x for x in vars(module).values() if isinstance(x, Registry))
    text = REFERENCE["page"]().partition(f"## nnarray.{name}\n")[2].partition("\n## ")[0]
    for spelling in registry.spellings():
        assert module.get(spelling) is not None
        assert f'"{spelling}"' in text or f"`{spelling}(" in text, spelling


def test_every_layer_of_the_package_is_on_the_page():
    def subclasses(cls):
        return {cls, *(found for sub in cls.__subclasses__() for found in subclasses(sub))}

    text = REFERENCE["page"]()
    for layer in subclasses(nna.layers.Layer):
        if layer.__module__.startswith("nnarray.layers."):
            assert f"`{layer.__name__}(" in text


@pytest.mark.parametrize("name", [name for name in nna.__all__ if inspect.isfunction(getattr(nna, name))])
def test_every_function_of_the_package_has_an_example(name):
    assert ">>>" in inspect.getdoc(getattr(nna, name))
