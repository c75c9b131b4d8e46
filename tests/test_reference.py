"""The page of all that there is says what there is."""

import importlib
import inspect
import re
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


def listed():
    """Return the functions and classes that are a user's: all of some modules, of others those that the page has."""
    found = {name: getattr(nna, name) for name in nna.__all__}
    for name in (*WITH_NAMES, "callbacks", "config", "datasets", "layers", "models", "plotting", "utils"):
        module = getattr(nna, name)
        known = REFERENCE["names_by_object"](module)
        for each in module.__all__:
            x = getattr(module, each)
            if callable(x) and (name not in ("layers", "losses") or x in known or REFERENCE["is_listed"](x)):
                found[f"{name}.{each}"] = x
    return {name: x for name, x in found.items() if inspect.isfunction(x) or inspect.isclass(x)}


@pytest.mark.parametrize(("name", "x"), [pytest.param(name, x, id=name) for name, x in listed().items()])
def test_everything_that_a_user_is_to_use_has_an_example(name, x):
    if not issubclass(x if inspect.isclass(x) else object, BaseException):
        assert ">>>" in inspect.getdoc(x)


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("layers", ["Conv2D", "MaxPooling2D", "BatchNormalization", "Embedding", "LSTM", "MultiHeadAttention"]),
        ("models.Model", ["compute_mask"]),
    ],
)
def test_what_the_readme_says_is_not_there_is_not_there(place, names):
    there = nna
    for part in filter(None, place.split(".")):
        there = getattr(there, part)
    assert [name for name in names if hasattr(there, name)] == [], "README.md lists these as not there"


def test_every_context_variable_stands_in_the_design():
    root = Path(nna.__file__).parent
    found = {}
    for path in root.rglob("*.py"):
        for name in re.findall(r"^(\w+): ContextVar", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[f"`{'.'.join(path.relative_to(root).with_suffix('').parts)}.{name}`"] = path
    design = (root.parent / "docs" / "design.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`[\w.]+`) \|", design.partition("## The dynamic scope")[2], re.MULTILINE)
    assert sorted(table) == sorted(found)
