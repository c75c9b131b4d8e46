"""The folder for files that can be got again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return nnarray's cache folder: ``NNARRAY_CACHE_DIR``, or where the platform has such folders."""
    if own := os.environ.get("NNARRAY_CACHE_DIR"):
        return Path(own).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).expanduser() / "nnarray"
    usual = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA") or "~/AppData/Local"}
    return Path(usual.get(sys.platform, "~/.cache")).expanduser() / "nnarray"
