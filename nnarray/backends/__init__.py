"""What the array API standard lacks, per library, and the choice among libraries."""

from nnarray.backends._base import Backend
from nnarray.backends._philox import generator
from nnarray.backends._registry import (
    Selection,
    available_backends,
    backend_of,
    chosen_backend,
    convert,
    current_backend,
    find_backend,
    get_backend,
    known_backends,
    select,
    set_backend,
    use_backend,
)

__all__ = [
    "Backend",
    "Selection",
    "available_backends",
    "backend_of",
    "chosen_backend",
    "convert",
    "current_backend",
    "find_backend",
    "generator",
    "get_backend",
    "known_backends",
    "select",
    "set_backend",
    "use_backend",
]
