"""Files from the network, checked and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.parse
import zipfile
from collections.abc import Sequence
from pathlib import Path

from nnarray._cache import cache_folder
from nnarray._checks import check_one_of

_SCHEMES = ("http", "https", "file")


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file from the network, which is downloaded if it is not there yet.

    Nothing else in nnarray reaches the network. A file is moved to its place once it is whole and has its hash. An
    archive is extracted by Python's filter for data: nothing is written outside of its folder.

    Parameters
    ----------
    fname : str, optional
        Name of the file, or of the folder of an archive; by default the end of `origin`.
    origin : str
        Address: ``https://``, ``http://`` or ``file://``.
    untar : bool
        The same as ``extract=True, archive_format="tar"``.
    md5_hash : str, optional
        The same as `file_hash` with ``hash_algorithm="md5"``.
    file_hash : str, optional
        Expected hash, in hexadecimal digits: only with it do you know that the file is the one you mean.
    cache_subdir : str
        Folder within `cache_dir`.
    hash_algorithm : {"auto", "sha256", "md5"}
        By default the one whose hashes have that length.
    extract : bool
        Whether the file is an archive of which the folder is wanted.
    archive_format : {"auto", "tar", "zip"} or list of these
        ``tar`` with any compression.
    cache_dir : str or path-like, optional
        By default the cache folder of nnarray: ``$NNARRAY_CACHE_DIR``, ``$XDG_CACHE_HOME/nnarray``, or the platform's,
        such as ``~/.cache/nnarray``.
    force_download : bool
        Whether a file that is there is downloaded again.

    Returns
    -------
    str
        Path of the file, or of the folder with what was in the archive.

    Raises
    ------
    ValueError
        If an argument is none of these, if the file has another hash, or is no archive of the format.
    OSError
        If it cannot be read or written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     there = pathlib.Path(folder, "there.csv")
    ...     _ = there.write_text("1,2")
    ...     here = nna.utils.get_file("here.csv", there.as_uri(), cache_dir=folder)
    ...     pathlib.Path(here).read_text()
    '1,2'
    """
    if origin is None or urllib.parse.urlsplit(origin).scheme not in _SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise ValueError(f"origin must be an address that begins with one of {known}: received origin={origin!r}.")
    name = fname or Path(urllib.parse.unquote(urllib.parse.urlsplit(origin).path)).name
    if not name or Path(name).name != name or name == "..":
        raise ValueError(f"fname must be the name of a file, without a folder: received fname={name!r}. Use cache_dir.")
    wanted = _expected(file_hash or md5_hash, "md5" if md5_hash and not file_hash else hash_algorithm)
    home = (Path(cache_dir).expanduser() if cache_dir is not None else cache_folder()) / cache_subdir
    extract = extract or untar
    # As in Keras: a name with an ending is the archive's, one without is the folder's.
    is_of_archive = fname is not None and "." in name
    path = home / (f"{name}_archive" if extract and not is_of_archive else name)
    if force_download or not path.is_file() or not _has_hash(path, wanted):
        _download(origin, path, wanted)
    if not extract:
        return str(path)
    folder = home / (f"{name.partition('.')[0]}_extracted" if is_of_archive else name)
    _extract(path, folder, "tar" if untar else archive_format)
    return str(folder)


def _expected(value: str | None, algorithm: str) -> tuple[str, str] | None:
    """Return the algorithm and the hash that a file is to have."""
    check_one_of("hash_algorithm", algorithm, ("auto", "sha256", "md5"))
    if value is None:
        return None
    lengths = {"sha256": 64, "md5": 32}
    fitting = [name for name, length in lengths.items() if length == len(value) and algorithm in ("auto", name)]
    if not fitting:
        raise ValueError(
            "file_hash has 64 hexadecimal digits for sha256 and 32 for md5: received "
            f"{len(value)}, hash_algorithm={algorithm!r}."
        )
    return fitting[0], value.lower()


def _has_hash(path: Path, wanted: tuple[str, str] | None) -> bool:
    return wanted is None or _hash(path, wanted[0]) == wanted[1]


def _hash(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _download(origin: str, path: Path, wanted: tuple[str, str] | None) -> None:
    import urllib.request  # what it imports takes 20 ms, which every import of nnarray.utils would wait for

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        new = Path(folder) / "file"
        with urllib.request.urlopen(origin) as source, new.open("wb") as file:
            shutil.copyfileobj(source, file)
        if not _has_hash(new, wanted):
            assert wanted is not None
            raise ValueError(
                f"The file must have the {wanted[0]} hash {wanted[1]}: received one of {_hash(new, wanted[0])} from "
                f"{origin}. It is damaged, or not the file that you mean; it was not kept."
            )
        new.replace(path)


def _extract(path: Path, folder: Path, formats: str | Sequence[str] | None) -> None:
    """Put what is in an archive into a folder."""
    asked = ("tar", "zip") if formats == "auto" else (formats,) if isinstance(formats, str) else tuple(formats or ())
    for name in asked:
        check_one_of("archive_format", name, ("tar", "zip"))
    if "tar" in asked and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    elif "zip" in asked and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    else:
        raise ValueError(f"An archive of format {' or '.join(asked) or 'None'} is needed: received {path}.")
