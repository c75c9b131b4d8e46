"""What happens before a model runs: data are checked, variables made, moved and packed, and steps made of them."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from nnarray import optimizers
from nnarray._trees import flatten, tree_map, unflatten
from nnarray.array import as_array
from nnarray.backends import Selection
from nnarray.layers import specs_of
from nnarray.metrics import Metric
from nnarray.training._compile_loss import OutputLosses
from nnarray.training._data import Data, as_data, check_is_array
from nnarray.training._home import moved
from nnarray.training._runner import Predictor, Runner
from nnarray.training._step import TESTING, TRAINING, Step
from nnarray.utils import pack_x_y_sample_weight
from nnarray.variables import RehearsalScope, Variable, pack_variables

#: Models may share variables: one at a time is made ready.
_preparing = threading.RLock()

#: Examples of a batch on which a step of the user's is tried out.
_REHEARSED = 8


def checked_data(model: Any, x: Any, y: Any, sample_weight: Any, finite: bool, prefix: str = "") -> Data:
    """Return the arrays, checked against the model and its loss; nothing is changed."""
    check_is_array(f"{prefix}x", x)
    if y is None and not _computes_loss(model):
        raise ValueError(f"{prefix}y is missing: training and evaluation need targets.")
    data = as_data(x, y, sample_weight, finite)
    data = data._replace(x=model.checked_inputs(data.x))
    targets_rule(model, data.x).check(data.y)
    return data


def _computes_loss(model: Any) -> bool:
    overridden: bool = model._overrides("compute_loss") or model._overrides("train_step")
    return overridden


class TargetsRule(NamedTuple):
    """What the loss of a model lets targets be, for inputs of some shape; without a loss of its own, anything."""

    losses: OutputLosses | None
    shapes: Any = None

    def check(self, y: Any) -> None:
        """Raise ValueError if raw targets do not fit."""
        if self.losses is not None:
            self.losses.check_targets(y, self.shapes)

    def limits(self, y: Any) -> list[tuple[Any, tuple[float, float] | None]]:
        """Return the arrays among targets that fit, each with the limits that its loss knows."""
        return [] if self.losses is None else self.losses.target_limits(y, self.shapes)


def targets_rule(model: Any, x: Any) -> TargetsRule:
    """Return what a model's loss lets targets be for such inputs."""
    loss = model._recipe.loss
    if loss is None or _computes_loss(model):
        return TargetsRule(None)
    outputs = specs_of_outputs(model, x)
    return TargetsRule(loss.for_outputs(outputs, model.output_names), tree_map(lambda spec: spec.shape, outputs))


def specs_of_outputs(model: Any, x: Any) -> Any:
    """Return a `Spec` for each output of a model for such inputs, found once as long as its layers are the same."""
    specs, structure = flatten(specs_of(x, model.dtype))
    key = structure, [(each.shape, each.dtype) for each in specs], list(model.structure()[0].values())
    if model._specs is None or model._specs[0] != key:
        model._specs = key, model.output_specs(unflatten(structure, specs))
    return model._specs[1]


def move_in(model: Any, home: Selection, x: Any) -> None:
    """Build a model for such inputs unless it is built, and bring its variables to a place.

    One without a call, whose layers its steps call, is built by their rehearsal.
    """
    if model.has_call and not model.built:
        like = home.backend.asarray(0.0, device=home.device)
        model.ensure_built(tree_map(lambda array: (None, *array.shape[1:]), x), like=like, inputs=x)
    model.home = moved(model._state(), home)


def ready_runner(model: Any, home: Selection, data: Data) -> Runner:
    """Return what runs the training and test steps of a model on such data, with all that they change.

    From then on, and as long as the model is busy, what they change stays where it is, whatever callbacks and other
    threads do with the model or with others that have some of it.
    """
    with _preparing:
        if not model._held:
            model.optimizer = optimizers.get(model.optimizer)
            _look_around(model)
            _make_ready(model, home, data)
            model._held = [held for variable in model._runner.step.variables for held in {variable, *variable.members}]
            for variable in model._held:
                variable.holders += 1
    runner: Runner = model._runner
    return runner


def release(model: Any) -> None:
    """Let go of what the steps of a model change, which is no longer busy."""
    with _preparing:
        for variable in model._held:
            variable.holders -= 1
        model._held, model._known_kept = [], None


def _look_around(model: Any) -> None:
    """Search the model's attributes for metrics and optimizers, once for as long as it is busy."""
    model._known_kept = None
    model._known_kept = model._kept()


def _make_ready(model: Any, home: Selection, data: Data) -> None:
    if model.has_call and (model._recipe.loss is not None or not model._overrides("train_step")):
        model._for_outputs(specs_of_outputs(model, data.x))
    was_built = model.built
    move_in(model, home, data.x)
    if not was_built:
        _look_around(model)
    for metric in model.metrics:
        metric.widen(model.dtype)
    model.optimizer.claim(model)
    variables, dependencies = _packed(model)
    runner = model._runner
    if runner is not None and runner.step.variables == variables and model._dependencies == dependencies:
        return
    model.check_members()
    for path, variable in model.structure()[1].items():
        variable.path = path
    if _rehearsed(model, data, variables):
        _look_around(model)
        move_in(model, home, data.x)
        variables, dependencies = _packed(model)
    shared = model._overrides("compute_metrics") or model._overrides("get_metrics_result")
    gives_logs = shared or model._overrides("train_step"), shared or model._overrides("test_step")
    recipe = model._recipe
    model._runner = Runner(Step(model, variables, gives_logs), recipe.run_eagerly, recipe.executor)
    model._dependencies = dependencies


def ready_predictor(model: Any, home: Selection, x: Any) -> Predictor:
    """Return what gives the outputs of a model for such inputs: its code, or once it is compiled, its plans."""
    with _preparing:
        if not model.built:
            specs_of_outputs(model, x)
        move_in(model, home, x)
    dependencies = dependencies_of(model)
    if model._predictor is None or model._predictor.dependencies != dependencies:
        model.check_members()
        eagerly = model._recipe is None or model._recipe.run_eagerly
        executor = "auto" if model._recipe is None else model._recipe.executor
        figures = [x for metric in model._kept() if isinstance(metric, Metric) for x in metric.variables]
        model._predictor = Predictor(model, model.variables, figures, eagerly, executor, dependencies)
    return model._predictor


def dependencies_of(model: Any) -> tuple[Any, ...]:
    """Return what a plan depends on besides values: layers and variables, and which of these are trained."""
    layers, variables = model.structure()
    return (*layers.values(), None, *model.trainable_variables, None, *variables.values())


def trained_by(model: Any) -> tuple[Any, ...]:
    """Return the optimizer of a model that is ready, and of its layers and variables whether they are trained."""
    return model.optimizer, *(item.trainable for item in model._dependencies if item is not None)


def check_trains_as(model: Any, before: tuple[Any, ...]) -> None:
    """Raise RuntimeError unless `trained_by` gives what it gave before."""
    now = trained_by(model)
    if now == before:
        return
    found = "another optimizer"
    if now[0] is before[0]:
        members = [item for item in model._dependencies if item is not None]
        changed = next(x for x, old, new in zip(members, before[1:], now[1:], strict=True) if old != new)
        found = f"{changed.name!r} with trainable={changed.trainable}"
    raise RuntimeError(
        f"What is trained, and by what, cannot be changed while a model is trained: received {found}. End fit, change "
        "it, and go on by another fit with initial_epoch."
    )


def _packed(model: Any) -> tuple[list[Variable], tuple[Any, ...]]:
    """Lay the trainable variables in packs, unless they are; return all that a step may change, and the dependencies.

    Variables that a running step writes into stay where they are, and are updated one by one.
    """
    dependencies = dependencies_of(model)
    place = dependencies.index(None)
    weights = dependencies[place + 1 : dependencies.index(None, place + 1)]
    updated = {member for target in model._targets for member in target.members}
    if updated != set(weights) or not all(target.whole for target in model._targets):
        _note_paths(model)
        alone = [variable for variable in weights if variable.holders]
        packs = pack_variables((x for x in weights if not x.holders), model.optimizer.group_of)
        model._targets, updated = [*packs, *alone], set(weights)
    model.optimizer.build(model._targets)
    others = (variable for variable in model._state() if variable not in updated)
    return list(dict.fromkeys([*model._targets, *others])), dependencies


def _note_paths(model: Any) -> None:
    """Tell variables how they are reached, by which an optimizer may choose them."""
    layers, variables = model.structure()
    for path, variable in variables.items():
        parts = path.split("/")
        ways = ("/".join(parts[:end]) for end in range(1, len(parts)))
        variable.paths = path, "/".join([*(layers[way].name for way in ways if way in layers), variable.name])


def _rehearsed(model: Any, data: Data, variables: list[Variable]) -> bool:
    """Run steps and metrics of the user's own once, so that what they make at first use exists; tell if there are any.

    Nothing that they assign is kept.
    """
    phases = [p for p, name in ((TRAINING, "train_step"), (TESTING, "test_step")) if model._overrides(name)]
    if not phases and any(type(m).__module__.partition(".")[0] != "nnarray" or not m._built for m in model.metrics):
        phases = [TESTING]
    home = model.home
    batch = data.part(0, min(_REHEARSED, data.length)).to(home.backend, home.device, model.dtype).each(as_array)
    for phase in phases:
        before = model.variables
        try:
            _rehearse(model, batch, variables, phase)
        except Exception:
            if model.variables == before:
                raise
        if model.variables != before:
            # Its layers were built in it, perhaps after it had asked for their weights.
            _rehearse(model, batch, variables, phase)
    return bool(phases)


def _rehearse(model: Any, batch: Data, variables: list[Variable], phase: int) -> None:
    step = model.test_step if phase == TESTING else model.train_step
    values = [as_array(variable.value) for variable in variables]
    with model.home.backend.activate(model.home.device), RehearsalScope(variables, values, 0, phase):
        step(pack_x_y_sample_weight(*batch))
