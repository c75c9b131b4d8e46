"""Differentiate code that never heard of this library: functions of SciPy, on the arrays of several libraries.

SciPy writes many of its functions against the array API standard; that is all it takes. Three of them:

1. `scipy.optimize.rosen`, whose gradient and Hessian SciPy also has, derived by hand: the numbers to compare with.
2. `scipy.special.logsumexp`, whose gradient is the softmax.
3. `scipy.spatial.transform.Rotation`: which rotation takes one cloud of points to another? Descent on the squared
   distance, through SciPy's conversion of rotation vectors, held against its closed solution.

Run it:  python examples/differentiate_anything.py      (needs SciPy 1.17 or newer)
"""

from __future__ import annotations

import os

# What SciPy and JAX ask for before their first import: arrays other than NumPy's, and float64.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("JAX_ENABLE_X64", "1")

from typing import Any

import numpy as np
from scipy.optimize import rosen, rosen_der, rosen_hess
from scipy.spatial.transform import Rotation
from scipy.special import logsumexp, softmax

import nnarray as nna

POINT = np.asarray([1.3, 0.7, 0.8, 1.9, 1.2])
VECTOR = np.asarray([0.4, -1.1, 0.7])


def difference(x: Any, expected: np.ndarray) -> float:
    """Return the greatest relative difference between an array of some library and one of NumPy."""
    found = nna.backends.backend_of(x).to_numpy(x)
    return float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))


def find_rotation(xp: Any) -> tuple[Any, int]:
    """Return the rotation vector that takes one cloud of points to another, and the steps that descent took."""
    cloud = np.random.default_rng(0).standard_normal((20, 3))
    points, turned = xp.asarray(cloud), xp.asarray(Rotation.from_rotvec(VECTOR).apply(cloud))

    def distance(vector: Any) -> Any:
        gap = Rotation.from_rotvec(vector).apply(points) - turned
        return gap.__array_namespace__().mean(gap**2)

    slope = nna.value_and_grad(distance)
    vector = xp.asarray([0.1, 0.1, 0.1], dtype=xp.float64)
    for step in range(1000):
        value, gradient = slope(vector)
        if float(value) < 1e-24:
            return vector, step
        vector = vector - 0.4 * gradient
    raise RuntimeError(f"Descent did not arrive: the squared distance is {float(value)} after 1000 steps.")


def compare(library: str) -> dict[str, float]:
    """Return how far our derivatives on the arrays of a library are from what SciPy knows of them."""
    xp = nna.backends.get_backend(library).xp
    x = xp.asarray(POINT)
    vector, steps = find_rotation(xp)
    print(f"{library}: {type(x).__module__}.{type(x).__name__}; the rotation was found in {steps} steps")
    return {
        "gradient of rosen, and rosen_der": difference(nna.grad(rosen)(x), rosen_der(POINT)),
        "Hessian of rosen, and rosen_hess": difference(nna.hessian(rosen)(x), rosen_hess(POINT)),
        "gradient of logsumexp, and softmax": difference(nna.grad(logsumexp)(x), softmax(POINT)),
        "rotation by descent, and the true one": difference(vector, VECTOR),
    }


def main() -> dict[str, dict[str, float]]:
    """Print the differences for each library that is installed; return them."""
    found = {}
    for library in nna.available_backends():
        found[library] = compare(library)
        for name, value in found[library].items():
            print(f"    {name:40} {value:.1e}")
    return found


if __name__ == "__main__":
    main()
