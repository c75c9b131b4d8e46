import os
os.environ["JAX_ENABLE_X64"] = "1"
import pytest
PAIRS=[("numpy",None),("array_api_strict","CPU_DEVICE"),("array_api_strict","device1"),("torch",None),("jax",None)]
@pytest.fixture(params=PAIRS, ids=lambda p: p[0] if p[1] is None else f"{p[0]}:{p[1]}")
def backend(request):
    return request.param
