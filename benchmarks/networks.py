"""The networks that are timed: a stack of dense layers with ReLU, a batch, weights and data from one seed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

#: Layer sizes and batch; the first is the article's.
NETWORKS = (
    *("2-4-6-6-4-1:32", "2-4-6-6-4-1:900", "784-100-10:200", "784-512-512-10:128"),
    "1024-2048-2048-1000:512",
)

#: Learning rate: weights stay where they are, so that each of many thousand steps on one batch costs the same. With a
#: batch that is learnt by heart, gradients sink to where processors are a hundred times slower, below 1e-38.
RATE = 1e-9


@dataclass(frozen=True)
class Network:
    """A network, a batch, and initial weights.

    One output is a sigmoid with binary cross-entropy, several are a softmax with categorical cross-entropy.
    """

    name: str

    @property
    def sizes(self) -> list[int]:
        """Units of each layer, inputs first."""
        return [int(n) for n in self.name.partition(":")[0].split("-")]

    @property
    def batch(self) -> int:
        """Number of examples."""
        return int(self.name.partition(":")[2])

    @property
    def is_binary(self) -> bool:
        """Whether there is one output."""
        return self.sizes[-1] == 1

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return kernel and bias of each layer."""
        rng = np.random.default_rng(0)
        return [
            ((rng.standard_normal((n, m)) * (2 / n) ** 0.5).astype("float32"), np.zeros(m, "float32"))
            for n, m in itertools.pairwise(self.sizes)
        ]

    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return inputs, targets as the loss takes them, and classes as integers."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.batch, self.sizes[0])).astype("float32")
        classes = rng.integers(0, max(self.sizes[-1], 2), self.batch)
        y = classes[:, None] if self.is_binary else np.eye(self.sizes[-1])[classes]
        return x, y.astype("float32"), classes
