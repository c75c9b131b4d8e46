"""NumPy's BLAS has the threads that products are worth while they run, and those from before afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl

import nnarray as nna
from nnarray import config
from nnarray.backends import _blas, blas_threads, examine, get_backend, report
from nnarray.backends._blas import Blas, BlasThreads, Pool, numpy_blas
from nnarray.layers import Dense
from nnarray.models import Sequential

NUMPY = get_backend("numpy")
SMALL, LARGE = 256 * 64 * 64, 2048 * 2048 * 512
with_threads = pytest.mark.skipif(numpy_blas().pool is None, reason=f"NumPy's BLAS: {numpy_blas().obstacle}")


class Threads:
    """A pool of threads that does nothing, and notes down what its number is set to."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.set_to: list[int] = []
        self.pool = Pool(lambda: self.number, self.set)

    def set(self, number: int) -> None:
        self.number = number
        self.set_to.append(number)


@pytest.fixture(autouse=True)
def setting() -> Iterator[None]:
    before = config.blas_threads()
    config.set_blas_threads("auto")
    yield
    config.set_blas_threads(before)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    """Eight threads that stand in for those of NumPy's BLAS."""
    made = Threads(8)
    monkeypatch.setattr(_blas, "_found", [Blas(made.pool)])
    return made


@pytest.mark.parametrize(
    ("product", "expected"),
    [(256 * 64 * 64, 1), (1024 * 64 * 64, 1), (7_999_999, 1), (8_000_000, 2), (13_000_000, 3), (LARGE, 8)],
)
def test_there_is_a_thread_for_each_so_many_multiplications_but_no_more_than_there_are(
    product: int, expected: int, threads: Threads
) -> None:
    with blas_threads(product, NUMPY):
        assert threads.number == expected
    assert threads.number == 8


@pytest.mark.parametrize(("number", "product"), [(8, 0), (8, 30 * 6 * 6), (8, LARGE), (1, SMALL), (3, 12_000_000)])
def test_nothing_is_touched_where_the_number_is_right_or_blas_takes_one_thread_by_itself(
    number: int, product: int, threads: Threads
) -> None:
    threads.number = number
    with blas_threads(product, NUMPY):
        assert threads.number == number
    assert threads.set_to == []


def test_the_number_from_before_comes_back_after_an_error(threads: Threads) -> None:
    with pytest.raises(KeyboardInterrupt), blas_threads(SMALL, NUMPY):
        raise KeyboardInterrupt
    assert threads.set_to == [1, 8]


def test_the_fewest_rule_where_several_are_inside_in_whatever_order_they_leave(threads: Threads) -> None:
    contexts = {number: BlasThreads(threads.pool, number) for number in (1, 2, 4, 30)}
    seen = []
    for number, enters in ((4, True), (30, True), (1, True), (2, True), (4, False), (1, False), (30, False)):
        contexts[number].__enter__() if enters else contexts[number].__exit__(None, None, None)
        seen.append(threads.number)
    assert seen == [4, 4, 1, 1, 1, 2, 2]
    contexts[2].__exit__(None, None, None)
    assert threads.number == 8


def test_contexts_are_nested(threads: Threads) -> None:
    outer, inner = blas_threads(SMALL, NUMPY), blas_threads(13_000_000, NUMPY)
    with outer:
        for _ in range(2):
            with inner:
                assert threads.number == 1
        assert threads.number == 1
    with inner, outer:
        assert threads.number == 1
    assert threads.set_to == [1, 8, 3, 1, 3, 8]


def test_the_number_from_before_comes_back_when_many_threads_come_and_go(threads: Threads) -> None:
    wrong, start = [], threading.Barrier(4)

    def work(number: int) -> None:
        mine = BlasThreads(threads.pool, number)
        start.wait()
        for _ in range(500):
            with mine:
                if threads.number > number:
                    wrong.append(threads.number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=work, args=(number,)) for number in (1, 1, 2, 5)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert threads.number == 8
    assert threads.pool.inside == []


def test_a_setting_is_the_number_whatever_the_product_and_none_leaves_it_alone(threads: Threads) -> None:
    config.set_blas_threads(3)
    for product in (SMALL, LARGE):
        with blas_threads(product, NUMPY):
            assert threads.number == 3
    config.set_blas_threads(16)
    with blas_threads(SMALL, NUMPY):
        assert threads.number == 16
        config.set_blas_threads(None)
    assert threads.number == 8
    threads.set_to.clear()
    with blas_threads(SMALL, NUMPY):
        config.set_blas_threads("auto")
    assert threads.set_to == []


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "two", "none", True])
def test_a_setting_that_is_no_number_of_threads_is_refused_and_the_one_before_stays(wrong: Any) -> None:
    with pytest.raises(ValueError, match="blas_threads must be a positive integer"):
        config.set_blas_threads(wrong)
    assert config.blas_threads() == "auto"


@pytest.mark.parametrize(
    ("text", "expected"), [(None, "auto"), ("", "auto"), ("auto", "auto"), (" 2 ", 2), ("none", None)]
)
def test_the_environment_gives_the_setting_until_another_is_set(
    text: str | None, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_blas_threads", None)
    monkeypatch.delenv("NNARRAY_BLAS_THREADS", raising=False)
    if text is not None:
        monkeypatch.setenv("NNARRAY_BLAS_THREADS", text)
    assert config.blas_threads() == expected
    config.set_blas_threads(5)
    assert config.blas_threads() == 5


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_wrong_value_in_the_environment_is_named_and_the_doctor_tells_of_it(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_blas_threads", None)
    monkeypatch.setenv("NNARRAY_BLAS_THREADS", text)
    with pytest.raises(ValueError, match=f"NNARRAY_BLAS_THREADS must be .*: received '{text}'"):
        config.blas_threads()
    assert f"NNARRAY_BLAS_THREADS must be a positive integer, auto or none: received '{text}'" in report(
        examine("numpy")
    )


def test_arrays_of_libraries_that_do_not_multiply_by_numpys_blas_change_nothing(backend: str, threads: Threads) -> None:
    with blas_threads(SMALL, get_backend(backend)):
        assert threads.number == (1 if backend in ("numpy", "array_api_strict") else 8)


@with_threads
def test_the_pool_is_the_one_that_numpy_multiplies_with_and_no_other_is_touched() -> None:
    import scipy.linalg  # noqa: F401 - brings a BLAS of its own

    def numbers() -> dict[str, int]:
        return {pool["filepath"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}

    with threadpoolctl.threadpool_limits(2):
        before = numbers()
        with blas_threads(SMALL, NUMPY):
            meanwhile = numbers()
            assert numpy_blas().pool.get() == 1
        assert numbers() == before
    assert len([path for path, number in before.items() if meanwhile[path] != number]) == 1


def test_a_call_of_a_plan_has_the_threads_of_its_largest_product_also_one_that_fails(threads: Threads) -> None:
    f = nna.jit(lambda x: nna.array_namespace(x).linalg.cholesky(x))
    f(np.eye(100))
    assert f.lower(np.eye(100)).plan.largest_product == 100**3
    assert threads.set_to == [1, 8]
    with pytest.raises(np.linalg.LinAlgError):
        f(-np.eye(100))
    assert threads.set_to == [1, 8] * 2
    f(np.eye(10))
    assert threads.set_to == [1, 8] * 2


def test_training_and_prediction_take_the_threads_of_their_steps(threads: Threads) -> None:
    x, y = np.ones((64, 20), "float32"), np.ones(64)
    model = Sequential([Dense(30, input_dim=20), Dense(1)])
    model.compile("sgd", "mse")
    for run in (lambda: model.fit(x, y, batch_size=32, verbose=0), lambda: model.predict(x, verbose=0)):
        threads.set_to.clear()
        run()
        steps = len(threads.set_to) // 2
        assert steps >= 2
        assert threads.set_to == [1, 8] * steps
    threads.set_to.clear()
    model.evaluate(x[:9], y[:9], verbose=0)
    assert threads.set_to == []


@pytest.mark.parametrize(
    ("f", "shapes", "expected"),
    [
        (lambda xp, a, b: xp.matmul(a, b), ((3, 4), (4, 5)), 60),
        (lambda xp, a, b: xp.matmul(a, b), ((7, 3, 4), (4, 5)), 60),
        (lambda xp, a, b: xp.matmul(a, b), ((4,), (4, 5)), 20),
        (lambda xp, a, b: xp.matmul(a, b), ((3, 4), (4,)), 12),
        (lambda xp, a, b: xp.matmul(a, b), ((4,), (4,)), 4),
        (lambda xp, a, b: xp.matmul(a, xp.matmul(b, a)), ((3, 4), (4, 3)), 48),
        (lambda xp, a, b: xp.tensordot(a, b, axes=2), ((6, 3, 4), (3, 4, 5)), 360),
        (lambda xp, a, b: xp.linalg.svdvals(a), ((2, 3, 4), (1,)), 36),
        (lambda xp, a, b: a + xp.sum(b), ((3, 4), (4,)), 0),
    ],
)
def test_the_largest_product_of_a_plan_counts_its_multiplications(f: Any, shapes: Any, expected: int) -> None:
    given = [np.ones(shape) for shape in shapes]
    lowered = nna.jit(lambda a, b: f(nna.array_namespace(a), a, b)).lower(*given)
    assert lowered.plan.largest_product == expected


def test_the_doctor_tells_what_threads_numpys_blas_has(monkeypatch: pytest.MonkeyPatch, threads: Threads) -> None:
    told = "NumPy's BLAS: 8 thread(s), while a plan runs one for each 4,000,000 multiply-adds of its largest product"
    assert report(examine("numpy")).splitlines()[-1] == f"  {told}"
    config.set_blas_threads(2)
    assert report(examine("numpy")).endswith("NumPy's BLAS: 8 thread(s), while a plan runs 2")
    config.set_blas_threads(None)
    assert report(examine("numpy")).endswith("NumPy's BLAS: 8 thread(s), left as they are")
    monkeypatch.setattr(_blas, "_found", [Blas(None, "it is not known as OpenBLAS")])
    assert report(examine("numpy")).endswith("its threads are left as they are (it is not known as OpenBLAS)")
    assert json.loads(json.dumps(examine("numpy")["numpy_blas"]))["threads"] is None
    with blas_threads(SMALL, NUMPY):
        assert threads.set_to == []


@pytest.mark.parametrize(
    ("names", "parallel", "obstacle"),
    [
        ((), 1, "it is not known as OpenBLAS"),
        (("openblas_{}64_",), 0, "it has none"),
        (("scipy_openblas_{}",), 2, "they are those of OpenMP, which others use too"),
        (("openblas_{}",), 1, ""),
    ],
)
def test_a_blas_is_limited_if_it_has_threads_of_its_own(
    names: tuple[str, ...], parallel: int, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Library:
        """Stands in for NumPy's module: it has the functions of some names."""

    def function(value: int) -> Any:
        def call(*_: int) -> int:
            return value

        return call

    for name in names:
        for kind, value in (("get_num_threads", 4), ("set_num_threads", 0), ("get_parallel", parallel)):
            setattr(Library, name.format(kind), staticmethod(function(value)))
    monkeypatch.setattr(_blas.ctypes, "PyDLL", lambda path: Library)
    found = _blas._find()
    assert found.obstacle == obstacle
    assert (found.pool is None) == bool(obstacle)


@with_threads
@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="the system does not fork")
def test_a_process_forked_while_others_are_inside_has_the_number_from_before() -> None:
    code = """
import os, threading, warnings
warnings.simplefilter("ignore")
from nnarray.backends import blas_threads, get_backend
from nnarray.backends._blas import numpy_blas

pool = numpy_blas().pool
pool.set(2)
entered, leave = threading.Event(), threading.Event()

def other():
    with blas_threads(10**6, get_backend("numpy")):
        entered.set()
        leave.wait()

thread = threading.Thread(target=other)
thread.start()
entered.wait()
with blas_threads(10**6, get_backend("numpy")):
    child = os.fork()
    if not child:
        inside = pool.get()
if child:
    status = os.waitpid(child, 0)[1]
    leave.set()
    thread.join()
    print(pool.get(), os.waitstatus_to_exitcode(status))
else:
    with blas_threads(10**6, get_backend("numpy")):
        again = pool.get()
    os._exit(0 if (inside, again, pool.get()) == (2, 1, 2) else 1)
"""
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root, timeout=60
    )
    assert done.stdout.split() == ["2", "0"], done.stderr
