"""Derivatives from the tape."""

from nnarray.autodiff._block import Block
from nnarray.autodiff._checkpoint import checkpoint
from nnarray.autodiff._custom import custom_vjp
from nnarray.autodiff._jacobians import hessian, hvp, jacobian
from nnarray.autodiff._products import jvp, vjp
from nnarray.autodiff._transforms import grad, record, stop_gradient, value_and_grad

__all__ = [
    "Block",
    "checkpoint",
    "custom_vjp",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "record",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
