"""Checks for code on any array library: derivatives, closeness, that nothing leaves the library or the device, models.

Strategies of hypothesis for arrays are in `nnarray.testing.strategies`, the pytest plugin is `nnarray.testing.plugin`,
and `nnarray.testing.compliance` has the tests that a backend is to pass.
"""

from nnarray.testing._assertions import assert_close
from nnarray.testing._crosscheck import crosscheck
from nnarray.testing._crosscheck_report import CrossCheck
from nnarray.testing._gradients import check_grads
from nnarray.testing._portability import assert_namespace_kept

__all__ = ["CrossCheck", "assert_close", "assert_namespace_kept", "check_grads", "crosscheck"]
