"""One file of arrays and plain values: written whole or not at all, read without running anything."""

from __future__ import annotations

import json
import os
import platform
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from nnarray._version import __version__

#: Of what is written; a reader refuses a later one.
FORMAT = 1
_COMPLEX = {"complex64": np.float32, "complex128": np.float64}


def checked_path(filepath: Any, what: str) -> Path:
    """Return a path to write to, or raise ValueError if its name says that it is of another format."""
    path = Path(filepath)
    if path.suffix != ".safetensors":
        raise ValueError(
            f"{what} are written as safetensors: received the name {path.name!r}. Name the file "
            f"{path.with_suffix('.safetensors').name!r}."
        )
    return path


def write(path: Path, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write plain values and arrays; what stood in the file stays, whole, until all of it is on the disk.

    Raises
    ------
    OSError
        If that fails; the file is as it was.
    """
    tensors, complexes = {}, {}
    for name, array in arrays.items():
        array = np.ascontiguousarray(array).reshape(array.shape)
        if array.dtype.name in _COMPLEX:
            complexes[name] = array.dtype.name
            array = array.view(_COMPLEX[array.dtype.name]).reshape(*array.shape, 2)
        tensors[name] = array
    metadata = {
        "format": "nnarray",
        "nnarray": json.dumps({"format": FORMAT, "version": __version__, "complex": complexes}),
        "values": json.dumps(encoded(values)),
    }
    path = path.resolve()
    _clear(path)
    # The library has files of its own beside the one that it writes: all of them are in a folder.
    folder = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}-{threading.get_ident()}.tmp")
    folder.mkdir(exist_ok=True)
    try:
        save_file(tensors, folder / path.name, metadata)
        (folder / "mode").touch()
        # The library lets nobody else read its files.
        (folder / path.name).chmod((path if path.exists() else folder / "mode").stat().st_mode)
        _flush(folder / path.name, os.O_RDWR)
        (folder / path.name).replace(path)
        _flush(path.parent, os.O_RDONLY)
    except SafetensorError as error:
        raise OSError(f"{path} could not be written, and is as it was: {error}.") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path, how: int) -> None:
    """Wait until what was written to a file, or which files are in a folder, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return
    opened = os.open(path, how)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _clear(path: Path) -> None:
    """Remove what processes of this machine left beside a file when they were killed."""
    for left in path.parent.glob(f".{path.name}.{platform.node()}-*.tmp"):
        number = left.name.removesuffix(".tmp").rpartition("-")[0].rpartition("-")[2]
        if number.isdigit() and not _is_alive(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(number: int) -> bool:
    if os.name == "nt":
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read(path: Path) -> tuple[dict[str, Any] | None, dict[str, np.ndarray]]:
    """Return the plain values of a file, None if they are not ours, and its arrays.

    Raises
    ------
    FileNotFoundError, PermissionError
        If it is not there, or not to be read.
    ValueError
        If it is damaged, or of a later version.
    """
    with path.open("rb"):
        """Whether it can be read is the system's to say."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- it is no mapping
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is no whole safetensors file: {error}. It is damaged, or of another kind.") from None
    if metadata.get("format") != "nnarray":
        return None, arrays
    try:
        about = json.loads(metadata["nnarray"])
        version, number = about["version"], int(about["format"])
        for name, dtype in about["complex"].items():
            arrays[name] = np.ascontiguousarray(arrays[name]).view(np.dtype(dtype))[..., 0]
        values = decoded(json.loads(metadata["values"])) if number <= FORMAT else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: what describes its arrays cannot be read ({error!r}).") from None
    if values is None:
        raise ValueError(
            f"{path} was written by nnarray {version} in format {number}: this is nnarray {__version__}, which reads "
            f"formats up to {FORMAT}. Install a later version: pip install -U nnarray."
        )
    return values, arrays


def encoded(x: Any) -> Any:
    """Return plain values as JSON has them: tuples and dicts whose keys are no strings are marked."""
    if isinstance(x, tuple):
        return {"class_name": "__tuple__", "items": [encoded(item) for item in x]}
    if isinstance(x, list):
        return [encoded(item) for item in x]
    if isinstance(x, dict):
        if all(isinstance(key, str) for key in x):
            return {key: encoded(item) for key, item in x.items()}
        return {"class_name": "__dict__", "items": [[encoded(key), encoded(item)] for key, item in x.items()]}
    return x


def decoded(x: Any) -> Any:
    """Return what `encoded` was given."""
    if isinstance(x, list):
        return [decoded(item) for item in x]
    if not isinstance(x, dict):
        return x
    kind = x.get("class_name")
    if kind == "__tuple__" and "items" in x:
        return tuple(decoded(item) for item in x["items"])
    if kind == "__dict__" and "items" in x:
        return {decoded(key): decoded(item) for key, item in x["items"]}
    return {key: decoded(item) for key, item in x.items()}
