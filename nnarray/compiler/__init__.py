"""`jit`: what code written against the standard did once, replayed at the speed of hand-written code."""

from nnarray.compiler._bound import BoundPlan
from nnarray.compiler._errors import TracingError
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._jit import Jitted, Lowered, jit
from nnarray.compiler._plan import Plan, Step
from nnarray.compiler._tracing import refuse_state

__all__ = [
    "BoundPlan",
    "Graph",
    "Jitted",
    "Lowered",
    "Operation",
    "Plan",
    "Step",
    "TracingError",
    "Value",
    "jit",
    "refuse_state",
]
