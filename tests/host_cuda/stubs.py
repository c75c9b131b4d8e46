"""What CuPy's modules take from CUDA's libraries and the stand-in does not have: each says its name and is refused.

Python loads a module only if all its functions are found, also those that nobody calls.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

#: The status by which each library says that it does not support something.
NOT_SUPPORTED = {
    **{"libcudart.so.13": 801, "libcublas.so.13": 15, "libcufft.so.12": 16},
    **{"libcusolver.so.12": 9, "libcusparse.so.12": 10},
}

_HEAD = """\
#include <stdio.h>
#define SAY(name) fputs("The host's stand-in for CUDA has no " name ".\\n", stderr)
#define ABSENT(name) __attribute__((weak)) int name(void) { return SAY(#name), NOT_SUPPORTED; }
#define TEXT(name) __attribute__((weak)) const char *name(void) { return "absent from the host's stand-in for CUDA"; }
"""


def stubs(module: Path, library: str) -> str:
    """Return C that defines all that a module of CuPy's takes from a library, weakly: what is written elsewhere stays.

    The module may also be an object file that is not linked yet.

    Raises
    ------
    ValueError
        If the module takes nothing from the library.
    """
    dynamic = ["-D"] if module.suffix == ".so" else []
    done = subprocess.run(["nm", *dynamic, "--undefined-only", module], capture_output=True, text=True, check=True)
    names = re.findall(rf"^ *U ({_prefix(library)}\w+)(?:@{re.escape(library)})?$", done.stdout, re.MULTILINE)
    if not names:
        raise ValueError(f"{module.name} must take something from {library}; received a module that takes nothing.")
    lines = [f"{'TEXT' if re.search('Error(Name|String)$', name) else 'ABSENT'}({name})" for name in names]
    return "\n".join([_HEAD + f"#define NOT_SUPPORTED {NOT_SUPPORTED[library]}", *lines]) + "\n"


def version_script(library: str) -> str:
    """Return the linker's script by which a library's functions carry its name as their version, as NVIDIA's do."""
    return f"{library} {{ global: {_prefix(library)}*; local: *; }};\n"


def _prefix(library: str) -> str:
    """Return what the names of a library's functions begin with."""
    return re.fullmatch(r"lib(\w+)\.so\.\d+", library)[1].removesuffix("rt")
