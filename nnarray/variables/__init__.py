"""State: a `Variable` holds a raw array; a `StatelessScope` lends it another; a `Pack` lays many in one buffer."""

from nnarray.variables._pack import ALIGNMENT, Pack, pack_variables
from nnarray.variables._scope import (
    Building,
    RehearsalScope,
    StatelessScope,
    autocast,
    autocasting,
    current_scope,
    losses_added,
    outside_scopes,
    refuse_new,
)
from nnarray.variables._variable import Variable

__all__ = [
    "ALIGNMENT",
    "Building",
    "Pack",
    "RehearsalScope",
    "StatelessScope",
    "Variable",
    "autocast",
    "autocasting",
    "current_scope",
    "losses_added",
    "outside_scopes",
    "pack_variables",
    "refuse_new",
]
