"""Where a training stands, so that it can go on in another process."""

from __future__ import annotations

from typing import Any

from nnarray.random import ResumedKeys, coming_key
from nnarray.training._callbacks import CallbackList
from nnarray.training._history import History


class Resumption:
    """How far a model's training is.

    Attributes
    ----------
    values : dict
        ``steps``: how many were taken. ``coming``: the key of the next shuffle. ``history``. Within `fit`, ``epoch``:
        how many are done; ``key``: that of its shuffles, None if it does not shuffle; ``callbacks``: pairs of class
        name and state.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @classmethod
    def of(cls, model: Any) -> Resumption:
        """Return where a model stands."""
        keys = model._keys
        values: dict[str, Any] = {
            "steps": model._counter,
            "coming": coming_key() if keys is None else keys.state,
            "history": None if model.history is None else model.history.get_state(),
        }
        running = model._running
        if running is not None:
            values |= {"steps": running.counter, "epoch": running.done, "key": running.feed.key}
            others = (x for x in running.callbacks.callbacks if not isinstance(x, History))
            values["callbacks"] = [(type(x).__name__, x.get_state()) for x in others]
        return cls(values)

    def give_to(self, model: Any) -> None:
        """Let a model stand there."""
        model._counter = int(self.values["steps"])
        model._keys = ResumedKeys(tuple(self.values["coming"]))
        model._resumption = self if "epoch" in self.values else None
        if self.values["history"] is not None:
            model.history = History()
            model.history.set_state(self.values["history"])

    @property
    def key(self) -> tuple[int, int] | None:
        """Of the shuffles of the `fit` that was saved."""
        key = self.values.get("key")
        return None if key is None else (int(key[0]), int(key[1]))

    def goes_on(self, initial_epoch: int) -> bool:
        """Whether a `fit` that begins with this epoch goes on with the one that was saved."""
        return initial_epoch > 0 and initial_epoch == self.epoch

    @property
    def epoch(self) -> int:
        """The epoch that comes next, counted from 0."""
        return int(self.values["epoch"])

    def resume(self, callbacks: CallbackList) -> None:
        """Give callbacks, in the order of those of a class, the states of those that were saved."""
        states = list(self.values["callbacks"])
        for callback in callbacks.callbacks:
            place = next((i for i, (name, _) in enumerate(states) if name == type(callback).__name__), None)
            if place is not None:
                callback.set_state(states.pop(place)[1])
