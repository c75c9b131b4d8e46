"""Weights in files: ours, and those of other libraries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnarray._checks import check_one_of
from nnarray._messages import nearest
from nnarray.saving import _contents as contents
from nnarray.saving._file import checked_path, read, write
from nnarray.saving._keras import keras_paths, keras_weights
from nnarray.saving._keras_file import is_keras
from nnarray.saving._model import _WEIGHTS, _check_target
from nnarray.variables import Variable


@dataclass(frozen=True)
class LoadReport:
    """What of a file went where.

    Attributes
    ----------
    loaded : dict of str to str
        Paths of variables, and the names of the arrays that they got.
    missing : list of str
        Variables, by their paths, that kept their values: the file has nothing for them.
    unused : list of str
        Names of arrays that belong to no variable.
    mismatched : list of str
        Variables that kept their values because the array has another shape.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(2, input_dim=3)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors"
    >>> model.save_weights(path)
    >>> model.load_weights(path).loaded
    {'layers/0/kernel': 'layers/0/kernel', 'layers/0/bias': 'layers/0/bias'}
    """

    loaded: dict[str, str]
    missing: list[str]
    unused: list[str]
    mismatched: list[str]


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Save the variables of a model to a safetensors file, by the paths that lead to them.

    Parameters
    ----------
    model : Model
        Built.
    filepath : str or path
        Ends in ``.safetensors``; until all is written, what stood there before stays, whole.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    ValueError
        If the model is not built, or the name has another ending.
    FileExistsError, OSError
        As for `save_model`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(2, input_dim=3)])
    >>> nna.saving.save_weights(model, pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors")
    """
    path = checked_path(filepath, "Weights")
    _require_built(model)
    _check_target(path, overwrite)
    write(path, {"weights": True}, contents.weights_by_path(model))


def _require_built(model: Any) -> None:
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} has no weights before it is built. Declare the input shape, or call "
            "model.build((None, features))."
        )


def load_weights(
    model: Any, filepath: Any, skip_mismatch: bool = False, *, names: Mapping[str, str] | None = None, by: str = "auto"
) -> LoadReport:
    """Set the variables of a model to the arrays in a file.

    Parameters
    ----------
    model : Model
        Built.
    filepath : str or path
        What `save_weights` or `save_model` wrote; Keras' ``.keras`` or ``.weights.h5`` (with ``nnarray[keras]``); or a
        safetensors file of another library, such as a torch ``state_dict``, whose matrices ``weight`` are transposed
        for kernels.
    skip_mismatch : bool
        Whether variables without a fitting array keep their values; otherwise that is an error.
    names : mapping of str to str, optional
        Names of arrays for paths of variables, where a file has others.
    by : {"auto", "name", "order"}
        How arrays and variables find each other: by name, or one after the other, in which arrays of other libraries
        are sorted by name, numbers by size, and weights come before biases. "auto" takes names where all of them are
        those of the model's variables, and the order otherwise.

    Returns
    -------
    LoadReport

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If arrays do not fit the variables, or the file is damaged; then nothing was changed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(2, input_dim=3)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors"
    >>> nna.saving.save_weights(model, path)
    >>> nna.saving.load_weights(model, path).unused
    []
    """
    check_one_of("by", by, ("auto", "name", "order"))
    path = Path(filepath)
    _require_built(model)
    variables: dict[str, Variable] = model.structure()[1]
    given = dict(names or {})
    if is_keras(path):
        arrays, by = keras_weights(path), "name"
        theirs = keras_paths(model)
        found = {place: theirs[x] for place, x in variables.items() if x in theirs and theirs[x] in arrays}
        given = {**found, **given}
    else:
        values, arrays = read(path)
        by = by if values is None else "name"
        if values is not None and "model" in values:
            arrays = contents.under(_WEIGHTS, arrays)
    pairs = _pairs(variables, list(model.weights), arrays, given, by)
    fitted = {place: _fitted(variables[place], name, arrays[name]) for place, name in pairs.items()}
    wrong = [place for place, array in fitted.items() if array is None]
    missing = [place for place in variables if place not in pairs]
    unused = [name for name in arrays if name not in pairs.values()]
    if not skip_mismatch:
        _refuse(path, variables, arrays, pairs, wrong, missing, unused)
    contents.assign_weights(model, {place: array for place, array in fitted.items() if array is not None})
    loaded = {place: name for place, name in pairs.items() if place not in wrong}
    return LoadReport(loaded, missing, unused, wrong)


def _pairs(
    variables: Mapping[str, Variable],
    order: list[Variable],
    arrays: Mapping[str, np.ndarray],
    names: Mapping[str, str],
    by: str,
) -> dict[str, str]:
    """Return the names of arrays for paths of variables."""
    for place, name in names.items():
        if place not in variables or name not in arrays:
            kind, wrong, known = ("variable", place, variables) if place not in variables else ("array", name, arrays)
            raise ValueError(
                f"names must lead from variables to arrays: {wrong!r} is no {kind}.{nearest(wrong, known)}"
            )
    rest = {place: place for place in variables if place not in names and place in arrays}
    if by == "name" or (by == "auto" and (names or len(rest) == len(variables))):
        return {**names, **rest}
    places = {variable: place for place, variable in variables.items()}
    left = [places[variable] for variable in order if places[variable] not in names]
    unnamed = sorted((name for name in arrays if name not in names.values()), key=_in_order)
    return {**names, **dict(zip(left, unnamed, strict=False))}


def _in_order(name: str) -> tuple[Any, ...]:
    """Return by what names are sorted: numbers in them by size, and of one module the weight first."""
    module, _, last = name.rpartition(".")
    parts = [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", module) if part]
    return parts, last != "weight", last


def _fitted(variable: Variable, name: str, array: np.ndarray) -> np.ndarray | None:
    """Return an array as a variable takes it, or None; a matrix that PyTorch calls ``weight`` is transposed."""
    if name.rpartition(".")[2] == "weight" and array.ndim == 2 and array.shape[::-1] == variable.shape:
        return array.T
    return array if array.shape == variable.shape else None


def _refuse(
    path: Path,
    variables: Mapping[str, Variable],
    arrays: Mapping[str, np.ndarray],
    pairs: Mapping[str, str],
    wrong: list[str],
    missing: list[str],
    unused: list[str],
) -> None:
    found = [
        f"variable {place!r} has shape {variables[place].shape}, and {pairs[place]!r} has {arrays[pairs[place]].shape}"
        for place in wrong
    ]
    found += [f"variable {place!r} of shape {variables[place].shape} has no array" for place in missing]
    found += [f"array {name!r} of shape {arrays[name].shape} has no variable" for name in unused]
    if found:
        more = f"; {len(found) - 3} more differ" if len(found) > 3 else ""
        raise ValueError(
            f"The arrays in {path} do not fit the model: {'; '.join(found[:3])}{more}. Give names={{path: name}}, or "
            "skip_mismatch=True to take what fits."
        )
