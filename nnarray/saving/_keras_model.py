"""Models in Keras' files: architecture, weights, how they are trained, and the state of the optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnarray import optimizers
from nnarray._custom_objects import custom_object_scope
from nnarray.layers._weights import expecting
from nnarray.optimizers import LossScaleOptimizer
from nnarray.saving import _contents as contents
from nnarray.saving._keras import keras_paths, of_layers
from nnarray.saving._keras_config import Reader
from nnarray.saving._keras_file import KerasArchive, keras_archive
from nnarray.saving._keras_optimizer import restore_keras_state
from nnarray.saving._keras_parts import as_shapes, finished
from nnarray.training import Trained

_DAMAGE = (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, RecursionError, MemoryError)
#: How many of the things that a model cannot be made of are named, and how many of those that do not fit.
_MOST_NAMED = 50


def load_keras(path: Path, custom_objects: Mapping[str, Any], compile: bool, backend: Any, device: Any) -> Any:
    """Return the model in a ``.keras`` file, as `load_model` does."""
    archive = keras_archive(path)
    with custom_object_scope(custom_objects):
        reader = Reader()
        with _as_damage(path):
            described = archive.config
            cls = reader.class_of(described)
            made = reader.read({key: described[key] for key in described if key != "compile_config"}, "")
            of_compile = described.get("compile_config") if compile else None
            is_model = isinstance(cls, type) and issubclass(cls, Trained)
            compiled = reader.compiled(of_compile, cls) if of_compile and is_model else None
        if reader.problems:
            raise TypeError(_refusal(path, reader))
        weights = of_layers(archive.arrays)
        with _as_damage(path), expecting({array.shape for array in weights.values()}):
            model = finished(made)
            if not isinstance(model, Trained):
                raise ValueError(f"it describes {type(model).__name__}, which is no model")
            _build(model, described.get("build_config"))
        trained = _assign(path, model, reader, weights)
        if backend is not None or device is not None:
            model.to(backend, device)
        with _as_damage(path):
            left = [] if compiled is None else _restore(model, compiled, archive, trained)
    if archive.assets:
        left.append(f"the files {', '.join(archive.assets[:_MOST_NAMED])}")
    if left:
        warnings.warn(f"Of {path} was not read: {'; '.join(left)}.", UserWarning, stacklevel=3)
    return model


@contextmanager
def _as_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        told = f"there is no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise ValueError(f"{path} cannot be made a model, or is damaged: {told.rstrip('.')}.") from error


def _refusal(path: Path, reader: Reader) -> str:
    problems = list(reader.problems)
    more = f"; and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
    cures = []
    if reader.unknown:
        names = ", ".join(f"{name!r:.80}: …" for name in list(reader.unknown)[:_MOST_NAMED])
        cures.append(f"Give classes and functions of your own by name: custom_objects={{{names}}}.")
    if any(problem.startswith("compile") for problem in problems):
        cures.append("compile=False leaves out how it is trained.")
    return " ".join([f"{path} cannot be read: {'; '.join(problems[:_MOST_NAMED])}{more}.", *cures])


def _build(model: Any, config: Any) -> None:
    """Build a model of a class of one's own for the shapes that it was built for."""
    if model.built or not isinstance(config, dict):
        return
    shapes = [config.get("input_shape"), *(config.get("shapes_dict") or {}).values()]
    shape = next((shape for shape in shapes if shape), None)
    if shape is not None:
        model.build(as_shapes(shape))


def _assign(path: Path, model: Any, reader: Reader, weights: contents.Arrays) -> list[str]:
    """Set the weights of a model; return the paths of the variables that are trained, in Keras' order."""
    theirs = keras_paths(model, reader.order)
    places = {variable: place for place, variable in model.structure()[1].items()}
    known = {name: places[variable] for variable, name in theirs.items() if variable in places}
    arrays = {known.get(name, name): array for name, array in weights.items()}
    wrong = contents.mismatches(model, arrays)
    if wrong:
        more = f" {len(wrong) - 1} more differ." if len(wrong) > 1 else ""
        raise ValueError(f"{path} has other weights than {type(model).__name__} has here: {wrong[0]}{more}")
    contents.assign_weights(model, arrays)
    trained = set(model.trainable_variables)
    return [places[variable] for variable in theirs if variable in trained]


def _restore(model: Any, compiled: dict[str, Any], archive: KerasArchive, trained: list[str]) -> list[str]:
    """Compile a model as it was, with the state of its optimizer; return in words what is left out."""
    if compiled.get("loss", model) is None and type(model).compile is Trained.compile:
        return ["how it is trained, which has no loss: compile it"]
    state = contents.under("optimizer/", archive.arrays)
    optimizer = compiled.get("optimizer", "rmsprop")
    # Keras puts the scale around what `compile` was given, and a model of symbols does not say that it computes in
    # float16.
    if any(name.startswith("inner_optimizer/") for name in state) and not isinstance(optimizer, LossScaleOptimizer):
        compiled = {**compiled, "optimizer": LossScaleOptimizer(optimizers.get(optimizer))}
    model.compile_from_config(compiled)
    why = restore_keras_state(model.optimizer, state, model.structure()[1], trained)
    return [] if why is None else [f"the state of the optimizer {type(model.optimizer).__name__}: {why}"]
