"""What `compile` is given as loss, for models with one output or several."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnarray import losses, nn
from nnarray._checks import check_finite
from nnarray._lookup import unique
from nnarray.backends import backend_of, find_backend
from nnarray.training._outputs import Outputs


@dataclass(frozen=True)
class _Named:
    """A loss, and what `compile` was told to call it."""

    loss: losses.Loss
    name: str


class CompileLoss:
    """The losses of a model's outputs, and their weights, as `compile` takes them.

    Parameters
    ----------
    loss : str, Loss, class or function; or a list or dict of them
        One loss for every output, a list in the order of the outputs, or a dict by their names. An output with None has
        no loss. It may also branch as the outputs do.
    loss_weights : number, list or dict of numbers, optional

    Raises
    ------
    ValueError, TypeError
        If something given is not a loss, or a weight is not a number.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.training._compile_loss import CompileLoss
    >>> resolved = CompileLoss(["mse", "mse"], [1.0, 0.5]).for_outputs(["*", "*"], ["a", "b"])
    >>> zeros, ones = np.zeros((2, 1)), np.ones((2, 1))
    >>> total, parts = resolved.compute([zeros, zeros], [ones, 2 * ones])
    >>> float(total), {name: float(part) for name, part in parts.items()}
    (3.0, {'a_loss': 1.0, 'b_loss': 4.0})
    """

    def __init__(self, loss: Any, loss_weights: Any = None) -> None:
        if loss is None:
            raise ValueError("compile needs a loss, for example loss='mean_squared_error': received None.")
        self._losses = _mapped(loss, _named)
        self._weights = _mapped(loss_weights, lambda weight: check_finite("loss_weights", weight))

    def for_outputs(self, outputs: Any, names: Sequence[str] | None = None) -> OutputLosses:
        """Return the losses of outputs that branch as the tree `outputs` does and have these names.

        Raises
        ------
        ValueError
            If losses or weights do not go with the outputs, or a loss is not reduced to one number.
        """
        known = Outputs(outputs, names)
        # As in Keras, a dict of losses may leave out some of the outputs in a dict.
        found = _spread(known, self._losses, "loss", partial=isinstance(outputs, dict))
        weights = _spread(known, self._weights, "loss_weights")
        if all(named is None for named in found):
            raise ValueError("compile needs a loss for one output at least: received None for each.")
        for named in found:
            if named is not None and named.loss.reduction in ("none", None):
                raise ValueError(
                    f"Training needs losses that are one number: received {named.loss!r}. Leave out its reduction, or "
                    "use reduction='sum'."
                )
        return OutputLosses(known, found, weights)


class OutputLosses:
    """The losses of a model's outputs.

    Attributes
    ----------
    losses : list of Loss or None
        One for each output.
    part_names : list of str
        What the logs call the parts of the loss, one for each output that has one; empty if that is the only one.
    """

    def __init__(self, outputs: Outputs, found: Sequence[_Named | None], weights: Sequence[float | None]) -> None:
        self.outputs = outputs
        self.losses = [None if named is None else named.loss for named in found]
        self._weights = weights
        self._without = [place for place, loss in enumerate(self.losses) if loss is None]
        places = [place for place, loss in enumerate(self.losses) if loss is not None]
        self.part_names: list[str] = []
        for place, named in enumerate(found):
            if named is not None and len(places) > 1:
                self.part_names.append(unique(_part_name(outputs, place, named.name), self.part_names))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the sum of the losses times their weights."""
        return self.compute(y_true, y_pred, sample_weight)[0]

    def compute(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[Any, dict[str, Any]]:
        """Return the loss of a batch and its parts.

        Parameters
        ----------
        y_true : tree
            Branches as the outputs do, or is a list in their order or a dict by their names. Outputs without a loss may
            be left out.
        y_pred : tree of arrays
            The outputs.
        sample_weight : array or tree of arrays, optional
            One for all outputs, or one for each.

        Returns
        -------
        total : scalar array
            The sum of the losses times their weights.
        parts : dict of str to scalar array
            Each loss as it is before that, by `part_names`.
        """
        outputs = self.outputs
        targets = outputs.arrays(y_true, "y", self._without)
        weights = weights_of(outputs, sample_weight, self._without)
        predictions = outputs.each(y_pred, "The outputs")
        values, total = [], None
        for place, loss in enumerate(self.losses):
            if loss is None:
                continue
            if targets[place] is None:
                raise ValueError(f"y must hold the targets of output {outputs.label(place)}: received None.")
            ready = beside_outputs(targets[place], predictions[place], weights[place])
            _warn_of_one_class(loss, ready[1])
            value = loss(*ready[:2]) if ready[2] is None else loss(*ready)
            if getattr(value, "ndim", 0):
                raise ValueError(f"Training needs losses that are one number: {loss!r} gives shape {value.shape}.")
            values.append(value)
            weight = self._weights[place]
            weighted = value if weight is None else value * weight
            total = weighted if total is None else total + weighted
        return total, dict(zip(self.part_names, values, strict=False))

    def check_targets(self, y: Any, output_shapes: Any) -> None:
        """Raise ValueError if the targets do not fit the losses.

        Parameters
        ----------
        y : tree of raw arrays
        output_shapes : tree of shapes
            Branches as the outputs do.
        """
        outputs = self.outputs
        shapes = self._shapes(output_shapes)
        for place, target in enumerate(outputs.arrays(y, "y", self._without)):
            loss = self.losses[place]
            if loss is None:
                continue
            if target is None:
                raise ValueError(f"y must hold the targets of output {outputs.label(place)}: received None.")
            target = target if find_backend(target) else np.asarray(target)
            if not type(loss).check_targets.__module__.startswith("nnarray."):
                # One of the user's own may look at the elements by NumPy.
                target = backend_of(target).to_numpy(target)
            try:
                loss.check_targets(target, shapes[place])
            except ValueError as error:
                if outputs.count == 1:
                    raise
                raise ValueError(f"Output {outputs.label(place)}: {error}") from None

    def target_limits(self, y: Any, output_shapes: Any) -> list[tuple[Any, tuple[float, float] | None]]:
        """Return the arrays among targets that `check_targets` admits, each with the limits that its loss knows."""
        pairs = zip(self.losses, self.outputs.arrays(y, "y", self._without), self._shapes(output_shapes), strict=True)
        return [(y, loss.target_limits(y, shape)) for loss, y, shape in pairs if loss is not None]

    def _shapes(self, output_shapes: Any) -> list[Any]:
        return [functools.reduce(operator.getitem, path, output_shapes) for path in self.outputs.paths]


def weights_of(outputs: Outputs, sample_weight: Any, optional: Sequence[int]) -> list[Any]:
    """Return the sample weights of each output: an array, or a list of numbers, is for all."""
    is_tree = isinstance(sample_weight, dict) or (
        isinstance(sample_weight, (list, tuple)) and not all(np.isscalar(item) for item in sample_weight)
    )
    return outputs.each(sample_weight, "sample_weight", optional) if is_tree else [sample_weight] * outputs.count


def beside_outputs(y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[Any, Any, Any]:
    """Return targets, outputs and weights in the form in which the user's code sees them.

    They are of one library, and all Arrays if one is. Targets and weights have the shape of the outputs where only a
    last axis of length one differs.
    """
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    if sample_weight is not None:
        _, sample_weight, y_pred = nn.prepare(sample_weight, y_pred)
        sample_weight = nn.match_rank(xp, sample_weight, y_pred)
    return nn.match_rank(xp, y_true, y_pred), y_pred, sample_weight


def _named(identifier: Any) -> _Named:
    loss = losses.get(identifier)
    return _Named(loss, identifier if isinstance(identifier, str) else loss.name)


def _mapped(tree: Any, leaf: Any) -> Any:
    """Return a tree of lists and dicts with `leaf` of what is neither; None stays None, and a config is a leaf."""
    if isinstance(tree, dict) and "class_name" not in tree:
        return {key: _mapped(item, leaf) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_mapped(item, leaf) for item in tree]
    return None if tree is None else leaf(tree)


def _spread(outputs: Outputs, given: Any, what: str, partial: bool = False) -> list[Any]:
    """Return what is given for each output; what is neither list nor dict is for all."""
    if not isinstance(given, (list, dict)):
        return [given] * outputs.count
    found = outputs.each(given, what, partial=partial)
    if any(isinstance(entry, (list, dict)) for entry in found):
        raise outputs.refusal(given, what)
    return found


def _part_name(outputs: Outputs, place: int, loss_name: str) -> str:
    """Return what the logs call a loss: by the name of its output, or, as Keras does where it has none, by its own."""
    path = outputs.paths[place]
    last = path[-1:] if path and isinstance(path[-1], str) else (loss_name,)
    return f"{outputs.names[place] or '/'.join(map(str, (*path[:-1], *last)))}_loss"


def _warn_of_one_class(loss: losses.Loss, y_pred: Any) -> None:
    """Warn if nothing that the model computes changes the loss, because there is one class only."""
    classes = (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy)
    alone = isinstance(loss, classes) and y_pred.ndim > 0 and y_pred.shape[loss.axis] == 1
    softmax = y_pred.ndim > 0 and y_pred.shape[-1] == 1 and nn.logits_of(y_pred, "softmax") is not None
    if alone or softmax:
        what = "The softmax of one output is 1" if softmax else f"The {loss.name} of one class is 0"
        shape = ", ".join(["batch", *map(str, y_pred.shape[1:])])
        warnings.warn(
            f"{what} whatever the model computes, so nothing is learned: received outputs of shape ({shape}). Two "
            "classes need one unit with sigmoid and loss='binary_crossentropy', or two units with softmax.",
            UserWarning,
            stacklevel=2,
        )
