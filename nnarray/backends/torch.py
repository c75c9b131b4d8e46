"""PyTorch, through array_api_compat."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray.backends._base import Backend


class TorchBackend(Backend):
    """PyTorch on any of its devices."""

    executor = "torch"
    has_views = True

    def __init__(self) -> None:
        super().__init__("torch", "array_api_compat.torch")

    def devices(self) -> tuple[Any, ...]:
        torch = self.xp.torch if hasattr(self.xp, "torch") else self.xp
        names = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        return tuple(torch.device(name) for name in names)

    def synchronize(self, device: Any = None) -> None:
        if self.xp.cuda.is_available():
            self.xp.cuda.synchronize(self.device(device))

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None) -> Any:
        if isinstance(obj, np.ndarray) and not (obj.flags.writeable and obj.flags.c_contiguous):
            obj = obj.copy()
        return super().asarray(obj, dtype, device)

    def to_numpy(self, x: Any) -> np.ndarray:
        return x.detach().cpu().numpy()

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        copy = x.clone()
        copy[key] = value
        return copy

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        return x.index_add(axis, indices, value)
