"""JAX, whose arrays cannot be written to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnarray.backends._apart import apart
from nnarray.backends._base import CUDA, Backend


class JaxBackend(Backend):
    """JAX on any of its devices."""

    executor = "jax"

    def __init__(self) -> None:
        super().__init__("jax", "jax.numpy")

    def stages(self) -> tuple[tuple[str, Callable[[], Any]], ...]:
        return apart(super().stages())

    def device_of(self, x: Any) -> Any:
        try:
            return x.device
        except RuntimeError:
            # One that a plan has used up still says where it was: what takes its place goes there.
            return next(iter(x.sharding.device_set))
        except AttributeError:
            # What JAX traces is on no device yet.
            return None

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None) -> Any:
        # Without 64-bit mode JAX has 32-bit integers, and warns of each request for more.
        if isinstance(dtype, str) and "int" in dtype:
            import jax

            dtype = jax.dtypes.canonicalize_dtype(dtype)
        return super().asarray(obj, dtype, device)

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def synchronize(self, device: Any = None) -> None:
        import jax

        # Its queues have no handle of their own: what they work on are the arrays that are not ready yet.
        for x in jax.live_arrays():
            if device is None or device in x.devices():
                x.block_until_ready()

    def memory(self, device: Any = None) -> dict[str, int]:
        import jax

        found = (device or jax.devices()[0]).memory_stats() or {}
        names = {"used": "bytes_in_use", "held": "bytes_reserved", "total": "bytes_limit"}
        return {name: int(found[key]) for name, key in names.items() if key in found}

    def shares_memory_of(self, place: tuple[int, int], device: Any) -> bool:
        return device is not None and device.platform == "gpu" and place == (CUDA, device.local_hardware_id)

    def special(self, name: str) -> Callable[..., Any] | None:
        import jax.scipy.special

        return getattr(jax.scipy.special, name)

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        return x.at[key].set(value)

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        key = (slice(None),) * (axis % x.ndim) + (indices,)
        return x.at[key].add(value)
