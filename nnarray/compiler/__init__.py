"""`jit`: what code written against the standard did once, replayed at the speed of hand-written code."""

from nnarray._refusals import TracingError
from nnarray.compiler._bound import BoundPlan
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._jit import Jitted, Lowered, jit
from nnarray.compiler._plan import Plan, PlanStep
from nnarray.compiler.executors import check_executor

__all__ = [
    "BoundPlan",
    "Graph",
    "Jitted",
    "Lowered",
    "Operation",
    "Plan",
    "PlanStep",
    "TracingError",
    "Value",
    "check_executor",
    "jit",
]
