"""A model trained by SciPy: L-BFGS-B on all its weights as one vector, with the gradient by `value_and_grad`.

The loss is a function of the weights: `stateless_call` runs the model with weights that are lent to it, and
`nna.utils.ravel` turns the list of weights into the float64 vector that SciPy works on, and back.

Run it:  python examples/lbfgs.py          (needs SciPy)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

import nnarray as nna
from nnarray.datasets import make_circles
from nnarray.layers import Dense, Input
from nnarray.models import Sequential


def train(model: Any, loss: Any, x: Any, y: Any, maxiter: int = 100) -> OptimizeResult:
    """Minimise the loss of all examples at once; the model has the best weights afterwards."""
    start, unravel = nna.utils.ravel(model.trainable_variables, dtype="float64")
    others = [variable.value for variable in model.non_trainable_variables]

    @nna.jit
    def objective(vector: Any) -> Any:
        def of_weights(weights: Any) -> Any:
            outputs, _ = model.stateless_call(weights, others, x, training=True)
            return loss(y, outputs)

        value, gradients = nna.value_and_grad(of_weights)(unravel(vector))
        return value, nna.utils.ravel(gradients, dtype="float64")[0]

    def of_vector(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(vector)
        return float(value), gradient

    found = minimize(of_vector, start, jac=True, method="L-BFGS-B", options={"maxiter": maxiter})
    for variable, value in zip(model.trainable_variables, unravel(found.x), strict=True):
        variable.assign(value)
    return found


def main(seed: int = 0) -> float:
    """Train on two circles of points; return the share of them that is told apart."""
    nna.set_seed(seed)
    x, y = make_circles(300, factor=0.5, noise=0.1, random_state=seed)
    model = Sequential([Input((2,)), Dense(8, activation="tanh"), Dense(1, activation="sigmoid")])
    found = train(model, nna.losses.BinaryCrossentropy(), x.astype("float32"), y.astype("float32"))
    right = float(np.mean((np.asarray(model(x.astype("float32")))[:, 0] > 0.5) == (y.reshape(-1) > 0.5)))
    print(f"{found.nit} iterations, {found.nfev} calls: loss {found.fun:.4f}, {right:.1%} told apart")
    return right


if __name__ == "__main__":
    main()
