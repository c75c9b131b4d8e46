"""Keras' files with changes, for tests of what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.keras_models import FOLDER


def members_of(name: str) -> dict[str, bytes]:
    """Return what is in a file that Keras wrote."""
    with zipfile.ZipFile(FOLDER / f"{name}.keras") as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def written(folder: Path, members: dict[str, bytes]) -> Path:
    """Write an archive and return its path."""
    path = folder / "altered.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def altered(
    folder: Path, name: str, config: Callable[[Any], Any] | None = None, weights: Callable[[Any], Any] | None = None
) -> Path:
    """Write a file of Keras anew, of which functions change the config and the open HDF5 file; return its path."""
    import h5py

    members = members_of(name)
    if config is not None:
        values = json.loads(members["config.json"])
        config(values)
        members["config.json"] = json.dumps(values).encode()
    if weights is not None:
        content = io.BytesIO(members["model.weights.h5"])
        with h5py.File(content, "r+") as stored:
            weights(stored)
        members["model.weights.h5"] = content.getvalue()
    return written(folder, members)
