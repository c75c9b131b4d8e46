"""The tests, chapter by chapter, and the verdict on gradients from the same runs."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gpu_parts.part import ROOT, LeftOut, Options, Part, missing, read

NEEDS = ("pytest", "hypothesis", "array-api-strict", "scikit-learn", "matplotlib", "pillow")
#: Tests of these are about machines without a GPU.
NOT_HERE = ("test_ci_gpu.py", "test_host_cuda.py")
#: Warnings of nnarray are errors, those of others are counted.
ARGUMENTS = ["-q", "-p", "gpu_parts.report", "-p", "no:cacheprovider", "-o", "filterwarnings=default\nerror:::nnarray"]
_SMOKE, _SLICE = 50, 3
_MOST_PROCESSES = 8


def parts() -> list[Part]:
    """Return the part of 50 tests from all over, one for each chapter, and the verdict on gradients."""
    found = [Part("smoke", f"{_SMOKE} tests from all over", functools.partial(_some, _SMOKE, _SLICE, ["tests"]), NEEDS)]
    for name, targets in chapters().items():
        find = functools.partial(_some, 0, _SLICE, targets)
        found.append(Part(f"suite/{name}", f"all tests of {name} on CuPy", find, NEEDS))
    found.append(Part("gradients", "what the chapters say about derivatives", _gradients))
    return found


def parts_of_others() -> list[Part]:
    """Return the parts that test on other libraries which see the GPU."""
    return [
        Part(f"others/{name}", f"all tests on {name}, where it sees the GPU", functools.partial(_other, name), NEEDS)
        for name in ("torch", "jax")
    ]


def chapters() -> dict[str, list[str]]:
    """Return what pytest is given for each chapter of the tests."""
    tests = ROOT / "tests"
    folders = [folder for folder in sorted(tests.iterdir()) if any(folder.glob("test_*.py"))]
    single = [str(path.relative_to(ROOT)) for path in sorted(tests.glob("test_*.py")) if path.name not in NOT_HERE]
    found = {folder.name: [str(folder.relative_to(ROOT))] for folder in folders}
    return {**found, "compliance": ["--pyargs", "nnarray.testing.compliance"], "the rest": single}


def _some(number: int, sliced: int, targets: list[str], options: Options) -> Iterator[dict[str, Any]]:
    yield _run(options, "cupy", "cupy", targets, sliced if options.smoke else number)


def _other(name: str, options: Options) -> Iterator[dict[str, Any]]:
    if lacking := missing((name,)):
        raise LeftOut(f"{lacking[0]} is not installed")
    from nnarray.backends import get_backend, probe

    adapter = get_backend(name)
    if not (found := probe(adapter)).works:
        raise LeftOut(found.explain())
    devices = [adapter.device_name(device) for device in adapter.devices()]
    seen = [device for device in devices if device.startswith(("cuda", "gpu"))]
    if not seen:
        raise LeftOut(f"{name} sees no GPU, but {', '.join(devices)}")
    yield _run(options, f"{name}:{seen[0]}", name, ["tests"], _SLICE if options.smoke else 0)


def _run(options: Options, place: str, word: str, targets: list[str], number: int) -> dict[str, Any]:
    """Return the results of tests on a place."""
    environment = os.environ | {
        **{"JAX_ENABLE_X64": "1", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"},
        **{"GPU_PARTS_REPORT": str(options.into), "GPU_PARTS_TESTS": str(number)},
    }
    command = [sys.executable, "-m", "pytest", *ARGUMENTS, "--backend", place, "-k", word]
    if not number and not missing(("xdist",)):
        command += ["-n", str(min(_MOST_PROCESSES, os.cpu_count() or 1))]
    code = subprocess.run([*command, *targets], cwd=ROOT, env=environment, check=False).returncode
    found = read(options.into)
    if "exit_code" not in found:
        raise RuntimeError(f"pytest ended with {code} before it had a result")
    return found


def _gradients(options: Options) -> Iterator[dict[str, Any]]:
    """Count what tests of derivatives gave in the chapters that were run."""
    counts: Counter[str] = Counter()
    failed: list[str] = []
    ran = {name: found for name, found in read(options.document).get("parts", {}).items() if name.startswith("suite/")}
    for found in ran.values():
        if "gradients" in found:
            counts.update(found["gradients"]["tests"])
            failed += found["gradients"]["failed"]
    if not counts:
        raise LeftOut("no chapter of the suite was run before it")
    yield {"tests": dict(counts), "failed": failed, "chapters": sorted(ran), "passed": not failed}
