"""PyTorch, through array_api_compat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnarray.backends._apart import apart
from nnarray.backends._base import CUDA, Backend
from nnarray.backends._host import refuse_masked


class TorchBackend(Backend):
    """PyTorch on any of its devices."""

    executor = "torch"
    has_views = True

    def __init__(self) -> None:
        super().__init__("torch", "array_api_compat.torch")

    def stages(self) -> tuple[tuple[str, Callable[[], Any]], ...]:
        return apart(super().stages())

    def devices(self) -> tuple[Any, ...]:
        torch = self.xp.torch if hasattr(self.xp, "torch") else self.xp
        names = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        return tuple(torch.device(name) for name in names)

    def synchronize(self, device: Any = None) -> None:
        if self.xp.cuda.is_available() and (device is None or self.device(device).type == "cuda"):
            self.xp.cuda.synchronize(device)

    def memory(self, device: Any = None) -> dict[str, int]:
        if device is None or self.device(device).type != "cuda":
            return {}
        free, total = self.xp.cuda.mem_get_info(device)
        used, held = self.xp.cuda.memory_allocated(device), self.xp.cuda.memory_reserved(device)
        return {"used": used, "held": held, "free": free, "total": total}

    def shares_memory_of(self, place: tuple[int, int], device: Any) -> bool:
        return device is not None and (place == (CUDA, device.index or 0)) and device.type == "cuda"

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None) -> Any:
        if isinstance(obj, np.ndarray):
            refuse_masked(obj)
            # It warns of memory that cannot be written, and knows no negative strides.
            obj = obj if obj.flags.writeable and obj.flags.c_contiguous else obj.copy()
        return super().asarray(obj, dtype, device)

    def to_numpy(self, x: Any) -> np.ndarray:
        return x.numpy(force=True)

    def special(self, name: str) -> Callable[..., Any] | None:
        import torch

        return getattr(torch.special, name)

    def get_item(self, x: Any, key: Any) -> Any:
        key, backwards = _forward_key(key, tuple(x.shape))
        return x[key].flip(backwards) if backwards else x[key]

    def take_rows(self, x: Any, rows: Any, out: Any = None) -> Any:
        if out is None:
            return super().take_rows(x, rows)
        x = x.detach()
        return out.copy_(x[rows]) if isinstance(rows, slice) else self.xp.index_select(x, 0, rows, out=out)

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        copy = x.clone()
        key, backwards = _forward_key(key, tuple(x.shape))
        copy[key] = value.expand(copy[key].shape).flip(backwards) if backwards else value
        return copy

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        # It reads at negative indices, and adds at none.
        indices = indices.where(indices >= 0, indices + x.shape[axis])
        return x.index_add(axis, indices, value)


def _forward_key(key: Any, shape: tuple[int, ...]) -> tuple[Any, list[int]]:
    """Return a key without negative steps, which PyTorch does not know, and the axes to flip after it."""
    items = list(key) if isinstance(key, tuple) else [key]
    if not any(isinstance(item, slice) and (item.step or 1) < 0 for item in items):
        return key, []
    backwards = []
    hidden = len(shape) - sum(item is not None and item is not Ellipsis for item in items)
    axis = out = 0
    for place, item in enumerate(items):
        if isinstance(item, slice) and (item.step or 1) < 0:
            rows = range(*item.indices(shape[axis]))
            items[place] = slice(rows[-1], rows[0] + 1, -rows.step) if rows else slice(0, 0)
            backwards.append(out)
        axis += hidden if item is Ellipsis else item is not None
        out += hidden if item is Ellipsis else item is None or isinstance(item, slice)
    return tuple(items), backwards
