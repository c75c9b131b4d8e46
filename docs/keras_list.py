"""Writes docs/keras.md, which goes through Keras' names by chapter, from the list that tests/keras_names.py recorded.

Usage: python docs/keras_list.py
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nnarray._config import _signatures  # noqa: E402 -- the one beside this page

PAGE = ROOT / "docs" / "keras.md"
RECORDED = ROOT / "tests" / "keras_names.json"
COMMAND = "python docs/keras_list.py"

_LAYERS = "comes with the layers that need it"
_QUANTIZED = "there is no quantization"
_POLICY = 'a policy is its name: `dtype="mixed_float16"` of a layer or model'
_IMAGES = "Pillow reads and writes pictures, `numpy.asarray` makes arrays of them"
_FOLDERS = "write a `nnarray.utils.PyDataset` that reads the files of a batch"
_VERBOSE = "`verbose` of `fit`, `evaluate` and `predict` says it each time"
_ATTENTION = "there is no attention layer yet; `nnarray.ops.dot_product_attention` is plain code on every library"
_TRACEBACKS = "tracebacks are Python's, whole"
_FORMAT = "comes with the layers that convolve"
_STEPS = "`epochs` and `steps_per_epoch` of `fit` say it"
_DOWNLOADS = "`nnarray` downloads no data: read your files, as by `nnarray.datasets.read_csv`"
_UTILS = "is in `nnarray.utils`"
_REJECTION = "is not there yet; its usual ways reject draws, so that they need loops until all are done"


def _switch(name: str) -> tuple[str, str, str]:
    """Return the names by which Keras turns something on and off and asks whether it is on."""
    return f"enable_{name}", f"disable_{name}", f"is_{name}_enabled"


#: What is left out, and why, or where to find it. Chapters are modules of Keras; "" is `keras` itself.
LEFT_OUT: dict[str, dict[str, str]] = {
    "": {
        **dict.fromkeys(("DTypePolicy", "FloatDTypePolicy", "dtype_policies", "mixed_precision"), _POLICY),
        **dict.fromkeys(("Quantizer", "quantizers"), _QUANTIZED),
        **dict.fromkeys(("RematScope", "remat"), "`nnarray.checkpoint` of a function computes it twice and keeps less"),
        "Function": "a model of symbols is a `nnarray.Model`",
        "InputSpec": "the `build` of a layer looks at the shape of its inputs and refuses what does not fit",
        "KerasTensor": "is `nnarray.layers.Placeholder`, which `nnarray.Input` returns",
        "Operation": "the functions of `nnarray.ops` take symbols; write a `nnarray.Layer` for one of your own",
        "StatelessScope": "is `nnarray.variables.StatelessScope`; `nnarray.value_and_grad` takes variables as they are",
        "SymbolicScope": "symbols need no scope",
        "applications": "there are no ready-made networks",
        "device": "`with nnarray.use_backend(name, device):`",
        "distillation": "there is no trainer of a student by a teacher; write `train_step`",
        "distribution": "a model is on one device",
        "export": "there is no export to other runtimes; `nnarray.saving` writes safetensors",
        "name_scope": "paths are those of attributes, such as `blocks/0/kernel`",
        "preprocessing": "`nnarray.utils` has `pad_sequences` and `timeseries_dataset_from_array`",
        "tree": "the package `optree`, on which Keras' own stands, is there with nnarray",
        "version": "`nnarray.__version__`",
        "visualization": "`nnarray.plotting` draws data, networks, training; there are no boxes and masks on pictures",
        "wrappers": "there are no scikit-learn estimators yet",
    },
    "callbacks": {
        "OrbaxCheckpoint": "it is JAX's; `nnarray.callbacks.ModelCheckpoint` and `BackupAndRestore` go on bit for bit",
        "RemoteMonitor": "nothing is sent; a `nnarray.callbacks.LambdaCallback` may",
    },
    "utils": {
        **dict.fromkeys(("array_to_img", "img_to_array", "load_img", "save_img"), _IMAGES),
        **{f"{kind}_dataset_from_directory": _FOLDERS for kind in ("audio", "image", "text")},
        **dict.fromkeys(_switch("interactive_logging"), _VERBOSE),
        **dict.fromkeys(
            ("model_to_dot", "plot_model"),
            "`summary()` of a model lists its layers, `nnarray.plotting.plot_network` draws its units",
        ),
        "Config": "a dict, or `types.SimpleNamespace`",
        "FeatureSpace": "pandas or scikit-learn make numbers of columns",
        "bounding_boxes": _LAYERS,
        "get_source_inputs": "`inputs` of a `nnarray.Model`",
        "is_keras_tensor": "`isinstance(x, nnarray.layers.Placeholder)`",
        "standardize_dtype": "is `nnarray.backend.standardize_dtype`",
    },
    "saving": {
        **dict.fromkeys(("CustomObjectScope", "get_registered_name", "get_registered_object"), _UTILS),
        "KerasFileEditor": "a file of weights is safetensors, which the package `safetensors` reads and writes by name",
    },
    "config": {
        **dict.fromkeys(_switch("flash_attention"), _ATTENTION),
        **dict.fromkeys(_switch("interactive_logging"), _VERBOSE),
        **dict.fromkeys(_switch("traceback_filtering"), _TRACEBACKS),
        **dict.fromkeys(("image_data_format", "set_image_data_format"), _FORMAT),
        **dict.fromkeys(("max_epochs", "max_steps_per_epoch", "set_max_epochs", "set_max_steps_per_epoch"), _STEPS),
        **dict.fromkeys(("dtype_policy", "set_dtype_policy"), _POLICY),
        "enable_unsafe_deserialization": "nothing in a file is run, so there is nothing to allow",
        "is_nnx_enabled": "NNX is JAX's",
        "set_backend": "`nnarray.set_backend`, at any time",
    },
    "backend": {
        **dict.fromkeys(("image_data_format", "set_image_data_format"), _FORMAT),
        "get_uid": "names are numbered by the layers themselves",
        "is_keras_tensor": "`isinstance(x, nnarray.layers.Placeholder)`",
        "result_type": "`nnarray.array_namespace(x).result_type`, which follows the array API standard",
    },
    "random": dict.fromkeys(("beta", "binomial", "gamma"), _REJECTION),
    "datasets": {
        **dict.fromkeys(("boston_housing", "california_housing", "cifar10", "cifar100", "imdb", "reuters"), _DOWNLOADS),
        "mnist": "`nnarray.datasets.read_idx` reads its files; `nnarray.datasets.fashion_mnist` has their format",
    },
}

INTRODUCTION = """# Keras' names

What nnarray has of Keras, chapter by chapter, and where to look for the rest. `{command}` makes this
page from the public names of Keras {version} and the code, and a test holds it against them. Operations have a page of
their own, [ops.md](ops.md). **Layers are not on this page**: they are a later chapter, and [reference.md](reference.md)
lists those that there are.

A name that is here has Keras' meaning, and Keras' arguments by name, but for those that its row names. What nnarray has
beside that is in [reference.md](reference.md), too.

"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the text of the page."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    parts = [INTRODUCTION.format(command=COMMAND, version=recorded["keras"])]
    for chapter, names in recorded["chapters"].items():
        module = counterpart(chapter)
        there = sum(name in module.__all__ for name in names)
        title = f"`keras{chapter and '.'}{chapter}`"
        parts.append(f"## {title}\n\n{there} of {len(names)} names are in `{module.__name__}`.\n\n")
        parts.append("| Keras | is a | here |\n|---|---|---|\n")
        parts += [f"| `{name}` | {x['kind']} | {_here(chapter, name, x)} |\n" for name, x in names.items()]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def counterpart(chapter: str) -> ModuleType:
    """Return the module here of a module of Keras."""
    return importlib.import_module(f"nnarray.{chapter}" if chapter else "nnarray")


def _here(chapter: str, name: str, recorded: dict[str, Any]) -> str:
    module = counterpart(chapter)
    if name not in module.__all__:
        return LEFT_OUT[chapter][name]
    x = getattr(module, name)
    if isinstance(x, ModuleType):
        return f"module `{x.__name__}`"
    if x.__name__ != name:
        return f"`{x.__name__}`, by another name"
    summary = re.split(r"\n\s*\n", inspect.getdoc(x) or "")[0].replace("\n", " ").replace("|", r"\|")
    text = summary.replace("``", "`")
    missing = missing_parameters(x, recorded["parameters"])
    return f"{text} Not taken: {', '.join(f'`{each}`' for each in missing)}." if missing else text


def missing_parameters(x: Any, parameters: list[str]) -> list[str]:
    """Return the parameters of Keras that an object here does not take."""
    signatures = _signatures(x) if inspect.isclass(x) else [inspect.signature(x).parameters.values()]
    known = {parameter.name for signature in signatures for parameter in signature}
    return [name for name in parameters if name not in known]


if __name__ == "__main__":
    main()
