"""The same weights on several backends, compared layer by layer."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

from nnarray._messages import describe
from nnarray._trees import tree_map
from nnarray.backends import Selection, available_backends, select
from nnarray.models import Model
from nnarray.random import preserved_keys
from nnarray.testing._crosscheck_compare import compared
from nnarray.testing._crosscheck_report import CrossCheck
from nnarray.testing._crosscheck_run import run
from nnarray.training import Data, as_data
from nnarray.training._prepare import checked_data, specs_of_outputs

#: About 80 roundings in float32 and 4,500 in float64; see `crosscheck`.
TOLERANCES = {"float32": 1e-5, "float64": 1e-12}


def crosscheck(
    model: Model,
    x: Any,
    y: Any = None,
    backends: Sequence[Any] | None = None,
    *,
    loss: Any = None,
    training: bool = False,
    rtol: float | None = None,
) -> CrossCheck:
    """Compute one batch on several backends with the same weights, and tell where they first part.

    Every layer's output is compared; then, from the loss back, the gradient that each layer hands back to its inputs
    and the gradient in its weights. To an output that is our sigmoid or softmax the gradient is that in its logits, of
    which a cross-entropy is computed. What first parts is what to look at: all that comes after is made from it. The
    model computes as in `fit`, but copies of it do: nothing of it changes, nor any stream of random numbers.

    Parameters
    ----------
    model : Model
        If it is not built yet, a copy is built for `x`.
    x : array, shape (examples, …)
        As for `fit`; all of it is one batch.
    y : array, shape (examples, …), optional
        Without it only the forward pass is compared.
    backends : sequence, optional
        Names (``"torch"``), names with a device (``"torch:cuda:0"``), pairs of name and device, or array-API modules.
        The first is the reference. By default NumPy and every other that is available.
    loss : as for `compile`, optional
        By default the one the model was compiled with.
    training : bool
        Whether layers such as Dropout behave as in training, with the same masks everywhere.
    rtol : float, optional
        Largest difference to allow, relative to the largest magnitude in an array of the reference. By default 1e-5
        in float32 and 1e-12 in float64.

    Returns
    -------
    CrossCheck

    Raises
    ------
    TypeError, ValueError, ImportError
        If an argument is wrong. What a backend raises while it computes is told in the report instead.

    Notes
    -----
    Libraries add in different orders. A sum of n terms of either sign then comes out different by about √n roundings
    of its terms, and √n is also about how much such a sum exceeds its terms: the difference in a layer of any width is
    a few roundings, relative to the largest number in it. Exponentials and the like differ by a few more, and layers
    add up. Networks of up to 20 layers and batches of up to 20,000 were seen to differ by at most 30 roundings (a
    rounding is 1.2e-7 in float32, 2.2e-16 in float64). In float32 the default leaves a factor of three above that; in
    float64, where a mistake or a value that passed through float32 shows as 1e-8 or more, it leaves a hundred.

    Two cases need more. A sum that cancels leaves the rounding of its terms only, as the gradient of a bias does before
    a normalisation: gradients in vectors of weights are therefore compared relative to the largest gradient that
    arrives at their layer, if that is more than they are themselves. And where the argument of a ReLU is zero but for
    rounding, backends may take different sides of the kink, and gradients differ by that one example's share, with
    none of them wrong. In batches of thousands this happens: take fewer examples, or float64.

    NaN, other shapes and other dtypes count as parting. Integers and truth values must be equal.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> from nnarray import layers, models
    >>> model = models.Sequential([layers.Dense(4, "relu", input_dim=2, name="a"), layers.Dense(1, name="b")])
    >>> x = np.random.default_rng(0).normal(size=(8, 2))
    >>> report = nna.testing.crosscheck(model, x, x[:, :1] > 0, ["numpy", "array_api_strict"], loss="mse")
    >>> report.passed, [row.name for row in report.rows if row.kind == "gradient"]
    (True, ['loss', 'b', 'a'])
    >>> print(*report.summary())
    array_api_strict agrees with numpy in all 10 arrays (1e-05 allowed).
    """
    if not isinstance(model, Model):
        raise TypeError(
            f"crosscheck takes a model: received {describe(model)}. Make one of layers, for example by "
            "Sequential([layer])."
        )
    if rtol is not None and not 0 < rtol < math.inf:
        raise ValueError(f"rtol must be positive and finite: received rtol={rtol!r}.")
    places = _places(backends)
    own_loss = type(model).compute_loss is not Model.compute_loss
    if loss is not None and y is None and not own_loss:
        raise ValueError("y is missing: a loss needs targets.")
    forward_only = ""
    if y is None and not own_loss:
        forward_only = "no y was given"
    elif model.loss is None and loss is None and not own_loss:
        forward_only = "the model is not compiled and no loss was given"
    # NaN in the data is allowed: where it first appears is a finding.
    data = as_data(x, y, finite=False)
    with preserved_keys():
        ready = _built(model, data, next(iter(places.values())), loss)
        if forward_only:
            data = data._replace(y=None)
        else:
            _check_targets(ready, data)
        tolerance = _tolerance(ready) if rtol is None else float(rtol)
        runs = {label: run(ready, place, data, training, not forward_only) for label, place in places.items()}
    return CrossCheck(model.name, tuple(places), tuple(compared(runs, tolerance)), tolerance, forward_only)


def _places(backends: Any) -> dict[str, Selection]:
    """Return the selections by the labels they go by in the report."""
    if backends is None:
        backends = available_backends()
    if isinstance(backends, str) or not isinstance(backends, Sequence):
        raise TypeError(f"backends must be a list, for example ['numpy', 'torch']: received {describe(backends)}.")
    places: dict[str, Selection] = {}
    for entry in backends:
        name, device = entry, None
        if isinstance(entry, str):
            name, _, device = entry.partition(":")
        elif isinstance(entry, (tuple, list)):
            if len(entry) != 2:
                raise ValueError(f"A backend with its device is a pair: received {describe(entry)}.")
            name, device = entry
        place = select(name, device or None, on_missing="raise")
        label = place.backend.name + (f":{device}" if device else "")
        if label in places:
            raise ValueError(f"backends must differ: received {label!r} twice.")
        places[label] = place
    if len(places) < 2:
        raise ValueError(
            f"At least two backends are needed to compare: received {', '.join(places) or 'none'}. Name another, or "
            "install one: pip install array-api-strict."
        )
    return places


def _built(model: Model, data: Data, place: Selection, loss: Any) -> Model:
    """Return a copy of the model with all its weights, compiled with `loss` if that is given."""
    twin = copy.deepcopy(model)
    twin.checked_inputs(data.x)
    if loss is not None:
        twin.compile(loss=loss)
    if not twin.built:
        shapes = tree_map(lambda array: (None, *array.shape[1:]), data.x)
        twin.ensure_built(shapes, like=place.backend.asarray(0.0, device=place.device))
    return twin


def _check_targets(model: Model, data: Data) -> None:
    if model.loss is None:
        return  # a loss of the model's own may need no targets
    try:
        outputs = specs_of_outputs(model, data.x)
    except Exception:
        return  # the report names the layer that raises
    model._for_outputs(outputs)
    checked_data(model, data.x, data.y, None, finite=False)


def _tolerance(model: Model) -> float:
    """Return what the coarsest dtype in the model allows."""
    computing = {layer.compute_dtype for layer in (model, *model.structure()[0].values())}
    dtypes = {*computing, *(variable.dtype for variable in model.variables)}
    floating = [dtype for dtype in dtypes if "float" in dtype]
    unknown = [dtype for dtype in floating if dtype not in TOLERANCES]
    if unknown:
        raise ValueError(f"There is no default tolerance for {unknown[0]}: give rtol, for example rtol=1e-2.")
    return max(TOLERANCES[dtype] for dtype in floating)
