"""Models in one file: architecture, weights, how they are trained, and how far they are."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nnarray._custom_objects import custom_object_scope
from nnarray._serialization import plain, restored, serialize_keras_object
from nnarray.layers._weights import expecting
from nnarray.saving import _contents as contents
from nnarray.saving._file import checked_path, decoded, encoded, read, write
from nnarray.saving._keras_file import is_keras
from nnarray.saving._keras_model import load_keras
from nnarray.training import Trained
from nnarray.training._resumption import Resumption

#: Before the names of the weights in a file with more than weights.
_WEIGHTS = "weights/"


def save_model(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Save a model to one safetensors file.

    The file has the architecture; the weights by the paths that lead to them; what `compile` was given; the states of
    optimizers, of generators of random numbers and, within `fit`, of callbacks and the History; and how many steps were
    taken. Training that goes on from it gives what it would have given without, bit for bit, on the same backend,
    executor and number of threads.

    Parameters
    ----------
    model : Model
    filepath : str or path
        Ends in ``.safetensors``. Until all is written, what stood there before stays, whole.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    ValueError
        If the name has another ending.
    TypeError
        If something in the model cannot be found again by name, such as a lambda; nothing is written.
    FileExistsError
        If the file is there and `overwrite` is false.
    OSError
        If it cannot be written; a file that was there is as it was.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(2, input_dim=3)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> nna.saving.save_model(model, path)
    >>> again = nna.saving.load_model(path)
    >>> x = np.ones((1, 3))
    >>> bool((again.predict(x, verbose=0) == model.predict(x, verbose=0)).all())
    True
    """
    path = checked_path(filepath, "Models")
    _check_target(path, overwrite)
    values, arrays = _described(model)
    write(path, values, arrays)


def _check_target(path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} to save {path.name!r} in. Make it first.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already: give overwrite=True to replace it, or another name.")


def _described(model: Any) -> tuple[dict[str, Any], contents.Arrays]:
    if not isinstance(model, Trained):
        raise TypeError(f"A model is saved: received {type(model).__name__}. Of a layer, save its get_weights().")
    arrays = {f"{_WEIGHTS}{path}": array for path, array in contents.weights_by_path(model).items()}
    values = {
        "model": serialize_keras_object(model),
        "built": contents.builds_of(model),
        "trainable": {path: variable.trainable for path, variable in model.structure()[1].items()},
        "compiled": None if model._recipe is None else _compiled(model),
        "optimizers": contents.optimizers_of(model, arrays),
        "seeds": contents.seeds_of(model),
        "resumption": contents.with_arrays_apart(Resumption.of(model).values, "resumption", arrays),
        "wanted": _wanted(model),
    }
    return values, arrays


def _compiled(model: Any) -> Any:
    """Return what `compile_from_config` takes, None if only the class knows how it is compiled."""
    cls = type(model)
    if cls.compile is not Trained.compile and cls.compile_from_config is Trained.compile_from_config:
        return None
    return model.get_compile_config()


def _wanted(model: Any) -> tuple[str, Any] | None:
    """Return the backend and device that were asked for, None if the model follows its data."""
    wanted = model._wanted
    if wanted is None:
        return None
    return wanted.backend.name, wanted.device if isinstance(wanted.device, (str, int)) else None


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    *,
    backend: Any = None,
    device: Any = None,
) -> Any:
    """Return the model in a file that `save_model`, or Keras 3, wrote.

    Nothing in the file is run: classes and functions are those of this package, the registered ones, and those given.

    Of Keras' files the architecture, the weights, what `compile` was given and the state of the optimizer are read;
    a warning names what of it is not. Random layers draw other numbers than Keras'.

    Parameters
    ----------
    filepath : str or path
        Ends in ``.keras`` if it is Keras' (with ``nnarray[keras]``).
    custom_objects : mapping of str to class or function, optional
        Where names are looked up first.
    compile : bool
        Whether to compile it as it was, with the states of its optimizers.
    backend, device : optional
        Where it is to live; by default where it was asked to, or where its data will be.

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, holds no model, or was written by a later version.
    TypeError
        If it names a class or function that is not known here; of Keras' files, also if it has an argument that is not
        known. The message names all of them.
    ImportError
        If h5py, which reads Keras' weights, is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> nna.Sequential([nna.layers.Dense(2, input_dim=3)]).save(path)
    >>> nna.models.load_model(path).count_params()
    8
    """
    path = Path(filepath)
    if is_keras(path):
        return load_keras(path, custom_objects or {}, compile, backend, device)
    values, arrays = read(path)
    if values is None or "model" not in values:
        raise ValueError(
            f"{path} holds weights but no model. Make the model and call model.load_weights({path.name!r})."
        )
    weights = contents.under(_WEIGHTS, arrays)
    with custom_object_scope(custom_objects or {}):
        with expecting({array.shape for array in weights.values()}):
            model = restored(values["model"])
            if not isinstance(model, Trained):
                raise ValueError(f"{path} is damaged: it describes {type(model).__name__}, which is no model.")
            contents.build_as(model, values["built"])
        wrong = contents.mismatches(model, weights)
        if wrong:
            more = f" {len(wrong) - 1} more differ." if len(wrong) > 1 else ""
            raise ValueError(f"{path} does not fit the class {type(model).__name__} as it is now: {wrong[0]}{more}")
        contents.assign_weights(model, weights)
        for name, variable in model.structure()[1].items():
            variable.trainable = values["trainable"][name]
        contents.restore_seeds(model, values["seeds"])
        if backend is not None or device is not None:
            model.to(backend, device)
        elif values["wanted"] is not None:
            model.to(*values["wanted"])
        if compile:
            _restore_training(model, values, arrays)
    return model


def restore_training(model: Any, path: Path) -> None:
    """Put weights, states of optimizers and random numbers, and how far training is, from a file into such a model.

    Raises
    ------
    ValueError
        If the file is damaged, or of another model; then nothing is changed but for what is built.
    """
    values, arrays = read(path)
    if values is None or "model" not in values:
        raise ValueError(f"{path} holds no model to go on with. Remove it to begin anew.")
    weights = contents.under(_WEIGHTS, arrays)
    contents.build_as(model, values["built"])
    wrong = contents.mismatches(model, weights)
    if wrong:
        raise ValueError(f"{path} is of another model: {wrong[0]} Remove it to begin anew.")
    contents.assign_weights(model, weights)
    contents.restore_seeds(model, values["seeds"])
    contents.restore_optimizers(model, values["optimizers"], arrays)
    Resumption(contents.with_arrays_back(values["resumption"], arrays)).give_to(model)


def _restore_training(model: Any, values: Mapping[str, Any], arrays: contents.Arrays) -> None:
    if values["compiled"] is not None:
        model.compile_from_config(values["compiled"])
    left = contents.restore_optimizers(model, values["optimizers"], arrays)
    if left:
        warnings.warn(
            f"The state of the optimizer {left[0]!r} of {type(model).__name__} is left out: the class compiles itself. "
            "Define get_compile_config and compile_from_config in it to go on with that state.",
            UserWarning,
            stacklevel=3,
        )
    Resumption(contents.with_arrays_back(values["resumption"], arrays)).give_to(model)


# -- text -------------------------------------------------------------------------------------------------------------


def model_to_json(model: Any, **kwargs: Any) -> str:
    """Return the architecture of a model as JSON, without weights; `kwargs` are those of `json.dumps`."""
    return json.dumps(encoded(serialize_keras_object(model)), **kwargs)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a model of the architecture that `Model.to_json` wrote, with new weights.

    Parameters
    ----------
    json_string : str
    custom_objects : mapping of str to class or function, optional
        Where names are looked up first.

    Examples
    --------
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(2, input_dim=3)])
    >>> nna.models.model_from_json(model.to_json()).count_params()
    8
    """
    try:
        config = decoded(json.loads(json_string))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"json_string must be what Model.to_json gives: {error}.") from None
    with custom_object_scope(custom_objects or {}):
        return restored(config)


def clone_model(model: Any, clone_function: Callable[[Any], Any] | None = None) -> Any:
    """Return a model of the same architecture with new weights.

    Parameters
    ----------
    model : Model
    clone_function : callable, optional
        Returns the layer to put in the place of each one; by default a new one of the same config.

    Examples
    --------
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(2, input_dim=3)])
    >>> nna.models.clone_model(model).count_params()
    8
    """
    config = model.get_config()
    if clone_function is not None:
        if not isinstance(config.get("layers"), list):
            raise ValueError(
                f"clone_function takes the layers of a Sequential or of a model of symbols: received "
                f"{type(model).__name__}, a class of its own. Clone it without, or write the change in its class."
            )
        layers = model._stack if hasattr(model, "_stack") else model._as_graph().layers
        config["layers"] = [plain(clone_function(layer), layer.name) for layer in layers]
    return type(model).from_config(config)
