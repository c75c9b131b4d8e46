"""The command: which parts, on what, and the file of what they found."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpu_parts import measures, tests, training
from gpu_parts.part import LIMIT, ROOT, Options, Part, missing, read, run_apart, run_here, write

#: What nnarray itself needs; what only a part needs, the part says.
CORE = ("numpy", "array-api-compat", "click", "optree", "threadpoolctl")
OTHERS = ("cupy", "cupy-cuda12x", "cupy-cuda13x", "torch", "jax", "jaxlib", "scipy", *tests.NEEDS)
STAND_IN = "NOT A GPU: nnarray's stand-in for CUDA on the host's CPU"


def all_parts() -> list[Part]:
    """Return the parts, the most telling first."""
    return [*training.parts(), *tests.parts(), *measures.parts(), *tests.parts_of_others()]


def main(about: str | None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser("ci/gpu", description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="where results and kernels go")
    parser.add_argument("--only", action="append", metavar="PART", help="this part, or all that begin so; repeatable")
    parser.add_argument("--list", action="store_true", help="list the parts")
    parser.add_argument("--smoke", action="store_true", help="a small slice of each part, which shows that it runs")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="where wheels lie of packages that are missing")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.list:
        print("\n".join(f"{part.name:18} {part.what}" for part in all_parts()))
        return 0
    if given.folder is None:
        parser.error("a FOLDER for the results is needed")
    chosen = [part for part in all_parts() if not given.only or any(_is_meant(part, name) for name in given.only)]
    for name in given.only or ():
        if not any(_is_meant(part, name) for part in chosen):
            parser.error(f"there is no part {name!r}: --list shows them")
    folder = given.folder.resolve()
    _prepare(folder)
    if lacking := _install(CORE, given.wheels, folder):
        cure = f"{sys.executable} -m pip install {' '.join(lacking)}"
        print(f"Missing on {sys.executable}: {', '.join(lacking)}. Install with: {cure}", file=sys.stderr)
        return 2
    if given.wheels:
        _install((*tests.NEEDS, "cupy"), given.wheels, folder)
    if (gpu := _gpu()) is None:
        return 1
    options = _options(folder, given.smoke, "stand-in" in gpu["name"])
    if given.part:
        run_here(next(part for part in chosen if part.name == given.part), options)
        return 0
    return _run(chosen, options, gpu)


def _is_meant(part: Part, name: str) -> bool:
    return part.name == name or part.name.startswith(f"{name}/")


def _prepare(folder: Path) -> None:
    """Let this process and those it starts find the repository, what is installed from wheels, and compiled kernels."""
    site = folder / "site"
    places = [str(ROOT), str(ROOT / "ci"), str(site)]
    sys.path[:0] = [str(site)]
    os.environ["PYTHONPATH"] = os.pathsep.join([*places, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ.setdefault("CUPY_CACHE_DIR", str(folder / "kernels"))
    # Else JAX takes three quarters of the memory as soon as it is looked at.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def _install(packages: tuple[str, ...], wheels: Path | None, folder: Path) -> list[str]:
    """Return the packages that are still missing once those among the wheels are installed, beside the results."""
    lacking = missing(packages)
    if wheels is not None:
        for package in lacking:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(wheels)]
            wanted = "cupy-cuda13x" if package == "cupy" else package
            subprocess.run([*command, "--target", str(folder / "site"), wanted], check=False)
    return missing(packages)


def _gpu() -> dict[str, Any] | None:
    """Return name, compute capability and driver of the GPU, or None, having said why CuPy can use none."""
    from nnarray.backends import examine, get_backend, probe, report

    found = probe(get_backend("cupy"))
    if not found.works:
        print(report(examine("cupy")))
        print(f"\nNo CUDA GPU that CuPy can use, so nothing was tested. {found.explain()}", file=sys.stderr)
        return None
    import cupy

    device = cupy.cuda.runtime.getDeviceProperties(0)
    return {
        "name": device["name"].decode(),
        "compute_capability": f"{device['major']}.{device['minor']}",
        "driver_cuda": cupy.cuda.runtime.driverGetVersion(),
        "runtime_cuda": cupy.cuda.runtime.runtimeGetVersion(),
    }


def _options(folder: Path, smoke: bool, stand_in: bool) -> Options:
    folder.mkdir(parents=True, exist_ok=True)
    kind = ("stand-in" if stand_in else "gpu") + ("-smoke" if smoke else "")
    name = f"{kind}-{datetime.now(UTC).date().isoformat()}-{(_commit() or 'no-commit')[:8]}.json"
    return Options(folder / "part.json", folder / name, smoke, stand_in)


def _run(chosen: list[Part], options: Options, gpu: dict[str, Any]) -> int:
    """Run parts one after the other, each in its own process; write the findings of all after each."""
    document = read(options.document) or {
        **({"NOT A GPU": STAND_IN} if options.stand_in else {}),
        **{"command": " ".join(["ci/gpu", "FOLDER", *sys.argv[2:]]), "commit": _commit(), "gpu": gpu},
        "parts": {},
    }
    if options.stand_in:
        print(f"{STAND_IN}. No result is one of a GPU.")
    words = {True: "passed", False: "FAILED"}
    for part in chosen:
        print(f"\n== {part.name}: {part.what}", flush=True)
        flags = ["--part", part.name, *(["--smoke"] if options.smoke else [])]
        command = [sys.executable, str(ROOT / "ci" / "gpu"), str(options.document.parent), *flags]
        found = run_apart(part, options, command, LIMIT)
        document["date"] = found["date"] = datetime.now(UTC).isoformat(timespec="seconds")
        document["versions"] = _versions()
        document["parts"][part.name] = found
        write(options.document, document)
        verdict = f"left out, {found['left_out']}" if "left_out" in found else words[found["passed"]]
        print(f"== {part.name}: {verdict}, {found['seconds']} s", flush=True)
    failed = [part.name for part in chosen if not document["parts"][part.name]["passed"]]
    print(f"\n{'FAILED: ' + ', '.join(failed) if failed else 'All passed'}: {options.document}")
    return int(bool(failed))


def _versions() -> dict[str, str]:
    """Return the versions of what took part."""
    found = {"python": platform.python_version()}
    for package in sorted({*CORE, *OTHERS}):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """Return the commit that is tested, None outside a repository."""
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
