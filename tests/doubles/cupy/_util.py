"""What CuPy warns with."""


class PerformanceWarning(RuntimeWarning):
    """Something works, and slowly."""
