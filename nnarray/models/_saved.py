"""What models do with files."""

from __future__ import annotations

from typing import Any

from nnarray.saving import LoadReport, load_weights, model_to_json, save_model, save_weights
from nnarray.training import Trained


class Saved(Trained):
    """A layer that can be trained and saved.

    Parameters
    ----------
    backend, device, on_missing, **kwargs : as for `Trained`
    """

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Save the model to one file, as `nnarray.saving.save_model`."""
        save_model(self, filepath, overwrite)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Save the weights to one file, as `nnarray.saving.save_weights`."""
        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> LoadReport:
        """Set the weights to those in a file, as `nnarray.saving.load_weights`."""
        return load_weights(self, filepath, skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture as JSON, for `nnarray.models.model_from_json`.

        Parameters
        ----------
        **kwargs
            As for `json.dumps`.
        """
        return model_to_json(self, **kwargs)
