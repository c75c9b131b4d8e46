"""Arguments for linear algebra and Fourier transforms. Square matrices are far from singular."""

from __future__ import annotations

import numpy as np

from tests.array.case import Case, real

M = real(3, 3) + 2.0 * np.eye(3)
BATCH = real(2, 3, 3, seed=5) + 2.5 * np.eye(3)
TALL, WIDE = real(4, 3, seed=6), real(3, 4, seed=7)
V, U = real(3, seed=8), real(2, 3, seed=9)
POSITIVE_DEFINITE = np.swapaxes(BATCH, -1, -2) @ BATCH
Z = real(3, 4, seed=1) + 1j * real(3, 4, seed=2)

#: Of these, functions of the symmetric part of their argument are tested: the library reads one triangle.
SYMMETRIC = ("linalg.cholesky", "linalg.eigh", "linalg.eigvalsh")

CASES: dict[str, list[Case]] = {
    "tensordot": [
        *(Case((WIDE, real(3, 4, 2))), Case((WIDE, TALL), params={"axes": 1}), Case((V, U[0]), params={"axes": 0})),
        Case((real(2, 3, 4), real(4, 5, 2)), params={"axes": ((2, 0), (0, 2))}),
    ],
    "vecdot": [Case((U, V)), Case((U, real(2, 3, seed=3)), params={"axis": -2}), Case((V, V * 2))],
    "linalg.cholesky": [Case((POSITIVE_DEFINITE[0],)), Case((POSITIVE_DEFINITE,), params={"upper": True})],
    "linalg.cross": [Case((U, real(2, 3, seed=3))), Case((M, M.T.copy()), params={"axis": -2})],
    "linalg.det": [Case((M,)), Case((BATCH,))],
    "linalg.diagonal": [Case((M,)), Case((BATCH,), params={"offset": 1}), Case((WIDE,), params={"offset": -1})],
    "linalg.eigh": [Case((POSITIVE_DEFINITE[0],)), Case((POSITIVE_DEFINITE,))],
    **{name: [Case((M,)), Case((BATCH,))] for name in ("linalg.eig", "linalg.eigvals")},
    "linalg.eigvalsh": [Case((POSITIVE_DEFINITE[0],)), Case((POSITIVE_DEFINITE,))],
    "linalg.inv": [Case((M,)), Case((BATCH,))],
    "linalg.matrix_norm": [
        *(Case((TALL,), params={"ord": p}) for p in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf"))),
        Case((BATCH,), params={"keepdims": True}),
    ],
    "linalg.matrix_power": [*(Case((M,), (n,)) for n in (0, 1, 3, -2)), Case((BATCH,), (2,))],
    "linalg.matrix_rank": [Case((M,))],
    "linalg.outer": [Case((V, U[0]))],
    "linalg.pinv": [Case((TALL,)), Case((WIDE,)), Case((BATCH,))],
    "linalg.qr": [Case((TALL,)), Case((M,)), Case((WIDE,)), Case((BATCH,))],
    "linalg.slogdet": [Case((M,)), Case((BATCH,))],
    "linalg.solve": [Case((M, TALL.T[:, :2].copy())), Case((M, V)), Case((BATCH, real(2, 3, 2)))],
    "linalg.svd": [*(Case((x,), params={"full_matrices": False}) for x in (TALL, WIDE, M, BATCH))],
    "linalg.svdvals": [Case((TALL,)), Case((BATCH,))],
    "linalg.trace": [Case((M,)), Case((BATCH,), params={"offset": 1})],
    "linalg.vector_norm": [
        *(Case((TALL,), params={"ord": p}) for p in (2, 1, 3, 0.5, float("inf"), -float("inf"))),
        *(Case((TALL,), params={"axis": 1}), Case((TALL,), params={"axis": (0, 1), "keepdims": True, "ord": 3})),
    ],
    **{
        f"fft.{name}": [Case((Z,)), Case((Z,), params={"n": 3, "axis": 0, "norm": "ortho"})] for name in ("fft", "ifft")
    },
    "fft.rfft": [Case((TALL,)), Case((TALL,), params={"n": 5, "axis": 0}), Case((TALL,), params={"norm": "forward"})],
    "fft.irfft": [Case((Z,)), Case((Z,), params={"n": 5})],
    "fft.hfft": [Case((Z,)), Case((Z,), params={"n": 5})],
    "fft.ihfft": [Case((TALL,)), Case((TALL,), params={"norm": "ortho"})],
    **{f"fft.{name}": [Case((Z,)), Case((Z,), params={"axes": (0,)})] for name in ("fftn", "ifftn")},
    "fft.rfftn": [Case((TALL,)), Case((TALL,), params={"norm": "ortho"})],
    "fft.irfftn": [Case((Z,))],
    "fft.fftshift": [Case((TALL,)), Case((TALL,), params={"axes": (0,)})],
    "fft.ifftshift": [Case((TALL,))],
    "fft.fftfreq": [Case((), (5,))],
    "fft.rfftfreq": [Case((), (5,), {"d": 0.5})],
}

C_TALL, C_WIDE = TALL + 1j * real(4, 3, seed=10), WIDE + 1j * real(3, 4, seed=11)
C_M, C_BATCH = M + 1j * real(3, 3, seed=12), BATCH + 1j * real(2, 3, 3, seed=13)
C_V, C_U = V + 1j * real(3, seed=14), U + 1j * real(2, 3, seed=15)
HERMITIAN = np.conj(np.swapaxes(C_BATCH, -1, -2)) @ C_BATCH

_COMPLEX: dict[str, list[Case]] = {
    "tensordot": [Case((C_WIDE, C_TALL), params={"axes": 1}), Case((WIDE, C_TALL), params={"axes": ((1, 0), (0, 1))})],
    "vecdot": [Case((C_U, C_V)), Case((C_U, V)), Case((U, C_U), params={"axis": -2})],
    "matmul": [Case((C_BATCH, C_TALL.T[:, :2].copy())), Case((M, C_V)), Case((C_V, M))],
    "linalg.cholesky": [Case((HERMITIAN[0],)), Case((HERMITIAN,), params={"upper": True})],
    **{name: [Case((C_M,)), Case((C_BATCH,))] for name in ("linalg.eig", "linalg.eigvals")},
    "linalg.cross": [Case((C_U, U)), Case((C_M, C_BATCH[0]), params={"axis": -2})],
    "linalg.det": [Case((C_M,)), Case((C_BATCH,))],
    "linalg.diagonal": [Case((C_WIDE,), params={"offset": 1})],
    "linalg.eigvalsh": [Case((HERMITIAN[0],)), Case((HERMITIAN,))],
    "linalg.inv": [Case((C_M,)), Case((C_BATCH,))],
    "linalg.matrix_norm": [
        Case((C_TALL,), params={"ord": p}) for p in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf"))
    ],
    "linalg.matrix_power": [*(Case((C_M,), (n,)) for n in (0, 1, 3, -2))],
    "linalg.outer": [Case((C_V, C_U[0])), Case((V, C_V))],
    "linalg.pinv": [Case((C_TALL,)), Case((C_WIDE,)), Case((C_BATCH,))],
    "linalg.qr": [Case((C_TALL,)), Case((C_M,)), Case((C_WIDE,)), Case((C_BATCH,))],
    "linalg.slogdet": [Case((C_M,)), Case((C_BATCH,))],
    "linalg.solve": [Case((C_M, C_V)), Case((M, C_V)), Case((C_BATCH, real(2, 3, 2)))],
    "linalg.svdvals": [Case((C_TALL,)), Case((C_BATCH,))],
    "linalg.trace": [Case((C_BATCH,), params={"offset": -1})],
    "linalg.vector_norm": [
        *(Case((C_TALL,), params={"ord": p}) for p in (2, 1, 3, 0.5, -1, float("inf"), -float("inf"))),
        Case((C_TALL,), params={"axis": (1, 0), "keepdims": True, "ord": 1.5}),
    ],
    "fft.fftshift": [Case((Z,))],
    "fft.ifftshift": [Case((Z,), params={"axes": (1,)})],
}
for _name, _cases in _COMPLEX.items():
    CASES[_name] = [*CASES.get(_name, ()), *_cases]
