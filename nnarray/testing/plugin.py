"""A pytest plugin that runs a test on every array library and device there is.

Load it with ``pytest -p nnarray.testing.plugin``, or by ``pytest_plugins = ["nnarray.testing.plugin"]`` in the root
``conftest.py``. A test that takes the fixture ``xp`` (the library's array-API namespace), ``device`` or ``backend``
(the library's name) then runs once for each library and device that ``--backend`` takes in:

``--backend numpy,cupy:cuda:1``
    These, each by name or by name and device; it is an error if one of them does not work here.
``--backend available`` (the default)
    Whatever works here; the header of the report says what was left out, and why.
``--backend all``
    All known libraries; the tests of one that does not work are skipped, with the reason.

A library without a device in its name is taken on its default device and, where it has more, on a second one too:
there, code that forgets its arrays' device is found out. ``NNARRAY_REQUIRE_BACKEND=cupy`` makes it an error if CuPy is
not among those taken, so that no run passes by leaving its GPU out.

Where a library has a current device, as CuPy has, it is the test's while the test runs.

A test marked ``@pytest.mark.require_backend("cupy")`` runs on the libraries named only, one marked
``@pytest.mark.exclude_backend("jax", reason="…")`` on all others.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import pytest

from nnarray._messages import unknown_name
from nnarray.backends import Backend, get_backend, known_backends, probe, required_backends


class LibraryDevice(NamedTuple):
    """A library and one of its devices; `missing` says why its tests are skipped, if they are."""

    backend: str
    device: str | None
    id: str
    missing: str = ""


class Places(NamedTuple):
    """What ``--backend`` came to: where tests run, and which libraries were left out, with the reason."""

    taken: tuple[LibraryDevice, ...]
    left_out: dict[str, str]


_PLACES = pytest.StashKey[Places]()


def places(text: str) -> Places:
    """Return where tests run for a value of ``--backend``.

    Raises
    ------
    pytest.UsageError
        If a name is unknown, or a library that is named or required does not work here.
    """
    taken: dict[str, LibraryDevice] = {}
    left_out: dict[str, str] = {}
    for token in filter(None, (token.strip() for token in text.split(","))):
        everything = token in ("available", "all")
        for name in known_backends() if everything else (token,):
            found, reason = _of(name, device_too=not everything)
            if reason and not everything:
                raise pytest.UsageError(f"--backend {text}: {reason}")
            if reason and token == "all":
                found = (LibraryDevice(name, None, name, reason),)
            if reason:
                left_out[name] = reason
            known = {(place.backend, place.device) for place in taken.values()}
            taken |= {place.id: place for place in found if (place.backend, place.device) not in known}
    working = {place.backend for place in taken.values() if not place.missing}
    try:
        required = required_backends()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    for name in required:
        if name not in working:
            reason = left_out.get(name) or f"--backend {text} leaves it out."
            raise pytest.UsageError(f"NNARRAY_REQUIRE_BACKEND={name}, but: {reason}")
    if not taken:
        raise pytest.UsageError(f"--backend {text}: no backend is named. Name some, or 'available', or 'all'.")
    return Places(tuple(taken.values()), left_out)


def _of(token: str, device_too: bool) -> tuple[tuple[LibraryDevice, ...], str]:
    """Return the places that a name, or a name and a device, stands for, or why there are none."""
    name, _, device = token.partition(":") if device_too else (token, "", "")
    try:
        adapter = get_backend(name)
    except ValueError as error:
        return (), str(error)
    found = probe(adapter)
    if not found.works:
        return (), found.explain()
    try:
        if device:
            device = adapter.device_name(adapter.device(device))
            return (LibraryDevice(adapter.name, device, f"{adapter.name}:{device}"),), ""
        return _two_devices(adapter), ""
    except Exception as error:
        # Whatever the library of one backend raises, the others are tested.
        return (), str(error) or type(error).__name__


def _two_devices(adapter: Backend) -> tuple[LibraryDevice, ...]:
    default = adapter.device_of(adapter.asarray(0.0))
    others = [device for device in adapter.devices() if device != default]
    names = [adapter.device_name(device) for device in (default, *others[:1])]
    several = len(names) > 1
    labels = [f"{adapter.name}:{name}" if several else adapter.name for name in names]
    return tuple(LibraryDevice(adapter.name, name, label) for name, label in zip(names, labels, strict=True))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("nnarray").addoption(
        "--backend",
        default="available",
        metavar="NAMES",
        help="array libraries to test on: names separated by commas, each perhaps with :device; or available, or all",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "require_backend(*names): run on these array libraries only")
    config.addinivalue_line("markers", "exclude_backend(*names, reason): run on all array libraries but these")
    config.stash[_PLACES] = places(config.getoption("--backend"))


def pytest_report_header(config: pytest.Config) -> list[str]:
    found = config.stash[_PLACES]
    taken = [_with_version(place) for place in found.taken if not place.missing]
    return [f"array backends: {', '.join(taken)}", *(f"not tested: {why}" for why in found.left_out.values())]


def _with_version(place: LibraryDevice) -> str:
    return f"{place.id} {get_backend(place.backend).version() or ''}".strip()


def _marked(node: Any, marker: str) -> list[Any]:
    marks = list(node.iter_markers(marker))
    if not all(mark.args for mark in marks):
        raise pytest.UsageError(f"{node.nodeid}: {marker} needs the name of a backend, as in {marker}('cupy').")
    for name in (name for mark in marks for name in mark.args):
        if name not in known_backends():
            raise pytest.UsageError(f"{node.nodeid}: {unknown_name('backend', name, known_backends())}")
    return marks


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "nnarray_place" not in metafunc.fixturenames:
        return
    required = _marked(metafunc.definition, "require_backend")
    excluded = _marked(metafunc.definition, "exclude_backend")
    parameters = []
    for place in metafunc.config.stash[_PLACES].taken:
        if any(place.backend not in mark.args for mark in required):
            continue
        reasons = [mark.kwargs.get("reason", "excluded") for mark in excluded if place.backend in mark.args]
        reason = place.missing or "; ".join(reasons)
        marks = (pytest.mark.skip(reason=f"{place.backend}: {reason}"),) if reason else ()
        parameters.append(pytest.param(place, id=place.id, marks=marks))
    if not parameters:
        names = ", ".join(name for mark in required for name in mark.args)
        skip = pytest.mark.skip(reason=f"needs a backend that this run leaves out: {names}")
        parameters.append(pytest.param(None, id="none", marks=skip))
    metafunc.parametrize("nnarray_place", parameters, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    working = {place.backend for place in config.stash[_PLACES].taken if not place.missing}
    for item in items:
        if "nnarray_place" in getattr(item, "fixturenames", ()):
            continue
        _marked(item, "exclude_backend")
        for mark in _marked(item, "require_backend"):
            if not working & set(mark.args):
                item.add_marker(pytest.mark.skip(reason=f"needs a backend that is left out: {', '.join(mark.args)}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Make the test's device the current one, which raw operators of CuPy need."""
    callspec = getattr(item, "callspec", None)
    place = callspec.params.get("nnarray_place") if callspec is not None else None
    if place is None or place.missing:
        return (yield)
    adapter = get_backend(place.backend)
    with adapter.activate(adapter.device(place.device)):
        return (yield)


@pytest.fixture(scope="session")
def nnarray_place(request: pytest.FixtureRequest) -> LibraryDevice:
    """Library and device of this run of the test."""
    if not hasattr(request, "param"):
        pytest.fail("xp, device and backend must be arguments of the test: asked for later, they have no one value.")
    return request.param


@pytest.fixture(scope="session")
def backend(nnarray_place: LibraryDevice) -> str:
    """Name of the array library, for example for ``model.compile(backend=backend)``."""
    return nnarray_place.backend


@pytest.fixture(scope="session")
def xp(nnarray_place: LibraryDevice) -> Any:
    """Array-API namespace of the library."""
    return get_backend(nnarray_place.backend).xp


@pytest.fixture(scope="session")
def device(nnarray_place: LibraryDevice) -> Any:
    """A device of the library, for ``xp.asarray(…, device=device)``."""
    return get_backend(nnarray_place.backend).device(nnarray_place.device)
