"""Writes docs/ops.md, the page of Keras' operations, from the list that tests/keras_ops.py recorded from Keras.

Usage: python docs/ops_list.py
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nnarray import ops  # noqa: E402 -- the one beside this page

PAGE = ROOT / "docs" / "ops.md"
RECORDED = ROOT / "tests" / "keras_ops.json"
COMMAND = "python docs/ops_list.py"

_CONTROL = (
    "Python's own `if`, `for` and `while` are recorded and compiled as they run; what depends on values stays outside"
)
_WINDOWS = "there are no convolutions and no pooling yet"
#: What is left out, and why.
LEFT_OUT = {
    **dict.fromkeys(("cond", "switch", "scan", "associative_scan", "while_loop", "fori_loop"), _CONTROL),
    **dict.fromkeys(("map", "vectorized_map", "vectorize"), "`stack` of a list does it, or broadcasting"),
    **dict.fromkeys(("conv", "conv_transpose", "depthwise_conv", "separable_conv", "fold", "unfold"), _WINDOWS),
    **dict.fromkeys(("average_pool", "max_pool", "adaptive_average_pool", "adaptive_max_pool"), _WINDOWS),
    "ctc_decode": "nothing decodes yet; `ctc_loss` trains",
    "i0": "Bessel's functions are not in `nnarray.special` yet",
    "lu_factor": "the array API standard has no LU decomposition; `solve`, `inv` and `det` are there",
    "view": "the array API standard has no way to read the bits of one dtype as another",
}

INTRODUCTION = """# Keras' operations

`nnarray.ops` has the names of `keras.ops`, with the arguments, their order and their defaults of Keras {version}. Each
is a few lines of the array API standard, so it runs on every library, is differentiated, and is compiled with what is
around it.

```python
>>> import numpy as np
>>> import nnarray as nna
>>> from nnarray import ops
>>> x = np.asarray([[1.0, 2.0], [3.0, 4.0]])
>>> ops.softmax(ops.matmul(x, x), axis=-1).round(3)
array([[0.047, 0.953],
       [0.001, 0.999]])
>>> nna.grad(lambda x: ops.sum(ops.square(x)))(x)
array([[2., 4.],
       [6., 8.]])

```

## What they take and give

- **Raw arrays** of any library: the result is one of the same library, on its device. NumPy's arrays and lists beside
  others become arrays of theirs.
- **`nnarray.Array`**, which is recorded or traced: the result is one.
- **Variables**: their values.
- **Numbers and lists** alone, and functions that make arrays from nothing, such as `ops.zeros`: arrays of the current
  library, which is that of the model in the call of a layer, and is set by `nna.use_backend`.
- **Symbols** of a functional model: the call is noted down, and the result is a symbol.

```python
>>> inputs = nna.Input((4,))
>>> outputs = ops.concatenate([ops.relu(inputs), ops.expand_dims(ops.mean(inputs, axis=-1), -1)], axis=-1)
>>> outputs.shape
(None, 5)
>>> nna.Model(inputs, outputs)(np.asarray([[1.0, -1.0, 3.0, 1.0]], dtype="float32")).tolist()
[[1.0, 0.0, 3.0, 1.0, 1.0]]

```

Dtypes are Keras': floating-point numbers stay what they are beside integers; integers become `floatx` where a function
needs fractions; numbers have no dtype of their own; indices are int32. One thing is different: a float64 stays one.

```python
>>> ops.add(np.asarray([1, 2]), np.asarray([0.5, 0.5], dtype="float32")).dtype
dtype('float32')
>>> ops.cast(x, "flaot32")
Traceback (most recent call last):
ValueError: Unknown dtype: 'flaot32'. Did you mean 'float32'? Known: ...

```

`ops.nonzero`, `ops.where` of a condition alone, `ops.unique` and `ops.bincount` return as much as the values say: under
`nna.jit` they say that they cannot. `ops.segment_sum` and its kin take `num_segments`, and can.

## All of Keras' list

`{command}` makes this page from the list of Keras {version} and the code, and a test holds it against them. The modules
`keras.ops.nn` and `keras.ops.linalg` are `nnarray.ops.nn` and `nnarray.ops.linalg`; `keras.ops.image` is not there.

| `keras.ops` | here |
|---|---|
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the text of the page."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    introduction = INTRODUCTION.format(version=recorded["keras"], command=COMMAND)
    rows = [f"| `{name}{signature}` | {_here(name)} |" for name, signature in recorded["names"].items()]
    return introduction + "\n".join(rows) + "\n"


def _here(name: str) -> str:
    if not hasattr(ops, name):
        return f"left out: {LEFT_OUT[name]}"
    summary = re.split(r"\n\s*\n", inspect.getdoc(getattr(ops, name)) or "")[0]
    return summary.replace("\n", " ").replace("|", r"\|")


if __name__ == "__main__":
    main()
