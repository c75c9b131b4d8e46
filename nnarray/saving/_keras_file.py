"""What is in Keras' files, read as data: nothing in them is run, and nothing outside them is opened."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np

from nnarray._messages import missing_extra
from nnarray.saving._file import decoded

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
#: Most bytes of a text; and of other members, beyond which they are to take not much less in the archive. Keras does
#: not compress them.
_MOST_TEXT, _MOST_UNCHECKED, _MOST_EXPANSION = 1 << 26, 1 << 26, 100
#: What damaged files make the libraries that read them raise.
_DAMAGE = (
    *(OSError, KeyError, ValueError, TypeError, AttributeError, EOFError, RuntimeError, OverflowError, MemoryError),
    *(RecursionError, NotImplementedError, zipfile.BadZipFile, zlib.error),
)


class KerasArchive(NamedTuple):
    """What a ``.keras`` file holds.

    Attributes
    ----------
    config : dict
        Describes the model.
    arrays : dict of str to array
        By Keras' paths.
    assets : list of str
        Names of members beside these.
    """

    config: dict[str, Any]
    arrays: dict[str, np.ndarray]
    assets: list[str]


def is_keras(path: Path) -> bool:
    """Whether a file is one of Keras', by its name."""
    return path.suffix in (".keras", ".h5", ".hdf5")


def keras_archive(path: Path) -> KerasArchive:
    """Return what is in a ``.keras`` file.

    Raises
    ------
    ImportError
        If h5py is not installed.
    ValueError
        If the file is damaged, hostile or of Keras 2.
    """
    _require_h5py()
    if path.suffix != ".keras":
        raise ValueError(
            f"Keras' models are read from .keras files: received {path.name!r}. Save it anew by Keras 3, "
            "model.save('model.keras'); or make the model, and call model.load_weights for what save_weights wrote."
        )
    with path.open("rb") as opened:
        try:
            with zipfile.ZipFile(opened) as archive:
                members = _members(archive)
                metadata, config = (_text(archive, members, name) for name in (_METADATA, _CONFIG))
                arrays = dict(_datasets(_content(archive, members, _WEIGHTS)))
        except _DAMAGE as error:
            raise _unreadable(path, error) from None
    version = str(metadata.get("keras_version"))
    if not version.startswith("3."):
        raise ValueError(f"{path} was written by Keras {version:.20}: load it by Keras 3 and save it anew.")
    known = (_METADATA, _CONFIG, _WEIGHTS)
    return KerasArchive(config, arrays, [name for name in members if name not in known and not name.endswith("/")])


def keras_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays in a ``.keras`` or ``.weights.h5`` file, by Keras' paths.

    Raises
    ------
    ImportError
        If h5py is not installed.
    ValueError
        If the file is damaged or hostile.
    """
    _require_h5py()
    with path.open("rb") as opened:
        try:
            if path.suffix != ".keras":
                return dict(_datasets(opened))
            with zipfile.ZipFile(opened) as archive:
                return dict(_datasets(_content(archive, _members(archive), _WEIGHTS)))
        except _DAMAGE as error:
            raise _unreadable(path, error) from None


def _require_h5py() -> None:
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise ImportError(missing_extra("h5py", "keras", "Reading Keras' files")) from None


def _unreadable(path: Path, error: BaseException) -> ValueError:
    told = error.args[0] if isinstance(error, KeyError) and error.args else error
    told = told if str(told) else type(error).__name__
    return ValueError(f"{path} is no whole file of Keras: {told}. It is damaged, or of another kind.")


# -- the archive ------------------------------------------------------------------------------------------------------


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename
        windows = PureWindowsPath(name)
        if windows.drive or windows.root or ".." in (*PurePosixPath(name).parts, *windows.parts):
            raise ValueError(f"it has a member that is named {name!r:.80}, a place outside")
        if name in members:
            raise ValueError(f"it has two members that are named {name!r:.80}")
        members[name] = member
    return members


def _read(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, most: int) -> bytes:
    if name not in members:
        raise ValueError(f"it has no {name}")
    member = members[name]
    if member.file_size > most:
        raise ValueError(
            f"its {name} of {member.compress_size} bytes is to become {member.file_size}, which are too many"
        )
    return archive.read(member)


def _content(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> io.BytesIO:
    size = members[name].compress_size if name in members else 0
    return io.BytesIO(_read(archive, members, name, max(_MOST_UNCHECKED, _MOST_EXPANSION * size)))


def _text(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> dict[str, Any]:
    read = decoded(json.loads(_read(archive, members, name, _MOST_TEXT)))
    if not isinstance(read, dict):
        raise ValueError(f"its {name} is no dict")
    return read


# -- the arrays -------------------------------------------------------------------------------------------------------


def _datasets(file: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays in an HDF5 file with their paths.

    All of them together take no more bytes than the file has, as Keras writes them: nothing in it is compressed,
    filled in, or stored twice. Links, which may lead out of the file, are refused.
    """
    import h5py

    left = file.seek(0, io.SEEK_END)
    with h5py.File(file, "r") as stored:
        root = stored["/"]
        seen = {root.id}
        groups: list[tuple[str, Any]] = [("", root)]
        while groups:
            path, group = groups.pop()
            for name in group:
                place = f"{path}{name}"
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"{place!r:.80} in it is a link to another place")
                item = group[name]
                if item.id in seen:
                    raise ValueError(f"{place!r:.80} in it is there twice")
                seen.add(item.id)
                if isinstance(item, h5py.Group):
                    groups.append((f"{place}/", item))
                    continue
                _check_dataset(place, item, left)
                left -= item.nbytes
                yield place, np.asarray(item[()])


def _check_dataset(place: str, item: Any, left: int) -> None:
    """Raise ValueError if an object in an HDF5 file is no array of numbers that is stored there itself."""
    import h5py

    if not isinstance(item, h5py.Dataset) or item.shape is None:
        raise ValueError(f"{place!r:.80} in it is no array")
    if item.is_virtual or item.external is not None:
        raise ValueError(f"{place!r:.80} in it is stored in another file")
    if item.dtype.kind not in "biufc" or "bfloat16" in str(item.attrs.get("dtype", "")):
        raise ValueError(f"{place!r:.80} in it has a dtype that weights cannot have")
    if item.nbytes > left:
        raise ValueError(f"{place!r:.80} in it is to become {item.nbytes} bytes, which the file does not hold")
