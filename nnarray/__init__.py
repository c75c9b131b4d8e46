"""Neural networks and derivatives, written once against the Python array API standard.

>>> import nnarray as nna
>>> float(nna.grad(lambda x: x * x)(3.0))
6.0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nnarray._version import __version__

#: Public names and the module each comes from, loaded when first used.
_FROM = {
    "Array": "nnarray.array",
    "array_namespace": "nnarray.array",
    "namespace": "nnarray.array",
    "checkpoint": "nnarray.autodiff",
    "custom_vjp": "nnarray.autodiff",
    "grad": "nnarray.autodiff",
    "hessian": "nnarray.autodiff",
    "hvp": "nnarray.autodiff",
    "jacobian": "nnarray.autodiff",
    "jvp": "nnarray.autodiff",
    "stop_gradient": "nnarray.autodiff",
    "value_and_grad": "nnarray.autodiff",
    "vjp": "nnarray.autodiff",
    "BackendFallbackWarning": "nnarray.backends",
    "BackendUnavailableError": "nnarray.backends",
    "available_backends": "nnarray.backends",
    "doctor": "nnarray.backends",
    "set_backend": "nnarray.backends",
    "use_backend": "nnarray.backends",
    "TracingError": "nnarray.compiler",
    "jit": "nnarray.compiler",
    "set_seed": "nnarray.random",
    "Initializer": "nnarray.initializers",
    "Input": "nnarray.layers",
    "Layer": "nnarray.layers",
    "Loss": "nnarray.losses",
    "Metric": "nnarray.metrics",
    "Model": "nnarray.models",
    "Optimizer": "nnarray.optimizers",
    "Regularizer": "nnarray.regularizers",
    "Sequential": "nnarray.models",
    "Variable": "nnarray.variables",
}
_MODULES = (
    *("activations", "autodiff", "backend", "backends", "callbacks", "config", "constraints", "datasets"),
    *("initializers", "layers", "losses"),
    *("metrics", "models", "ops", "optimizers", "plotting", "random", "regularizers", "saving", "special"),
    *("testing", "utils"),
)

__all__ = ["__version__", *_FROM, *_MODULES]

if TYPE_CHECKING:
    from nnarray.array import Array as Array
    from nnarray.array import array_namespace as array_namespace
    from nnarray.array import namespace as namespace
    from nnarray.autodiff import checkpoint as checkpoint
    from nnarray.autodiff import custom_vjp as custom_vjp
    from nnarray.autodiff import grad as grad
    from nnarray.autodiff import hessian as hessian
    from nnarray.autodiff import hvp as hvp
    from nnarray.autodiff import jacobian as jacobian
    from nnarray.autodiff import jvp as jvp
    from nnarray.autodiff import stop_gradient as stop_gradient
    from nnarray.autodiff import value_and_grad as value_and_grad
    from nnarray.autodiff import vjp as vjp
    from nnarray.backends import BackendFallbackWarning as BackendFallbackWarning
    from nnarray.backends import BackendUnavailableError as BackendUnavailableError
    from nnarray.backends import available_backends as available_backends
    from nnarray.backends import doctor as doctor
    from nnarray.backends import set_backend as set_backend
    from nnarray.backends import use_backend as use_backend
    from nnarray.compiler import TracingError as TracingError
    from nnarray.compiler import jit as jit
    from nnarray.initializers import Initializer as Initializer
    from nnarray.layers import Input as Input
    from nnarray.layers import Layer as Layer
    from nnarray.losses import Loss as Loss
    from nnarray.metrics import Metric as Metric
    from nnarray.models import Model as Model
    from nnarray.models import Sequential as Sequential
    from nnarray.optimizers import Optimizer as Optimizer
    from nnarray.random import set_seed as set_seed
    from nnarray.regularizers import Regularizer as Regularizer
    from nnarray.variables import Variable as Variable


def __getattr__(name: str) -> Any:
    if name in _FROM:
        value = getattr(importlib.import_module(_FROM[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"nnarray.{name}")
    else:
        raise AttributeError(f"module 'nnarray' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
