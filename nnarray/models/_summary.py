"""A model as a table."""

from __future__ import annotations

from typing import Any

from nnarray.layers import Layer

_HEADER = ("Layer (type)", "Output shape", "Parameters")


def summary_table(model: Any) -> str:
    """Return the layers, their output shapes and their numbers of parameters as text."""
    shape = model.batch_input_shape
    rows = []
    for layer in model.layers:
        shape = None if shape is None or not hasattr(model, "pop") else layer.compute_output_shape(shape)
        parameters = f"{layer.count_params():,}" if layer.built else "not built"
        rows.append((f"{layer.name} ({type(layer).__name__})", "?" if shape is None else str(shape), parameters))
    widths = [max(len(row[i]) for row in (_HEADER, *rows)) for i in range(3)]

    def line(row: tuple[str, str, str]) -> str:
        return f"{row[0]:<{widths[0]}}   {row[1]:<{widths[1]}}   {row[2]:>{widths[2]}}"

    rule = "─" * len(line(_HEADER))
    body = [line(row) for row in rows]
    return "\n".join([f"Model: {model.name}", rule, line(_HEADER), rule, *body, rule, *_totals(model)])


def _totals(model: Layer) -> list[str]:
    total = model.count_params()
    trainable = sum(variable.size for variable in model.trainable_variables)
    return [f"Parameters: {total:,} (trainable {trainable:,}, fixed {total - trainable:,})"]
