"""What runs a plan, one file for each library that does it in its own way."""

from nnarray.compiler.executors._choice import Executor, check_executor, executor_for

__all__ = ["Executor", "check_executor", "executor_for"]
