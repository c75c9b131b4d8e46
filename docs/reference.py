"""Writes docs/reference.md, the page of all that there is, from the registries and the public modules.

Usage: python docs/reference.py
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import nnarray as nna  # noqa: E402 -- the one beside this page
from nnarray._config import Configured  # noqa: E402
from nnarray._lookup import Registry  # noqa: E402
from nnarray.array import TABLE  # noqa: E402
from nnarray.array._composites import COMPOSITES  # noqa: E402

PAGE = ROOT / "docs" / "reference.md"
COMMAND = "python docs/reference.py"

INTRODUCTION = f"""# What there is

`{COMMAND}` makes this page from the code, and a test holds it against the code. The
[README](../README.md) shows how things are used, [own_parts.md](own_parts.md) how to write your own. `help` of each
has its arguments and an example.
"""

#: Public modules beside those in `nnarray.__all__`.
FURTHER = ("datasets.fashion_mnist", "optimizers.schedules")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the text of the page."""
    modules = [name for name in nna.__all__ if isinstance(getattr(nna, name), ModuleType)]
    parts: list[str] = [INTRODUCTION, *section("nnarray", "", _of_package())]
    for name in sorted([*modules, *FURTHER]):
        module = importlib.import_module(f"nnarray.{name}")
        parts += section(f"nnarray.{name}", summary(module), _of_module(module))
    return "\n".join([*parts, *_array_functions()])


def section(title: str, text: str, lines: Iterator[str]) -> list[str]:
    """Return a heading, a sentence and a list."""
    return [f"## {title}", "", *([text, ""] if text else []), *lines, ""]


def _of_package() -> Iterator[str]:
    for name in sorted(nna.__all__, key=str.lower):
        x = getattr(nna, name)
        if callable(x):
            yield line(name, x)


def _of_module(module: ModuleType) -> Iterator[str]:
    """Yield a line for each object that has an example or a config or is found by name, if the package has it not."""
    names = names_by_object(module)
    public = {name: x for name in sorted(module.__all__, key=str.lower) if callable(x := getattr(module, name))}
    for name, x in public.items():
        is_another_name = x.__name__ != name and public.get(x.__name__) is x
        if (x in names or is_listed(x)) and getattr(nna, name, None) is not x and not is_another_name:
            also = [other for other in public if public[other] is x and other != name]
            yield line(name, x, names.get(x, ()), also)
    for x, found in names.items():
        if x not in public.values():
            yield f"- {', '.join(map(_quoted, found))}: {summary(x)}"


def is_listed(x: Any) -> bool:
    """Whether an object of a public module is a user's: what only the package itself needs has no example."""
    return ">>>" in (x.__doc__ or "") or (isinstance(x, type) and issubclass(x, (Configured, Warning, Exception)))


def names_by_object(module: ModuleType) -> dict[Any, list[str]]:
    """Return the classes and functions that the registry of a module finds, each with the names for it."""
    found: dict[Any, list[str]] = {}
    for registry in (x for x in vars(module).values() if isinstance(x, Registry)):
        for name in registry.spellings():
            made = module.get(name)
            inner = getattr(made, "fn", None)  # a loss that serves as a metric
            if isinstance(inner, Configured) and type(made).__name__ != type(inner).__name__:
                made = inner
            x = made if inspect.isfunction(made) else type(made)
            found.setdefault(x, []).append(name)
    return found


def line(name: str, x: Any, names: Any = (), also: Sequence[str] = ()) -> str:
    """Return the call of an object, what it is, its other spellings, and by which names it is found, in one line."""
    spelt = f" Also `{'`, `'.join(also)}`." if also else ""
    shown = [_quoted(other) for other in names if other != name]
    found = f" By name: {', '.join(shown)}." if shown else ""
    return f"- `{name}{signature(x)}`: {summary(x)}{spelt}{found}"


def _quoted(name: str) -> str:
    return f'`"{name}"`'


def signature(x: Callable[..., Any]) -> str:
    """Return the parameters of a call, without their types."""
    if isinstance(x, type) and issubclass(x, BaseException):
        return ""
    if isinstance(x, type) and not issubclass(x, tuple):
        if x.__init__ is object.__init__:
            return "()"
        x = x.__init__  # not __new__, which takes whatever comes
    found = inspect.signature(x)
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


def summary(x: Any) -> str:
    """Return the first sentence of a docstring."""
    return re.split(r"\n\s*\n", inspect.getdoc(x) or "")[0].replace("\n", " ")


def _array_functions() -> Iterator[str]:
    """Yield the functions of an array namespace, those of an extension last."""
    text = "Of `xp = nnarray.namespace(…)` and `nnarray.array_namespace(x)`, as in the array API standard."
    names = sorted([*(name for name in TABLE if not name.startswith("_")), *COMPOSITES], key=_by_chapter)
    yield from section("Functions of arrays", text, map(_array_line, names))


def _by_chapter(name: str) -> tuple[str, str]:
    chapter, _, last = name.rpartition(".")
    return chapter, last


def _array_line(name: str) -> str:
    if name in COMPOSITES:
        bound = functools.partial(COMPOSITES[name], nna.namespace("numpy"))
        return f"- `{name}{signature(bound)}`: written in others, and differentiable as they are."
    row = TABLE[name]
    derivative = (
        f"differentiable by {', '.join(f'`{x}`' for x in row.rules)}" if row.rules else f"no derivative, {row.constant}"
    )
    return f"- `{name}{row.signature}`: {derivative}."


if __name__ == "__main__":
    main()
