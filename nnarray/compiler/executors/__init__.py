"""What runs a plan, one file for each library that does it in its own way."""

from nnarray.compiler.executors._choice import check_executor, executor_for

__all__ = ["check_executor", "executor_for"]
