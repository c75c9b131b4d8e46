"""IDX, the file format of the MNIST family: a magic number, the sizes of the axes, then the elements."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

#: The third byte of a file: the type of its elements, all big-endian.
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Return the array in an IDX file, gzipped or not, whatever its name ends in.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    ndarray of uint8, int8, int16, int32, float32 or float64
        As the file says, in the machine's byte order, in memory of its own.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its magic number is none of IDX, or it has more or fewer bytes than its head says.

    Notes
    -----
    The format is described at the end of http://yann.lecun.com/exdb/mnist.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3]) + bytes([7, 0, 9]))
    ...     nna.datasets.read_idx(path)
    array([7, 0, 9], dtype=uint8)
    """
    file = Path(path)
    content = file.read_bytes()
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{file}: a gzipped file must be whole: received {len(content)} bytes, {error}.") from None
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        types = ", ".join(f"{code:02x}" for code in _DTYPES)
        raise ValueError(
            f"{file}: an IDX file starts with 00 00, a type ({types}) and the number of axes: received "
            f"{magic.hex(' ') or 'an empty file'}."
        )
    dtype, start = np.dtype(_DTYPES[magic[2]]), 4 + 4 * magic[3]
    if len(content) < start:
        raise ValueError(
            f"{file}: the head of an IDX file of {magic[3]} axes has {start} bytes: received {len(content)}."
        )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", magic[3], offset=4))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise ValueError(
            f"{file}: an IDX file of shape {shape} and dtype {dtype.name} has {expected} bytes: received "
            f"{len(content)}."
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
