"""What Keras' files say of a model, as objects of this package: looked up by name, checked, then made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nnarray._config import Configured, _signatures
from nnarray._custom_objects import found_custom
from nnarray._messages import nearest
from nnarray._serialization import _public, from_config, restored
from nnarray.layers import InputLayer, Layer
from nnarray.metrics import Metric
from nnarray.saving._keras_graph import graph_from
from nnarray.saving._keras_parts import Later, Result, as_shapes, finished, leaves
from nnarray.training import Trained
from nnarray.training._recipe import recipe_of

#: Modules with classes that a file may name.
_HOMES = (
    *("layers", "initializers", "regularizers", "constraints", "losses", "metrics"),
    *("optimizers", "optimizers.schedules", "random"),
)
_MODELS = {"Sequential": "Sequential", "Functional": "Model", "Model": "Model"}
_POLICIES = ("DTypePolicy", "FloatDTypePolicy")
#: What describes arrays and other plain values.
_VALUES = ("__numpy__", "__tensor__", "__bytes__", "__ellipsis__")
#: Arguments of Keras' classes, with values by which they change nothing here. None never does.
_IDLE: dict[str, tuple[Any, ...]] = {
    "autocast": (True,),
    "data_format": ("channels_last",),
    "optional": (False,),
    "ragged": (False,),
    "renorm": (False,),
    "sparse": (False,),
    "stateful": (False,),
    "synchronized": (False,),
    "unroll": (False, True),
    "use_cudnn": (False, True, "auto"),
    "use_gate": (False,),
    "zero_output_for_mask": (False,),
}
_MADE_WRONG = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)


class Reader:
    """Makes what Keras' configs describe, and notes down what it cannot make.

    Attributes
    ----------
    problems : dict of str to None
        What cannot be made, in words, each once.
    unknown : dict of str to None
        Names of classes and functions that are not known.
    order : dict
        Of each model that was made, the names of Keras' classes and the layers, in Keras' order.
    """

    def __init__(self) -> None:
        self.problems: dict[str, None] = {}
        self.unknown: dict[str, None] = {}
        self.order: dict[Any, list[tuple[str, Layer]]] = {}
        self._shared: dict[Any, Any] = {}

    def read(self, x: Any, where: str) -> Any:
        """Return what a config describes, with `Later` for models and None for what cannot be made.

        Parameters
        ----------
        x : plain values
        where : str
            What it is part of, for messages.
        """
        if isinstance(x, (list, tuple)):
            return type(x)([self.read(item, where) for item in x])
        if not isinstance(x, dict):
            return x
        if "class_name" not in x:
            return {key: self.read(item, where) for key, item in x.items()}
        name, config = x["class_name"], x["config"]
        if name == "__keras_tensor__":
            return Result(*config["keras_history"])
        if name in ("__lambda__", "__typespec__"):
            return self.refuse(where, "has code in the file, which is never run")
        if name in _VALUES:
            return restored(x)
        if name == "__slice__":
            return slice(*(self.read(config[end], where) for end in ("start", "stop", "step")))
        if name == "function":
            return self._function(x, where)
        if name in _POLICIES and found_custom(x.get("registered_name"), name) is None:
            return config["name"]
        shared = x.get("shared_object_id")
        if shared is None:
            return self._object(x, where)
        if shared not in self._shared:
            self._shared[shared] = self._object(x, where)
        return self._shared[shared]

    def class_of(self, described: Mapping[str, Any]) -> Any:
        """Return the class that a config is of, None if it is not known."""
        name = described["class_name"]
        custom = found_custom(described.get("registered_name"), name)
        if custom is not None:
            return custom
        package, *parts = str(described.get("module")).split(".")
        if package != "keras":
            return None
        if name in _MODELS:
            return getattr(_public("nnarray.models"), _MODELS[name])
        home = _home(parts)
        known = None if home is None else getattr(_public(f"nnarray.{home}"), str(name), None)
        return known if isinstance(known, type) and hasattr(known, "from_config") else None

    def check_call(self, cls: Any, kwargs: dict[str, Any], label: str) -> dict[str, Any]:
        """Return those arguments of a layer's call that it takes, and note down those that it does not."""
        parameters = inspect.signature(cls.call).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return kwargs
        return self._taken(kwargs, {*parameters, "training"}, label, "argument of a call")

    def compiled(self, config: Mapping[str, Any], cls: Any) -> dict[str, Any]:
        """Return what `compile_from_config` of a class of models takes."""
        # Whether Keras compiled its steps was a matter of its backend.
        given = {key: self.read(value, f"compile, {key}") for key, value in config.items() if key != "jit_compile"}
        if cls.compile is not Trained.compile:
            return given
        given = self._taken(given, set(inspect.signature(cls.compile).parameters), "compile", "argument")
        if not any(problem.startswith("compile") for problem in self.problems):
            loss, shares, plain, weighted = map(given.get, ("loss", "loss_weights", "metrics", "weighted_metrics"))
            eagerly, steps = given.get("run_eagerly", False), given.get("steps_per_execution", 1)
            self._tried(lambda: recipe_of(loss, shares, plain, weighted, eagerly, steps, None), "compile")
        return given

    # -- objects ------------------------------------------------------------------------------------------------------

    def _object(self, x: Mapping[str, Any], where: str) -> Any:
        name, config, cls = x["class_name"], x["config"] or {}, self.class_of(x)
        called = config.get("name") if isinstance(config, dict) else None
        label = f"{called!r:.80} ({name})" if isinstance(called, str) else f"{where}, {name}" if where else str(name)
        if cls is None:
            self.miss(name, label, "class", [*_MODELS, *dir(_public("nnarray.layers"))])
            self.read(config, label)
            return None
        if not isinstance(cls, type):
            return cls
        if not isinstance(config, dict):
            return self.refuse(label, "has a config that is no dict")
        if issubclass(cls, Layer) and {"layers", "input_layers", "output_layers"} <= config.keys():
            return graph_from(self, cls, config, label)
        if issubclass(cls, _public("nnarray.models").Sequential) and isinstance(config.get("layers"), list):
            return self._stack(cls, config, label)
        return self._instance(cls, config, label)

    def _instance(self, cls: Any, config: Mapping[str, Any], label: str) -> Any:
        before, given = len(self.problems), {}
        for key, value in config.items():
            count = len(self.problems)
            read = self.read(value, f"{label}, {key}")
            if len(self.problems) == count:
                given[key] = read
        if _is_ours(cls) or _takes_arguments(cls):
            parameters = [p for signature in _signatures(cls) for p in signature]
            given = self._taken(given, {p.name for p in parameters}, label, "argument")
            if any(p.default is p.empty and p.name in config and p.name not in given for p in parameters):
                return None
        if issubclass(cls, Metric) and "int" in str(given.get("dtype")):
            # Keras has such a metric count in integers.
            del given["dtype"]
        if any(isinstance(leaf, Later) for leaf in leaves(given)):
            return Later(lambda: from_config(cls, finished(given)))
        made = self._tried(lambda: from_config(cls, given), label)
        return made if len(self.problems) == before else None

    def _stack(self, cls: Any, config: Mapping[str, Any], label: str) -> Later:
        layers = [self.read(layer, label) for layer in config["layers"]]
        names = [layer["class_name"] for layer in config["layers"]]
        rest = {key: self.read(x, label) for key, x in config.items() if key not in ("layers", "build_input_shape")}
        if _is_ours(cls):
            rest.pop("dtype", None)
            rest = self._taken(rest, {"name", "trainable"}, label, "argument")

        def make() -> Any:
            made = finished(layers)
            model = from_config(cls, {**finished(rest), "layers": made})
            pairs = zip(names, made, strict=True)
            self.order[model] = [(name, layer) for name, layer in pairs if not isinstance(layer, InputLayer)]
            if config.get("build_input_shape") and not model.built:
                model.build(as_shapes(config["build_input_shape"]))
            return model

        return Later(make)

    def _function(self, x: Mapping[str, Any], where: str) -> Any:
        is_keras = str(x.get("module")).partition(".")[0] == "keras"
        try:
            return restored({**x, "module": "builtins"} if is_keras else x)
        except TypeError:
            self.miss(x["config"], where, "function", [])
            return None

    def _taken(self, given: dict[str, Any], takes: set[str], label: str, kind: str) -> dict[str, Any]:
        """Return those of some arguments that are taken; note down those that are not and would change something."""
        for key, value in given.items():
            if key not in takes and value is not None and value not in _IDLE.get(key, ()):
                self.refuse(label, f"has the {kind} {key}={value!r:.60}, which is not known here")
        return {key: value for key, value in given.items() if key in takes}

    def _tried(self, make: Callable[[], Any], label: str) -> Any:
        try:
            return make()
        except _MADE_WRONG as error:
            return self.refuse(label, f"cannot be made: {error}")

    def miss(self, name: Any, where: str, kind: str, known: list[str]) -> None:
        """Note down that something is of a class or function that is not known."""
        self.unknown[str(name)] = None
        self.refuse(where, f"is of the {kind} {name!r:.80}, which is not known here{nearest(str(name), known)}")

    def refuse(self, where: str, what: str) -> None:
        """Note down that something cannot be made, and why."""
        self.problems[f"{where} {what}".rstrip(".")] = None


def _home(parts: list[str]) -> str | None:
    """Return which of the modules that a file may name has the classes of one of Keras' modules."""
    if parts[:1] == ["src"]:
        # With PyTorch Keras has optimizers of its own, as in keras.src.backend.torch.optimizers.torch_adam.
        parts = parts[3:] if parts[1:2] == ["backend"] else parts[1:]
        return next((home for home in (".".join(parts[:2]), *parts[:1]) if home in _HOMES), None)
    return ".".join(parts) if ".".join(parts) in _HOMES else None


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "nnarray"


def _takes_arguments(cls: Any) -> bool:
    """Whether a config of a class is the arguments of its constructor."""
    makers = (getattr(x.from_config, "__func__", None) for x in (cls, Configured))
    return issubclass(cls, Configured) and len(set(makers)) == 1
