"""What works here, what does not, and what would mend it."""

from __future__ import annotations

import platform
from typing import Any

from nnarray._version import __version__
from nnarray.backends._base import Backend
from nnarray.backends._blas import blas_text, examine_blas
from nnarray.backends._probe import Stage, failed, probe
from nnarray.backends._registry import get_backend, known_backends


def examine(*names: str) -> dict[str, Any]:
    """Return what `doctor` prints as plain data: dicts, lists, strings, numbers.

    Parameters
    ----------
    *names : str
        Backends to probe; by default all that are known. Each is probed anew.

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    adapters = [get_backend(name) for name in names or known_backends()]
    return {
        "nnarray": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "backends": [_examine(adapter) for adapter in adapters],
        "thread_pools": _thread_pools(),
        "numpy_blas": examine_blas(),
    }


def doctor(*names: str) -> None:
    """Print which backends work here, on which devices, and for those that do not, why and what to do.

    The same as ``python -m nnarray doctor``.

    Parameters
    ----------
    *names : str
        Backends to look at; by default all that are known. Each is probed anew, also one that failed before.

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.doctor("numpy")  # doctest: +ELLIPSIS
    nnarray ... on Python ...
    <BLANKLINE>
    numpy ...: works
      cpu
    ...
    """
    print(report(examine(*names)))


def report(found: dict[str, Any]) -> str:
    """Return what `examine` found as text."""
    parts = [f"nnarray {found['nnarray']} on Python {found['python']}, {found['system']}"]
    parts += [_backend_text(backend) for backend in found["backends"]]
    pools = [_pool_text(pool) for pool in found["thread_pools"]] or ["none that is known"]
    return "\n\n".join([*parts, "\n  ".join(["BLAS and other thread pools", *pools, blas_text(found["numpy_blas"])])])


def _examine(adapter: Backend) -> dict[str, Any]:
    result = probe(adapter, refresh=True)
    stages = list(result.stages)
    version, devices = None, []
    try:
        version = adapter.version() if stages[0].passed else None
        devices = [_device(adapter, device) for device in adapter.devices()] if result.works else []
    except Exception as error:
        # What can no longer say what it is does not work.
        stages.append(failed(adapter, "describe", error))
    return {
        "name": adapter.name,
        "version": version,
        "works": stages[-1].passed,
        "devices": devices,
        "stages": [_stage(stage) for stage in stages],
    }


def _device(adapter: Backend, device: Any) -> dict[str, Any]:
    memory = {name: int(value) for name, value in adapter.memory(device).items()}
    return {"name": adapter.device_name(device), "memory": memory}


def _stage(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = {"name": stage.name, "passed": stage.passed}
    if stage.error is not None:
        error = f"{type(stage.error).__name__}: {stage.error}"
        found |= {"cause": stage.cause, "cure": stage.cure, "error": error.strip()}
    return found


def _thread_pools() -> list[dict[str, Any]]:
    import threadpoolctl

    keys = ("internal_api", "version", "num_threads", "threading_layer", "architecture", "user_api")
    return [{key: pool.get(key) for key in keys} for pool in threadpoolctl.threadpool_info()]


def _backend_text(backend: dict[str, Any]) -> str:
    name = f"{backend['name']} {backend['version'] or ''}".strip()
    lines = [f"{name}: {'works' if backend['works'] else 'does not work'}"]
    lines += [f"  {_device_text(device)}" for device in backend["devices"]]
    if backend["works"]:
        return "\n".join(lines)
    passed = [stage["name"] for stage in backend["stages"] if stage["passed"]]
    failed = backend["stages"][-1]
    if passed:
        lines.append(f"  passed: {', '.join(passed)}")
    # Lines are left long, so that a command can be copied in one piece.
    lines += [f"  failed: {failed['name']}", f"  cause:  {failed['cause']}", f"  cure:   {failed['cure']}"]
    return "\n".join(lines)


def _device_text(device: dict[str, Any]) -> str:
    memory = device["memory"]
    if "total" not in memory:
        return device["name"]
    free = memory.get("free", memory["total"] - memory.get("used", 0))
    return f"{device['name']}, {free / 2**30:.1f} of {memory['total'] / 2**30:.1f} GiB free"


def _pool_text(pool: dict[str, Any]) -> str:
    layer = f", {pool['threading_layer']}" if pool["threading_layer"] else ""
    version = f" {pool['version']}" if pool["version"] else ""
    architecture = f" for {pool['architecture']}" if pool["architecture"] else ""
    return f"{pool['internal_api']}{version}{architecture}: {pool['num_threads']} thread(s){layer}"
