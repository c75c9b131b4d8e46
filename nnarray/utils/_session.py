"""What Keras keeps for the whole process, and nnarray does not."""

from __future__ import annotations


def clear_session(free_memory: bool = True) -> None:
    """Do nothing: models, and what is compiled for them, belong to no session, and go when nothing refers to them.

    Parameters
    ----------
    free_memory : bool
        Keras' argument.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.backend.clear_session()
    """
