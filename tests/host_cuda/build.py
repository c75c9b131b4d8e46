"""Builds the host's stand-in for CUDA, under which CuPy itself runs on the CPU. `ci/host-cuda` calls it.

    python tests/host_cuda/build.py FOLDER      builds what is missing and prints the settings of a shell

Nothing of CuPy's is kept in this repository. One of its modules, the wrapper of CUDA's runtime, carries NVIDIA's own
runtime within: it is built from the source of the same version, against a runtime of ours. The rest is the wheel's.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

import stubs

HERE = Path(__file__).parent
SOURCES = HERE / "src"
FLAGS = (
    *("-std=c++17", "-O1", "-fPIC", "-w", "-ffp-contract=off"),
    # Kernels of one name, for other dtypes, share nothing.
    *("-fvisibility=hidden", "-fno-gnu-unique"),
)
#: Libraries by the names that CuPy loads, and what they are made of. Some are looked for only.
LIBRARIES = {
    "libcudart.so.13": ("runtime.cpp", "absent.cpp"),
    "libcuda.so.1": ("driver.cpp",),
    "libnvrtc.so.13": ("nvrtc.cpp",),
    "libcublasLt.so.13": (),
    "libnvJitLink.so.13": (),
    "libcublas.so.13": ("cublas.cpp",),
    "libcusparse.so.12": (),
    "libcusolver.so.12": ("cusolver.cpp",),
    "libcufft.so.12": ("cufft.cpp",),
}
#: The modules that some of them are linked to: functions that are not made here are refused by name.
LINKED = {
    "libcublas.so.13": "cupy_backends/cuda/libs/cublas",
    "libcusparse.so.12": "cupy_backends/cuda/libs/cusparse",
    "libcusolver.so.12": "cupy_backends/cuda/libs/cusolver",
    "libcufft.so.12": "cupy/cuda/cufft",
}
#: Bytes that a build and the kernels of all tests need at most.
ROOM = 1 << 30


class CannotBuildError(Exception):
    """What is missing on this machine, and how it comes in."""


def requirements() -> dict[str, str]:
    """Return the version of each package that the stand-in is made for, by name."""
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def build(folder: Path) -> Path:
    """Return the folder of the stand-in, built if it is not there.

    Raises
    ------
    CannotBuildError
        If there is no compiler, no room on the disk, or another CuPy than the stand-in is made for.
    """
    check_cupy()
    compiler = find_compiler()
    folder = folder.resolve()
    done = folder / f"built-{fingerprint(compiler)}"
    if done.exists():
        return done
    folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder).free) < ROOM:
        raise CannotBuildError(f"{folder} has {free >> 20} MiB left; the stand-in and its kernels need {ROOM >> 20}.")
    print(f"Building the host's stand-in for CUDA in {done}: about a minute.", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        unfinished = Path(temporary) / "built"
        build_in(unfinished, done, compiler)
        unfinished.rename(done)
    return done


def check_cupy() -> None:
    """See that CuPy is there, once, in the version that the stand-in is made for."""
    wanted = requirements()["cupy-cuda13x"]
    names = {distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()}
    found = sorted(name for name in names if name == "cupy" or name.startswith("cupy-"))
    cure = f"Install it: pip install cupy-cuda13x=={wanted}"
    if len(found) > 1:
        raise CannotBuildError(
            f"Two distributions of CuPy lie over each other: {', '.join(found)}. Uninstall all but one."
        )
    if found != ["cupy-cuda13x"]:
        raise CannotBuildError(
            f"The stand-in is made for cupy-cuda13x; there is {found[0] if found else 'none'}. {cure}"
        )
    version = importlib.metadata.version("cupy-cuda13x")
    if version != wanted:
        raise CannotBuildError(f"The stand-in is made for CuPy {wanted}; version {version} is installed. {cure}")


def find_compiler() -> str:
    """Return the path of the host's C++ compiler."""
    name = os.environ.get("CXX", "g++")
    found = shutil.which(name)
    if found is None:
        raise CannotBuildError(f"There is no compiler {name!r}. Install GCC, or set CXX to a compiler that is like it.")
    return found


def fingerprint(compiler: str) -> str:
    """Return a hash of all that decides what is built, and what kernels become."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    parts = [sys.version, version, compiler, sys.prefix, (HERE / "requirements.txt").read_text()]
    parts += [
        path.read_text()
        for path in sorted(
            [Path(__file__), *(HERE / name for name in ("thrust.py", "fft.py", "stubs.py")), *SOURCES.iterdir()]
        )
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def build_in(folder: Path, final: Path, compiler: str) -> None:
    """Build everything in `folder`, which will be moved to `final`."""
    headers = Path(find("nvidia.cu13")) / "include"
    cupy, backends = Path(find("cupy")), Path(find("cupy_backends"))
    include = folder / "include"
    include.mkdir(parents=True)
    shutil.copy(SOURCES / "kernel.h", include)
    (folder / "lib").mkdir()
    flags = ", ".join(f'"{word}"' for word in FLAGS)
    defines = (
        f'-DHOST_CUDA_COMPILER="{compiler}"',
        f"-DHOST_CUDA_FLAGS={flags}",
        f'-DHOST_CUDA_BUILD="{final.name}"',
    )
    blas = Path(find("scipy_openblas32"))
    includes = (headers, cupy / "_core/include/cupy/_cccl/libcudacxx", blas / "include", sysconfig.get_path("include"))
    for name, sources in LIBRARIES.items():
        paths = [SOURCES / source for source in sources]
        link = ["-shared", f"-Wl,-soname,{name}", f"-Wl,-rpath,{final / 'lib'}", f"-L{folder / 'lib'}", "-ldl"]
        link += ["-l:libcudart.so.13"] * (name != "libcudart.so.13")
        if name in LINKED:
            module = next(cupy.parent.glob(f"{LINKED[name]}.*.so"))
            text, versions = folder / f"{name}.c", folder / f"{name}.map"
            text.write_text(stubs.stubs(module, name))
            versions.write_text(stubs.version_script(name))
            run("cc", "-O1", "-fPIC", "-w", "-c", text, "-o", text.with_suffix(".o"))
            link += [text.with_suffix(".o"), f"-Wl,--version-script={versions}"]
            link += [f"-L{blas / 'lib'}", f"-Wl,-rpath,{blas / 'lib'}", "-lscipy_openblas"]
        options = ["-std=c++17", "-O2", "-fPIC", "-w", *(f"-I{path}" for path in includes), *defines]
        options += ["-x", "c++", *(paths or ["/dev/null"]), "-x", "none"]
        run(compiler, *options, "-o", folder / "lib" / name, *link)
    module = backends / "cuda" / "api" / f"runtime{sysconfig.get_config_var('EXT_SUFFIX')}"
    built = build_runtime_module(folder, final, compiler, headers)
    site = folder / "site"
    overlay(backends, site / "cupy_backends", {module.relative_to(backends): built})
    thrust = next((cupy / "cuda").glob("thrust.*.so"))
    overlay(cupy, site / "cupy", {thrust.relative_to(cupy): None, Path("cuda/thrust.py"): HERE / "thrust.py"})
    shutil.copy(HERE / "fft.py", site / "host_cuda_fft.py")
    precompile(include, compiler, headers, cupy)


def find(package: str) -> str:
    """Return the folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CannotBuildError(f"{package} is not installed. Install: pip install -r {HERE / 'requirements.txt'}")
    return next(iter(spec.submodule_search_locations))


def build_runtime_module(folder: Path, final: Path, compiler: str, headers: Path) -> Path:
    """Build CuPy's wrapper of CUDA's runtime from its source distribution, and return its path."""
    version = requirements()["cupy-cuda13x"]
    source = folder / "source"
    source.mkdir()
    environment = os.environ | {"CUPY_INSTALL_USE_STUB": "1"}
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--no-binary", "cupy", "--no-build-isolation", "--dest", str(source), f"cupy=={version}"]
    done = subprocess.run(pip, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuildError(f"The source of CuPy {version} could not be downloaded:\n{done.stdout}{done.stderr}")
    with tarfile.open(next(source.glob("cupy-*.tar.gz"))) as archive:
        archive.extractall(source, filter="data")
    root = source / f"cupy-{version}"
    constants = "CUPY_CUDA_VERSION=13000,CUPY_HIP_VERSION=0,CUPY_USE_CUDA_PYTHON=0"
    text = folder / "runtime.cpp"
    module = "cupy_backends/cuda/api/runtime.pyx"
    cython = [sys.executable, "-m", "cython", "-3", "--cplus", "-w", str(root), "-E", constants]
    run(*cython, "-X", "warn.deprecated.IF=False", "-o", text, module)
    built = folder / "lib" / f"runtime{sysconfig.get_config_var('EXT_SUFFIX')}"
    includes = [
        sysconfig.get_path("include"),
        headers,
        SOURCES,
        root / "cupy_backends",
        root / "cupy_backends/cuda/api",
    ]
    libraries = ["-Wl,--no-as-needed", *(f"-l:{name}" for name in LIBRARIES)]
    # All libraries are there as soon as this module is: whoever looks for one of their names then finds it.
    link = ["-shared", f"-L{folder / 'lib'}", f"-Wl,-rpath,{final / 'lib'}", *libraries]
    run(compiler, "-O1", "-fPIC", "-w", *(f"-I{path}" for path in includes), text, "-o", built, *link)
    shutil.rmtree(source)
    text.unlink()
    return built


def overlay(package: Path, target: Path, replaced: dict[Path, Path | None]) -> None:
    """Make a package out of links to another's files, some of them replaced or, by None, left out."""
    target.mkdir(parents=True)
    here = {path for path in replaced if path.parent == Path()}
    below = {path.parts[0] for path in replaced if path.parent != Path()}
    for entry in package.iterdir():
        if entry.name in below:
            inner = {path.relative_to(entry.name): new for path, new in replaced.items() if path.parts[0] == entry.name}
            overlay(entry, target / entry.name, inner)
        elif Path(entry.name) not in here and entry.name != "__pycache__":
            (target / entry.name).symlink_to(entry)
    for path in here:
        if (new := replaced[path]) is not None:
            shutil.copy(new, target / path)


def precompile(include: Path, compiler: str, headers: Path, cupy: Path) -> None:
    """Compile what stands before each kernel once for all: most of the time of a small one."""
    names = ("complex", "carray", "atomics", "float16", "bfloat16")
    lines = [
        '#include "kernel.h"',
        *(f"#include <cupy/{name}.cuh>" for name in names),
        "#include <cupy/math_constants.h>",
    ]
    (include / "cupy_kernel.h").write_text("\n".join(lines) + "\n")
    own = cupy / "_core" / "include"
    cccl = [own / "cupy" / "_cccl" / part for part in ("cub", "thrust", "libcudacxx")]
    folders = [f"-I{path}" for path in (*cccl, own, headers)]
    for text in ("kernel.h", "cupy_kernel.h"):
        run(compiler, *FLAGS, "-x", "c++-header", *folders, include / text, "-o", include / f"{text}.gch")


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuildError(f"{shlex.join(str(word) for word in command)}\n{done.stdout}{done.stderr}")


def settings(built: Path) -> dict[str, str]:
    """Return the environment in which `import cupy` finds the stand-in."""
    path = os.pathsep.join(filter(None, [str(built / "site"), os.environ.get("PYTHONPATH")]))
    return {
        "NNARRAY_HOST_CUDA": str(built),
        "PYTHONPATH": path,
        "CUPY_CACHE_DIR": str(built / "kernels"),
        "CUPY_ACCELERATORS": "",
    }


def main() -> int:
    try:
        built = build(Path(sys.argv[1]))
    except CannotBuildError as error:
        print(f"The host's stand-in for CUDA cannot be built. {error}", file=sys.stderr)
        return 1
    for name, value in settings(built).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
