"""What the array API standard lacks, per library, and the choice among libraries."""

from nnarray.backends._base import DTYPE_NAMES, Backend
from nnarray.backends._blas import blas_threads
from nnarray.backends._doctor import doctor, examine, report
from nnarray.backends._philox import generator
from nnarray.backends._plugins import registered
from nnarray.backends._probe import BackendFallbackWarning, BackendUnavailableError, Probe, Stage, probe
from nnarray.backends._registry import (
    available_backends,
    backend_of,
    convert,
    find_backend,
    get_backend,
    integer_of,
    known_backends,
    received,
    register_array_type,
)
from nnarray.backends._selection import (
    Selection,
    check_on_missing,
    chosen_backend,
    current_backend,
    insisted_on,
    required_backends,
    select,
    set_backend,
    unavailable,
    use_backend,
)

__all__ = [
    "DTYPE_NAMES",
    "Backend",
    "BackendFallbackWarning",
    "BackendUnavailableError",
    "Probe",
    "Selection",
    "Stage",
    "available_backends",
    "backend_of",
    "blas_threads",
    "check_on_missing",
    "chosen_backend",
    "convert",
    "current_backend",
    "doctor",
    "examine",
    "find_backend",
    "generator",
    "get_backend",
    "insisted_on",
    "integer_of",
    "known_backends",
    "probe",
    "received",
    "register_array_type",
    "registered",
    "report",
    "required_backends",
    "select",
    "set_backend",
    "unavailable",
    "use_backend",
]
