"""Results of operations by Keras: `KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.keras_ops` records them.

The same cases are then computed by nnarray in tests/test_ops.py. Beside the numbers stands the list of all that
`keras.ops` has, which docs/ops.md goes through.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = Path(__file__).parent / "keras_ops.json"
_RANDOM = np.random.default_rng(7)
_SQUARE = _RANDOM.normal(size=(2, 3, 3))
#: Arguments by name; in a case they stand as ``"$name"``.
ARRAYS: dict[str, np.ndarray] = {
    "x": np.linspace(-2.31, 2.13, 12).reshape(3, 4),
    "y": np.cos(np.arange(12.0)).reshape(3, 4),
    "row": np.asarray([0.5, -1.5, 2.0, 0.25]),
    "positive": np.linspace(0.2, 3.7, 12).reshape(3, 4),
    "unit": np.linspace(-0.9, 0.95, 12).reshape(3, 4),
    "above": np.linspace(1.05, 4.0, 6),
    "ties": np.asarray([[3.0, 1.0, 3.0, -2.0], [0.0, 0.0, 5.0, 5.0]]),
    "holes": np.asarray([[1.0, np.nan, 3.0, 2.0], [np.nan, np.nan, np.nan, np.nan], [4.0, -1.0, 0.5, np.nan]]),
    "extremes": np.asarray([1.0, np.inf, -np.inf, np.nan, -0.0]),
    "halves": np.asarray([-2.5, -1.5, -0.5, 0.5, 1.5, 2.567, 123.456]),
    "integers": np.asarray([[7, -3, 0], [12, 5, -8]], dtype="int32"),
    "counts": np.asarray([4, 0, 2, 2, 4, 1], dtype="int32"),
    "divisors": np.asarray([[2, 2, 3], [-5, 4, 3]], dtype="int32"),
    "bits": np.asarray([0, 1, 5, 12], dtype="int32"),
    "shifts": np.asarray([1, 3, 0, 2], dtype="int32"),
    "truths": np.asarray([[True, False, True, True], [False, False, True, False], [True, True, True, True]]),
    "deep": _RANDOM.normal(size=(2, 3, 4)),
    "deeper": _RANDOM.normal(size=(2, 4, 5)),
    "image": _RANDOM.normal(size=(1, 4, 4, 8)),
    "queries": _RANDOM.normal(size=(2, 3, 4, 5)),
    "keys": _RANDOM.normal(size=(2, 6, 2, 5)),
    "values": _RANDOM.normal(size=(2, 6, 2, 5)),
    "seen": _RANDOM.uniform(size=(2, 1, 3, 6)) < 0.7,
    "ones": np.ones((1, 3, 1, 2)),
    "square": _SQUARE,
    "definite": _SQUARE @ np.swapaxes(_SQUARE, 1, 2) + np.eye(3),
    "lower": np.linalg.cholesky(_SQUARE @ np.swapaxes(_SQUARE, 1, 2) + np.eye(3)),
    "tall": _RANDOM.normal(size=(5, 3)),
    "column": _RANDOM.normal(size=(5, 2)),
    "right": _RANDOM.normal(size=(2, 3, 2)),
    "real": _RANDOM.normal(size=(2, 4, 6)),
    "imag": _RANDOM.normal(size=(2, 4, 6)),
    "half_real": _RANDOM.normal(size=(2, 5)),
    "half_imag": _RANDOM.normal(size=(2, 5)),
    "complex": np.asarray([1.0 + 2.0j, -3.0 + 0.5j, 0.0 - 1.0j]),
    "pairs": _RANDOM.normal(size=(3, 2)),
    "signal": _RANDOM.normal(size=(2, 40)),
    "spectrum_real": _RANDOM.normal(size=(2, 9, 9)),
    "spectrum_imag": _RANDOM.normal(size=(2, 9, 9)),
    "labels": np.asarray([2, 0, 3], dtype="int32"),
    "one_hot": np.eye(4)[[2, 0, 3]],
    "probabilities": np.exp(np.cos(np.arange(12.0))).reshape(3, 4)
    / np.exp(np.cos(np.arange(12.0))).reshape(3, 4).sum(1)[:, None],
    "spelt": np.asarray([[1, 2], [2, 0]], dtype="int32"),
    "spelt_lengths": np.asarray([2, 1], dtype="int32"),
    "step_counts": np.asarray([3, 2], dtype="int32"),
    "segments": np.asarray([2, 0, 2, 4, 0, 2], dtype="int32"),
    "rows": _RANDOM.normal(size=(6, 2)),
    "indices": np.asarray([[2, -1], [0, 1]], dtype="int32"),
    "places": np.asarray([[0, 1], [2, 3], [1, 0]], dtype="int32"),
    "doubled": np.asarray([[1], [3], [1]], dtype="int32"),
    "vector": np.asarray([0.3, 1.2, -0.7]),
    "edges": np.asarray([-1.0, 0.0, 1.5]),
}
_FLOATING = [
    *("exp", "exp2", "expm1", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "arcsinh", "abs", "absolute"),
    *("fabs", "negative", "sign", "floor", "ceil", "trunc", "square", "deg2rad", "rad2deg", "sinc", "signbit", "cbrt"),
    *("isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "logical_not", "real", "imag", "conj", "angle"),
    *(
        "celu",
        "elu",
        "gelu",
        "hard_shrink",
        "hard_sigmoid",
        "hard_silu",
        "hard_swish",
        "hard_tanh",
        "leaky_relu",
        "relu6",
    ),
    *("log_sigmoid", "log_softmax", "relu", "selu", "sigmoid", "silu", "swish", "soft_shrink", "softmax", "softplus"),
    *("softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh_shrink", "glu", "erf", "erfc"),
    *("ravel", "transpose", "flip", "fliplr", "flipud", "sort", "argsort", "copy", "zeros_like", "ones_like"),
    *(
        "sum",
        "prod",
        "mean",
        "var",
        "std",
        "max",
        "min",
        "amax",
        "amin",
        "ptp",
        "argmax",
        "argmin",
        "all",
        "any",
        "median",
    ),
    *(
        "cumsum",
        "cumprod",
        "average",
        "count_nonzero",
        "logsumexp",
        "diff",
        "trapezoid",
        "tril",
        "triu",
        "diagonal",
        "trace",
    ),
    *(
        "reciprocal",
        "norm",
        "normalize",
        "rms_normalization",
        "layer_normalization",
        "corrcoef",
        "diagflat",
        "conjugate",
    ),
]
_BINARY = [
    *("add", "subtract", "multiply", "divide", "true_divide", "divide_no_nan", "maximum", "minimum", "fmax", "fmin"),
    *("arctan2", "hypot", "logaddexp", "logaddexp2", "nextafter", "heaviside", "fmod", "mod", "floor_divide", "equal"),
    *("not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor"),
    *("isclose", "allclose", "inner", "outer", "vdot", "append", "kron"),
]
_NAN = [
    *("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nancumsum", "nancumprod", "nanmedian"),
]
_AXES: list[dict[str, Any]] = [
    {"axis": 0},
    {"axis": -1, "keepdims": True},
    {"axis": [0, 2]},
    {"axis": (1, 2), "keepdims": True},
]

Case = tuple[str, list[Any], dict[str, Any]]
CASES: list[Case] = [
    *((name, ["$x"], {}) for name in _FLOATING),
    *((name, ["$x", "$y"], {}) for name in _BINARY),
    *((name, ["$integers", 2], {}) for name in ("add", "divide", "multiply", "maximum", "less", "power", "mod")),
    *(
        (name, ["$integers", "$divisors"], {})
        for name in ("floor_divide", "mod", "fmod", "subtract", "gcd", "lcm", "add")
    ),
    *((name, ["$integers"], {}) for name in ("exp", "abs", "square", "negative", "sum", "mean", "sign", "isnan")),
    *((name, ["$truths"], {}) for name in ("sum", "mean", "logical_not", "all", "cumsum", "max", "argmax", "square")),
    *((name, ["$positive"], {}) for name in ("log", "log1p", "log2", "log10", "sqrt", "rsqrt")),
    *((name, ["$unit"], {}) for name in ("arcsin", "arccos", "arctanh", "erfinv")),
    ("arccosh", ["$above"], {}),
    ("sqrt", ["$counts"], {}),
    ("power", ["$positive", "$y"], {}),
    ("power", ["$x", 2.0], {}),
    ("ldexp", ["$x", "$shifts"], {}),
    ("add", [2.5, "$row"], {}),
    ("divide_no_nan", ["$x", 0.0], {}),
    *(
        (name, ["$extremes"], {})
        for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "nan_to_num", "signbit")
    ),
    ("nan_to_num", ["$extremes"], {"nan": 5.0, "posinf": 7.0, "neginf": -7.0}),
    *((name, ["$holes", "$x"], {}) for name in ("fmax", "fmin", "isclose")),
    ("isclose", ["$holes", "$holes"], {"equal_nan": True}),
    ("isclose", ["$extremes", "$extremes"], {}),
    *((name, ["$bits", "$shifts"], {}) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")),
    *(
        (name, ["$bits", "$shifts"], {})
        for name in ("bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift")
    ),
    *((name, ["$bits"], {}) for name in ("bitwise_invert", "bitwise_not")),
    ("round", ["$halves"], {}),
    ("round", ["$halves", 1], {}),
    ("round", ["$halves", -1], {}),
    ("clip", ["$x", -1.0, 0.5], {}),
    ("clip", ["$integers", -1, 6], {}),
    ("where", ["$truths", "$x", "$y"], {}),
    ("where", ["$truths", "$x", 0.0], {}),
    ("where", ["$truths", 1.0, 0.0], {}),
    ("where", ["$truths"], {}),
    ("nonzero", ["$integers"], {}),
    ("select", [["$truths"], ["$x"], 3.0], {}),
    ("polar", ["$positive", "$x"], {}),
    *(
        (name, ["$complex"], {})
        for name in ("real", "imag", "conj", "conjugate", "angle", "abs", "isreal", "view_as_real")
    ),
    ("view_as_complex", ["$pairs"], {}),
    # -- reductions
    *(
        (name, ["$deep"], axes)
        for name in (
            "sum",
            "prod",
            "mean",
            "var",
            "std",
            "max",
            "min",
            "amax",
            "ptp",
            "all",
            "any",
            "logsumexp",
            "median",
        )
        for axes in _AXES
        if not (name == "median" and "axis" in axes and axes["axis"] == [0, 2])
    ),
    *((name, ["$ties"], {"axis": 1}) for name in ("argmax", "argmin", "sort", "argsort", "cumsum", "cumprod")),
    *((name, ["$ties"], {"axis": None}) for name in ("argmax", "argmin", "sort", "argsort", "cumsum", "cumprod")),
    ("argmax", ["$ties"], {"axis": 0, "keepdims": True}),
    ("max", ["$x"], {"initial": 1.5}),
    ("min", ["$x"], {"axis": 1, "initial": 0.5}),
    ("prod", ["$x"], {"dtype": "float32"}),
    ("average", ["$x"], {"axis": 1, "weights": "$row"}),
    ("average", ["$x"], {"weights": "$positive"}),
    ("count_nonzero", ["$integers"], {"axis": 1}),
    ("diff", ["$deep"], {"n": 2, "axis": 1}),
    ("trapezoid", ["$x"], {"x": "$row"}),
    ("trapezoid", ["$x"], {"dx": 0.5, "axis": 0}),
    *((name, ["$holes"], {}) for name in _NAN),
    *((name, ["$holes"], {"axis": 1}) for name in _NAN),
    *((name, ["$holes"], {"axis": 1}) for name in ("nanargmax", "nanargmin")),
    *(
        ("quantile", ["$x", [0.1, 0.5, 0.93]], {"axis": 1, "method": method})
        for method in ("linear", "lower", "higher")
    ),
    *(("quantile", ["$x", 0.4], {"method": method, "keepdims": True}) for method in ("midpoint", "nearest")),
    ("quantile", ["$deep", [0.25, 0.75]], {"axis": (0, 2), "keepdims": True}),
    ("quantile", ["$holes", 0.5], {"axis": 1}),
    ("percentile", ["$x", [10.0, 50.0]], {"axis": 0}),
    ("nanquantile", ["$holes", [0.3, 0.5]], {"axis": 1}),
    ("nanpercentile", ["$holes", 30.0], {}),
    # -- shapes
    ("reshape", ["$deep", (4, -1)], {}),
    ("transpose", ["$deep", (1, 2, 0)], {}),
    ("swapaxes", ["$deep", 0, -1], {}),
    ("moveaxis", ["$deep", 0, -1], {}),
    ("moveaxis", ["$deep", (0, 1), (1, 2)], {}),
    ("squeeze", ["$ones"], {}),
    ("squeeze", ["$ones"], {"axis": 2}),
    ("expand_dims", ["$x", -1], {}),
    ("expand_dims", ["$x", (0, 2)], {}),
    ("broadcast_to", ["$row", (2, 4)], {}),
    ("concatenate", [["$x", "$y"]], {"axis": 1}),
    ("concatenate", [["$x", "$integers"]], {"axis": None}),
    ("append", ["$x", "$y"], {"axis": -1}),
    *((name, [["$x", "$y"]], {}) for name in ("stack", "hstack", "vstack", "dstack")),
    *((name, [["$row", "$row"]], {}) for name in ("stack", "hstack", "vstack", "dstack")),
    ("stack", [["$x", "$y"]], {"axis": -1}),
    ("split", ["$x", 2], {"axis": 1}),
    ("split", ["$x", [1, 2]], {"axis": 0}),
    ("array_split", ["$x", 3], {"axis": 1}),
    ("hsplit", ["$deep", 3], {}),
    ("vsplit", ["$deep", 2], {}),
    ("dsplit", ["$deep", 2], {}),
    ("unstack", ["$deep"], {"axis": 1}),
    ("tile", ["$x", (2, 1, 2)], {}),
    ("tile", ["$x", 2], {}),
    ("repeat", ["$x", 2], {}),
    ("repeat", ["$x", 2], {"axis": 1}),
    ("repeat", ["$x", "$repeats"], {"axis": 0}),
    ("flip", ["$deep"], {"axis": (0, 2)}),
    ("roll", ["$x", 2], {}),
    ("roll", ["$x", (1, -1)], {"axis": (0, 1)}),
    *(("rot90", ["$deep"], {"k": k, "axes": axes}) for k in (-1, 0, 1, 2) for axes in ((0, 1), (2, 1))),
    ("pad", ["$x", 1], {}),
    ("pad", ["$x", ((1, 0), (2, 1))], {"constant_values": 4.0}),
    *(("pad", ["$x", ((2, 1), (0, 3))], {"mode": mode}) for mode in ("reflect", "symmetric", "edge", "wrap")),
    ("meshgrid", ["$row", "$vector"], {}),
    ("meshgrid", ["$row", "$vector"], {"indexing": "ij"}),
    *((name, ["$image", 2], {}) for name in ("depth_to_space", "space_to_depth")),
    ("depth_to_space", ["$image", 2], {"data_format": "channels_first"}),
    ("rearrange", ["$image", "b (h w) c d -> (b d) h c w"], {"h": 2}),
    # -- creation
    ("zeros", [(2, 3)], {}),
    ("ones", [(2, 3)], {"dtype": "int32"}),
    ("full", [(2, 2), 3.5], {}),
    ("full_like", ["$x", 2.0], {}),
    ("ones_like", ["$x"], {"dtype": "int32"}),
    ("arange", [5], {}),
    ("arange", [1.0, 3.0, 0.5], {}),
    ("arange", [2, 9, 3], {"dtype": "float32"}),
    ("linspace", [0.0, 1.0], {"num": 5}),
    ("linspace", ["$vector", 2.0], {"num": 4, "endpoint": False, "axis": -1}),
    ("linspace", [0.0, 1.0], {"num": 5, "retstep": True}),
    ("logspace", [0.0, 2.0], {"num": 4, "base": 2}),
    ("geomspace", [1.0, 16.0], {"num": 5}),
    ("eye", [3], {}),
    ("eye", [2, 4, 1], {"dtype": "int32"}),
    ("identity", [2], {}),
    ("tri", [3, 4, -1], {}),
    ("tril", ["$deep"], {"k": 1}),
    ("triu", ["$deep"], {"k": -1}),
    ("diag", ["$row"], {"k": -1}),
    ("diag", ["$x"], {"k": 1}),
    ("diagflat", ["$x"], {"k": 2}),
    ("diagonal", ["$deep"], {"offset": 1, "axis1": 2, "axis2": 0}),
    ("trace", ["$deep"], {"offset": -1, "axis1": 1, "axis2": 2}),
    ("vander", ["$vector"], {}),
    ("vander", ["$vector"], {"N": 2, "increasing": True}),
    *((name, [7], {}) for name in ("bartlett", "blackman", "hamming", "hanning")),
    ("kaiser", [7, 14.0], {}),
    ("array", [[[1.0, 2.0], [3.0, 4.0]]], {}),
    # -- products
    ("matmul", ["$deep", "$deeper"], {}),
    ("matmul", ["$x", "$row"], {}),
    ("dot", ["$deep", "$deeper"], {}),
    ("dot", ["$x", "$row"], {}),
    ("dot", ["$x", 2.0], {}),
    ("inner", ["$deep", "$row"], {}),
    ("vdot", ["$complex", "$complex"], {}),
    ("tensordot", ["$deep", "$deeper"], {"axes": ([2, 0], [1, 0])}),
    ("tensordot", ["$x", "$row"], {"axes": 1}),
    ("einsum", ["bij,bjk->bik", "$deep", "$deeper"], {}),
    ("einsum", ["...ij,...jk", "$deep", "$deeper"], {}),
    ("einsum", ["bii->b", "$square"], {}),
    ("einsum", ["ij->ji", "$x"], {}),
    ("einsum", ["ij,kj,j->ik", "$x", "$y", "$row"], {}),
    ("einsum", ["i,j->ij", "$row", "$vector"], {}),
    ("einsum", ["bij->", "$deep"], {}),
    ("einsum", ["b...,b...->...", "$deep", "$deep"], {}),
    ("cross", ["$square", "$vector"], {}),
    ("cross", ["$tall", "$tall"], {"axis": 1}),
    ("cross", ["$pairs", "$pairs"], {}),
    *(("correlate", ["$row", "$vector"], {"mode": mode}) for mode in ("valid", "same", "full")),
    *(("correlate", ["$vector", "$row"], {"mode": mode}) for mode in ("valid", "same", "full")),
    # -- searching
    ("searchsorted", ["$edges", "$x"], {}),
    ("searchsorted", ["$edges", "$edges"], {"side": "right"}),
    ("digitize", ["$x", "$edges"], {}),
    ("bincount", ["$counts"], {}),
    ("bincount", ["$counts"], {"weights": "$above", "minlength": 7}),
    ("histogram", ["$halves"], {"bins": 5}),
    ("histogram", ["$halves"], {"bins": 4, "range": (-1.5, 2.0)}),
    ("unique", ["$counts"], {}),
    ("unique", ["$counts"], {"return_index": True, "return_inverse": True, "return_counts": True}),
    ("unique", ["$counts"], {"size": 6, "fill_value": 9}),
    ("isin", ["$counts", "$bits"], {}),
    ("isin", ["$counts", "$bits"], {"invert": True}),
    ("take", ["$x", "$indices"], {"axis": 1}),
    ("take", ["$x", "$counts"], {}),
    ("take_along_axis", ["$x", "$places"], {"axis": 1}),
    ("take_along_axis", ["$row", "$shifts"], {}),
    ("unravel_index", ["$counts", (2, 3)], {}),
    ("top_k", ["$ties", 3], {}),
    ("in_top_k", ["$labels", "$x", 2], {}),
    # -- core
    ("convert_to_tensor", [[1.0, 2.0]], {}),
    ("convert_to_tensor", ["$x"], {"dtype": "float32"}),
    ("cast", ["$x", "int32"], {}),
    ("saturate_cast", ["$halves", "uint8"], {}),
    ("stop_gradient", ["$x"], {}),
    ("scatter", ["$doubled", "$vector", (5,)], {}),
    ("scatter", ["$places", "$vector", (4, 4)], {}),
    *(
        ("scatter_update", ["$x", "$places", "$vector"], {"reduction": how})
        for how in (None, "add", "max", "min", "mul")
    ),
    *(("scatter_update", ["$row", "$doubled", "$vector"], {"reduction": how}) for how in ("add", "max", "min", "mul")),
    ("slice", ["$deep", (0, 1, 2), (1, 2, 2)], {}),
    ("slice_update", ["$deep", (0, 1, 2), "$ones_part"], {}),
    # -- math
    *((f"segment_{how}", ["$rows", "$segments"], {"num_segments": 5}) for how in ("sum", "max", "min", "prod")),
    ("segment_sum", ["$above", "$segments"], {"num_segments": 3}),
    ("extract_sequences", ["$signal", 8, 3], {}),
    ("cdist", ["$x", "$y"], {}),
    ("fft", [("$real", "$imag")], {}),
    ("fft2", [("$real", "$imag")], {}),
    ("ifft2", [("$real", "$imag")], {}),
    ("rfft", ["$signal"], {}),
    ("rfft", ["$signal", 16], {}),
    ("irfft", [("$half_real", "$half_imag")], {}),
    ("irfft", [("$half_real", "$half_imag"), 7], {}),
    ("stft", ["$signal", 12, 5, 16], {}),
    ("stft", ["$signal", 16, 5, 16], {"window": "hamming", "center": False}),
    ("stft", ["$signal", 16, 5, 16], {"window": None}),
    ("istft", [("$spectrum_real", "$spectrum_imag"), 16, 4, 16], {}),
    ("istft", [("$spectrum_real", "$spectrum_imag"), 12, 4, 16], {"length": 20, "window": "hamming"}),
    # -- linear algebra
    *((name, ["$square"], {}) for name in ("det", "inv", "slogdet", "logdet", "pinv", "matrix_rank")),
    ("pinv", ["$tall"], {}),
    ("cholesky", ["$definite"], {}),
    ("cholesky", ["$definite"], {"upper": True}),
    ("cholesky_inverse", ["$lower_one"], {}),
    ("eigh", ["$definite"], {}),
    ("eig", ["$lower"], {}),
    ("qr", ["$tall"], {}),
    ("qr", ["$tall"], {"mode": "complete"}),
    ("svd", ["$tall"], {"full_matrices": False}),
    ("svd", ["$tall"], {"compute_uv": False}),
    ("solve", ["$square", "$right"], {}),
    ("solve", ["$one", "$vector"], {}),
    ("solve_triangular", ["$square", "$right"], {}),
    ("solve_triangular", ["$square", "$right"], {"lower": True}),
    ("lstsq", ["$tall", "$column"], {}),
    *(("norm", ["$row"], {"ord": ord}) for ord in (0, 1, 2, 3, np.inf, -np.inf)),
    *(("norm", ["$x"], {"ord": ord}) for ord in (1, -1, 2, -2, "fro", "nuc", np.inf)),
    ("norm", ["$deep"], {"axis": 1, "keepdims": True}),
    ("norm", ["$deep"], {"axis": (0, 2), "ord": 1, "keepdims": True}),
    ("norm", ["$deep"], {"axis": (0, 2)}),
    # -- nn
    ("celu", ["$x"], {"alpha": 0.4}),
    ("elu", ["$x"], {"alpha": 0.4}),
    ("gelu", ["$x"], {"approximate": False}),
    ("leaky_relu", ["$x"], {"negative_slope": 0.3}),
    ("softmax", ["$deep"], {"axis": (1, 2)}),
    ("sparsemax", ["$x"], {"axis": 0}),
    ("squareplus", ["$x"], {"b": 2}),
    ("threshold", ["$x", 0.5, -1.0], {}),
    ("one_hot", ["$labels", 4], {}),
    ("one_hot", ["$indices", 3], {"axis": 0, "dtype": "int32"}),
    ("multi_hot", ["$places", 5], {}),
    ("multi_hot", ["$labels", 5], {}),
    ("binary_crossentropy", ["$one_hot", "$probabilities"], {}),
    ("binary_crossentropy", ["$one_hot", "$x"], {"from_logits": True}),
    ("categorical_crossentropy", ["$one_hot", "$probabilities"], {}),
    ("categorical_crossentropy", ["$one_hot", "$x"], {"from_logits": True, "axis": 0}),
    ("sparse_categorical_crossentropy", ["$labels", "$probabilities"], {}),
    ("sparse_categorical_crossentropy", ["$labels", "$x"], {"from_logits": True}),
    ("ctc_loss", ["$spelt", "$deep", "$spelt_lengths", "$step_counts"], {}),
    ("ctc_loss", ["$spelt", "$deep", "$spelt_lengths", "$step_counts"], {"mask_index": 3}),
    ("moments", ["$deep"], {"axes": (0, 2)}),
    ("moments", ["$deep"], {"axes": [1], "keepdims": True}),
    ("batch_normalization", ["$x", "$row", "$squares"], {"axis": -1}),
    (
        "batch_normalization",
        ["$x", "$row", "$squares"],
        {"axis": 1, "offset": "$row", "scale": "$squares", "epsilon": 0.1},
    ),
    ("layer_normalization", ["$x"], {"gamma": "$row", "beta": "$squares", "epsilon": 0.01}),
    ("layer_normalization", ["$deep"], {"axis": [1, 2]}),
    ("rms_normalization", ["$x"], {"scale": "$row", "epsilon": 0.01}),
    ("normalize", ["$x"], {"axis": 0, "order": 3}),
    ("psnr", ["$x", "$y", 2.0], {}),
    ("dot_product_attention", ["$queries", "$keys", "$values"], {}),
    ("dot_product_attention", ["$queries", "$keys", "$values"], {"mask": "$seen", "scale": 0.3}),
    ("dot_product_attention", ["$queries", "$keys", "$values"], {"is_causal": True, "bias": "$bias"}),
]
ARRAYS |= {
    "repeats": np.asarray([1, 0, 2], dtype="int32"),
    "ones_part": np.asarray([[[5.0, 6.0]], [[7.0, 8.0]]]),
    "lower_one": ARRAYS["lower"][0],
    "one": ARRAYS["square"][0],
    "squares": ARRAYS["row"] ** 2,
    "bias": np.cos(np.arange(2.0 * 4 * 3 * 6)).reshape(2, 4, 3, 6),
}


def filled(value: Any, make: Any) -> Any:
    """Return an argument with arrays, made by a function, in place of their names."""
    if isinstance(value, str) and value.startswith("$"):
        return make(ARRAYS[value[1:]])
    if isinstance(value, (list, tuple)):
        return type(value)(filled(item, make) for item in value)
    return value


def plain(result: Any) -> Any:
    """Return a result as nested lists; complex numbers as their two parts."""
    if isinstance(result, (list, tuple)):
        return [plain(item) for item in result]
    numbers = np.asarray(result)
    if numbers.dtype.kind == "c":
        return {"real": numbers.real.tolist(), "imag": numbers.imag.tolist()}
    return numbers.tolist()


def record() -> None:
    """Write what Keras gives, and what it has."""
    import keras

    keras.config.set_floatx("float64")
    results, dtypes = [], []
    for name, args, kwargs in CASES:
        function = getattr(keras.ops, name)
        given = {key: filled(value, keras.ops.convert_to_tensor) for key, value in kwargs.items()}
        try:
            found = function(*filled(args, keras.ops.convert_to_tensor), **given)
        except Exception as error:
            raise RuntimeError(f"{name} {args} {kwargs}") from error
        results.append(plain(found))
        first = found[0] if isinstance(found, (list, tuple)) else found
        dtypes.append(str(first.dtype))
    names = {name: _signature(x) for name in sorted(dir(keras.ops)) if callable(x := getattr(keras.ops, name))}
    found = {"keras": keras.__version__, "names": names, "dtypes": dtypes, "results": results}
    NUMBERS.write_text(json.dumps(found) + "\n")


def _signature(function: Any) -> str:
    bare = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    return str(inspect.Signature(bare))


if __name__ == "__main__":
    record()
