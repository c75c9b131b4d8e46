"""What `compile` is given as metrics, for models with one output or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nnarray import metrics
from nnarray._lookup import unique
from nnarray._messages import describe
from nnarray.training._compile_loss import beside_outputs, weights_of
from nnarray.training._outputs import Outputs


class CompileMetrics:
    """The metrics of a model's outputs, as `compile` takes them.

    Parameters
    ----------
    metrics, weighted_metrics : list of str, Metric or function; of such lists; or dict of them, optional
        For a model with one output a list; for one with several a list with an entry, itself one or a list, for each
        output, or a dict by their names. Only `weighted_metrics` see the sample weights.

    Raises
    ------
    ValueError, TypeError
        If something given is not a metric.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.training._compile_metrics import CompileMetrics
    >>> resolved = CompileMetrics(["mse", "mse"], ["mse"]).for_outputs("*")
    >>> resolved.update_state(np.zeros((2, 1)), np.asarray([[1.0], [3.0]]), np.asarray([3.0, 1.0]))
    >>> {name: float(value) for name, value in resolved.result().items()}
    {'mse': 5.0, 'mse_1': 5.0, 'weighted_mse': 3.0}
    """

    def __init__(self, metrics: Any = None, weighted_metrics: Any = None) -> None:
        self._plain = _resolved(metrics, "metrics")
        self._weighted = _resolved(weighted_metrics, "weighted_metrics")

    def for_outputs(
        self, outputs: Any, names: Sequence[str] | None = None, reserved: Sequence[str] = ("loss",)
    ) -> OutputMetrics:
        """Return the metrics of outputs that branch as the tree `outputs` does and have these names.

        Parameters
        ----------
        outputs : tree
        names : sequence of str, optional
        reserved : sequence of str
            Names of figures that a metric is not to take.

        Raises
        ------
        ValueError
            If the metrics do not go with the outputs, or one object is given for two of them.
        """
        known = Outputs(outputs, names)
        entries = [
            _Entry(metric, place, weighted)
            for weighted, given in ((False, self._plain), (True, self._weighted))
            for place, found in enumerate(_for_each(known, given, "weighted_metrics" if weighted else "metrics"))
            for metric in found
        ]
        roles: dict[int, _Entry] = {}
        for entry in entries:
            if roles.setdefault(id(entry.metric), entry)[1:] != entry[1:]:
                raise ValueError(
                    f"A metric counts one output, weighted or not: received {entry.metric!r} twice. Make two of it."
                )
        return OutputMetrics(known, entries, reserved)


class _Entry(NamedTuple):
    metric: metrics.Metric
    place: int
    weighted: bool


class OutputMetrics:
    """The metrics of a model's outputs.

    Attributes
    ----------
    metrics : list of Metric
        Each once.
    """

    def __init__(self, outputs: Outputs, entries: Sequence[_Entry], reserved: Sequence[str] = ()) -> None:
        self.outputs = outputs
        self._entries = entries
        self._reserved = list(reserved)
        self._once = list({id(entry.metric): entry for entry in entries}.values())
        self.metrics = [entry.metric for entry in self._once]

    @property
    def names(self) -> list[str]:
        """What the logs call each figure: as many as were asked for, as in Keras."""
        taken = list(self._reserved)
        found: list[str] = []
        for metric, place, weighted in self._entries:
            output = self.outputs.names[place] if self.outputs.count > 1 else None
            prefix = "" if output is None else f"{output}_"
            name = f"{prefix}{metric.name}"
            if weighted and name in taken:
                name = f"{prefix}weighted_{metric.name}"
            found.append(unique(name, taken))
            taken.append(found[-1])
        return found

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch in.

        Parameters
        ----------
        y_true, y_pred, sample_weight : trees
            As for the losses; outputs without metrics may be left out of `y_true`.
        """
        counted = {entry.place for entry in self._entries}
        without = [place for place in range(self.outputs.count) if place not in counted]
        if not counted:
            return
        targets = self.outputs.arrays(y_true, "y", without)
        weights = weights_of(self.outputs, sample_weight, without)
        predictions = self.outputs.each(y_pred, "The outputs")
        for place in counted:
            if targets[place] is None:
                raise ValueError(f"y must hold the targets of output {self.outputs.label(place)}, which has metrics.")
        ready = {place: beside_outputs(targets[place], predictions[place], weights[place]) for place in counted}
        for metric, place, weighted in self._once:
            target, prediction, weight = ready[place]
            if weighted and weight is not None:
                metric.update_state(target, prediction, weight)
            else:
                metric.update_state(target, prediction)

    def result(self) -> dict[str, Any]:
        """Return the figures by name; a metric whose result is a dict has its own names."""
        found: dict[str, Any] = {}
        for name, entry in zip(self.names, self._entries, strict=True):
            value = entry.metric.result()
            several = value if isinstance(value, dict) else {name: value}
            found.update({unique(key, [*self._reserved, *found]): item for key, item in several.items()})
        return found

    def reset_state(self) -> None:
        """Set every metric to its beginning."""
        for metric in self.metrics:
            metric.reset_state()


def _resolved(given: Any, what: str) -> Any:
    """Return a tree of lists and dicts with a metric for each that is named or given."""
    if given is None:
        return []
    if not isinstance(given, (list, tuple, dict)):
        raise TypeError(f"{what} must be a list, for example {what}=['accuracy']: received {describe(given)}.")
    return _mapped(given)


def _mapped(tree: Any) -> Any:
    if isinstance(tree, dict) and "class_name" not in tree:
        return {key: _mapped(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_mapped(item) for item in tree]
    if tree is None:
        return []
    metric = metrics.get(tree)
    if isinstance(tree, str):
        metric.name = tree
    return metric


def _for_each(outputs: Outputs, given: Any, what: str) -> list[list[metrics.Metric]]:
    if not given:
        return [[] for _ in range(outputs.count)]
    if outputs.count == 1:
        if isinstance(given, dict) and outputs.names[0] is not None:
            given = outputs.each(given, what)
        return [_leaves(given)]
    entries = outputs.each(given, what, partial=True)
    return [_leaves(entry) for entry in entries]


def _leaves(tree: Any) -> list[metrics.Metric]:
    if isinstance(tree, (list, dict)):
        return [metric for item in (tree.values() if isinstance(tree, dict) else tree) for metric in _leaves(item)]
    return [] if tree is None else [tree]
