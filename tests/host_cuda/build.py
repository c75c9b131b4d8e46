"""Builds the host's stand-in for CUDA, under which CuPy itself runs on the CPU. `ci/host-cuda` calls it.

    python tests/host_cuda/build.py FOLDER      builds what is not there yet and prints the settings of a shell

Exit code: 1 if it fails, 3 if something is missing on this machine.

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
#: Modules of ours in the place of CuPy's, whose kernels are compiled for GPUs alone.
IN_PLACE = {"cuda/thrust": "thrust.py", "random/_generator_api": "generator.py"}
#: Libraries by the names that CuPy loads, and what they are made of. Some are looked for only.
LIBRARIES = {
    "libcudart.so.13": ("runtime.cpp", "memory.cpp", "streams.cpp"),
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
ROOM = 1 << 28


class MissingError(Exception):
    """What the stand-in needs and this machine has not, and how it comes in."""


class FailedError(Exception):
    """A command that failed, and what it said."""


def requirements() -> dict[str, str]:
    """Return the version of each package that the stand-in is made for, by name."""
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def build(folder: Path) -> Path:
    """Return the folder of the stand-in, built if it is not there.

    Raises
    ------
    MissingError
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
        raise MissingError(f"{folder} has {free >> 20} MiB left; the stand-in and its kernels need {ROOM >> 20}.")
    print(f"Building the host's stand-in for CUDA in {done}: about a minute.", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        unfinished = Path(temporary) / "built"
        build_in(unfinished, done, compiler)
        try:
            unfinished.rename(done)
        except OSError:
            # Another process may have built the same meanwhile.
            if not done.exists():
                raise
    return done


def check_cupy() -> None:
    """See that CuPy is there, once, in the version that the stand-in is made for."""
    wanted = requirements()["cupy-cuda13x"]
    names = {distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()}
    found = sorted(name for name in names if name == "cupy" or name.startswith("cupy-"))
    cure = f"Install it: pip install cupy-cuda13x=={wanted}"
    if len(found) > 1:
        raise MissingError(f"Two distributions of CuPy lie over each other: {', '.join(found)}. Uninstall all but one.")
    if found != ["cupy-cuda13x"]:
        raise MissingError(f"The stand-in is made for cupy-cuda13x; there is {found[0] if found else 'none'}. {cure}")
    version = importlib.metadata.version("cupy-cuda13x")
    if version != wanted:
        raise MissingError(f"The stand-in is made for CuPy {wanted}; version {version} is installed. {cure}")


def find_compiler() -> str:
    """Return the path of the host's C++ compiler."""
    name = os.environ.get("CXX", "g++")
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"There is no compiler {name!r}. Install GCC, or set CXX to a compiler that is like it.")
    return found


def fingerprint(compiler: str) -> str:
    """Return a hash of all that decides what is built, and what kernels become."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    files = [Path(__file__), *(HERE / name for name in ("requirements.txt", "fft.py", "stubs.py", *IN_PLACE.values()))]
    texts = [path.read_text() for path in sorted([*files, *SOURCES.iterdir()])]
    return hashlib.sha256("\0".join([sys.version, sys.prefix, compiler, version, *texts]).encode()).hexdigest()[:16]


def build_in(folder: Path, final: Path, compiler: str) -> None:
    """Build everything in `folder`, which will be moved to `final`."""
    headers, cupy, backends = find("nvidia.cu13") / "include", find("cupy"), find("cupy_backends")
    for name in ("lib", "include", "objects"):
        (folder / name).mkdir(parents=True)
    runtime = compile_runtime_module(folder / "objects", compiler, headers)
    build_libraries(folder, final, compiler, headers, cupy, runtime)
    # All libraries are there as soon as this module is: whoever looks for one of their names then finds it.
    module = folder / "lib" / f"runtime{sysconfig.get_config_var('EXT_SUFFIX')}"
    libraries = ["-Wl,--no-as-needed", *(f"-l:{name}" for name in LIBRARIES)]
    run(compiler, runtime, "-o", module, *linked_in(folder, final), *libraries)
    site = folder / "site"
    overlay(backends, site / "cupy_backends", {Path("cuda/api") / module.name: module})
    replaced: dict[Path, Path | None] = {}
    for name, ours in IN_PLACE.items():
        replaced[next(cupy.glob(f"{name}.*.so")).relative_to(cupy)] = None
        replaced[Path(f"{name}.py")] = HERE / ours
    overlay(cupy, site / "cupy", replaced)
    shutil.copy(HERE / "fft.py", site / "host_cuda_fft.py")
    precompile(folder / "include", compiler, headers, cupy)
    shutil.rmtree(folder / "objects")


def linked_in(folder: Path, final: Path) -> list[str]:
    """Return the linker's options for what is made in a folder and will be moved."""
    return ["-shared", f"-L{folder / 'lib'}", f"-Wl,-rpath,{final / 'lib'}"]


def build_libraries(folder: Path, final: Path, compiler: str, headers: Path, cupy: Path, runtime_module: Path) -> None:
    """Build all of `LIBRARIES`."""
    objects, blas = folder / "objects", find("scipy_openblas32")
    flags = ", ".join(f'"{word}"' for word in FLAGS)
    defines = {"COMPILER": f'"{compiler}"', "FLAGS": flags, "BUILD": f'"{final.name}"'}
    includes = (headers, cupy / "_core/include/cupy/_cccl/libcudacxx", blas / "include", sysconfig.get_path("include"))
    options = ["-std=c++17", "-O2", "-fPIC", "-w", *(f"-I{path}" for path in includes)]
    options += [f"-DHOST_CUDA_{name}={value}" for name, value in defines.items()]
    for name, sources in LIBRARIES.items():
        link = [*linked_in(folder, final), f"-Wl,-soname,{name}", "-ldl"]
        link += ["-l:libcudart.so.13"] * (name != "libcudart.so.13")
        modules = {"libcudart.so.13": runtime_module}
        if name in LINKED:
            modules[name] = next(cupy.parent.glob(f"{LINKED[name]}.*.so"))
            versions = objects / f"{name}.map"
            versions.write_text(stubs.version_script(name))
            link += [f"-Wl,--version-script={versions}"]
            link += [f"-L{blas / 'lib'}", f"-Wl,-rpath,{blas / 'lib'}", "-lscipy_openblas"]
        absent = objects / f"{name}.c"
        absent.write_text(stubs.stubs(modules[name], name) if name in modules else "")
        run("cc", "-O1", "-fPIC", "-w", "-c", absent, "-o", absent.with_suffix(".o"))
        run(
            *(compiler, *options, *(SOURCES / source for source in sources), absent.with_suffix(".o")),
            *("-o", folder / "lib" / name, *link),
        )


def find(package: str) -> Path:
    """Return the folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingError(f"{package} is not installed. Install: pip install -r {HERE / 'requirements.txt'}")
    return Path(next(iter(spec.submodule_search_locations)))


def compile_runtime_module(folder: Path, compiler: str, headers: Path) -> Path:
    """Compile CuPy's wrapper of CUDA's runtime from its source distribution, and return the object file."""
    version = requirements()["cupy-cuda13x"]
    environment = os.environ | {"CUPY_INSTALL_USE_STUB": "1"}
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--no-binary", "cupy", "--no-build-isolation", "--dest", str(folder), f"cupy=={version}"]
    done = subprocess.run(pip, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(f"The source of CuPy {version} could not be downloaded:\n{done.stdout}{done.stderr}")
    with tarfile.open(next(folder.glob("cupy-*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    root = folder / f"cupy-{version}"
    constants = "CUPY_CUDA_VERSION=13000,CUPY_HIP_VERSION=0,CUPY_USE_CUDA_PYTHON=0"
    text, compiled = folder / "runtime.cpp", folder / "runtime.o"
    cython = [sys.executable, "-m", "cython", "-3", "--cplus", "-w", str(root), "-E", constants]
    run(*cython, "-X", "warn.deprecated.IF=False", "-o", text, "cupy_backends/cuda/api/runtime.pyx")
    own = root / "cupy_backends"
    includes = (sysconfig.get_path("include"), headers, SOURCES, own, own / "cuda" / "api")
    run(compiler, "-O1", "-fPIC", "-w", "-c", *(f"-I{path}" for path in includes), text, "-o", compiled)
    return compiled


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
    shutil.copy(SOURCES / "kernel.h", include)
    (include / "cupy_kernel.h").write_text("\n".join(lines) + "\n")
    own = cupy / "_core" / "include"
    cccl = [own / "cupy" / "_cccl" / part for part in ("cub", "thrust", "libcudacxx")]
    folders = [f"-I{path}" for path in (*cccl, own, headers)]
    for text in ("kernel.h", "cupy_kernel.h"):
        run(compiler, *FLAGS, "-x", "c++-header", *folders, include / text, "-o", include / f"{text}.gch")


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(f"{shlex.join(str(word) for word in command)}\n{done.stdout}{done.stderr}")


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
    except (MissingError, FailedError) as error:
        print(f"The host's stand-in for CUDA cannot be built. {error}", file=sys.stderr)
        return 3 if isinstance(error, MissingError) else 1
    for name, value in settings(built).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
