"""Tests that a backend does what nnarray asks of it; for authors of adapters.

Run them on a backend by its name, registered by the entry point ``nnarray.backends``::

    pytest -p nnarray.testing.plugin --backend NAME --pyargs nnarray.testing.compliance
"""
