"""IDX files, Fashion-MNIST and tables: what is read, where it is looked for, and what is said of damaged files."""

from __future__ import annotations

import gzip
import re
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnarray import datasets
from nnarray.datasets import fashion_mnist, read_csv, read_idx

SLICE = Path(__file__).parent / "data" / "fashion-mnist"
NAMES = sorted(path.name for path in SLICE.glob("*.gz"))
CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx(x: np.ndarray) -> bytes:
    """Return an array as the content of an IDX file."""
    head = bytes([0, 0, CODES[x.dtype.name], x.ndim]) + struct.pack(f">{x.ndim}I", *x.shape)
    return head + x.astype(x.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the slice, to be damaged."""
    for name in NAMES:
        shutil.copy(SLICE / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder; no data anywhere else."""
    for name in ("NNARRAY_DATA", "NNARRAY_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion_mnist, "_DEBIAN", tmp_path / "debian")
    return tmp_path


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0, 4), (1, 2, 3, 4)])
@pytest.mark.parametrize("zipped", [False, True])
def test_an_idx_file_is_read_in_every_type_and_shape(tmp_path: Path, dtype: str, shape: Any, zipped: bool) -> None:
    x = np.asarray(100 * np.random.default_rng(0).uniform(size=shape)).astype(dtype)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(idx(x)) if zipped else idx(x))
    found = read_idx(str(path))
    np.testing.assert_array_equal(found, x, strict=True)
    assert found.dtype.isnative
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with 00 00, a type (08, 09, 0b, 0c, 0d, 0e) and the number of axes: received an empty file."),
        (b"\0\0", "received 00 00."),
        (b"\x89PNG\r\n", "received 89 50 4e 47."),
        (b"\0\0\x0a\1\0\0\0\0", "received 00 00 0a 01."),
        (b"\0\0\x08\3\0\0\0\1", "the head of an IDX file of 3 axes has 16 bytes: received 8."),
        (idx(np.zeros(9, "int16"))[:-1], "of shape (9,) and dtype int16 has 26 bytes: received 25."),
        (idx(np.zeros(9, "uint8")) + b"\0", "of shape (9,) and dtype uint8 has 17 bytes: received 18."),
        (b"\0\0\x0e\2" + b"\xff" * 8, "(4294967295, 4294967295)"),
        (gzip.compress(idx(np.arange(99, dtype="uint8")), mtime=0)[:-20], "a gzipped file must be whole: received"),
        (b"\x1f\x8b and more", "a gzipped file must be whole: received 11 bytes"),
    ],
    ids=lambda x: None if isinstance(x, str) else f"{len(x)} bytes",
)
def test_a_damaged_idx_file_is_named_with_the_rule_and_what_was_received(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "x-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_fashion_mnist_is_read_as_keras_reads_it() -> None:
    (x, y), (x_test, y_test) = fashion_mnist.load_data(SLICE)
    assert [a.shape for a in (x, y, x_test, y_test)] == [(600, 28, 28), (600,), (200, 28, 28), (200,)]
    assert {a.dtype for a in (x, y, x_test, y_test)} == {np.dtype("uint8")}
    # The first pictures of the set are known from many a tutorial: an ankle boot, and an ankle boot to test with.
    assert y[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert x[0].sum() == 76247
    assert fashion_mnist.CLASS_NAMES[y[0]] == "Ankle boot"
    assert len(set(fashion_mnist.CLASS_NAMES)) == 10
    assert datasets.fashion_mnist is fashion_mnist


def test_files_may_be_unzipped_some_or_all(folder: Path) -> None:
    expected = fashion_mnist.load_data(SLICE)
    for name in NAMES:
        (folder / name.removesuffix(".gz")).write_bytes(gzip.decompress((folder / name).read_bytes()))
        (folder / name).unlink()
        found = fashion_mnist.load_data(str(folder))
        for pair, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(pair[0], other[0])
            np.testing.assert_array_equal(pair[1], other[1])


def test_folders_are_looked_in_from_the_users_own_to_debians(no_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = no_folders

    def put(part: str, label: int) -> None:
        """Write data whose labels tell the folder."""
        (root / part).mkdir(parents=True)
        for name in NAMES:
            x = np.full((2, 28, 28), 0, np.uint8) if "images" in name else np.full(2, label, np.uint8)
            (root / part / name.removesuffix(".gz")).write_bytes(idx(x))

    def found() -> int:
        return int(fashion_mnist.load_data()[1][1][0])

    put("debian", 1)
    assert found() == 1
    put("cache/nnarray/fashion-mnist", 2)
    assert found() == 2
    put("own_cache/fashion-mnist", 3)
    monkeypatch.setenv("NNARRAY_CACHE_DIR", str(root / "own_cache"))
    assert found() == 3
    put("data", 4)
    monkeypatch.setenv("NNARRAY_DATA", str(root / "data"))
    assert found() == 4
    put("data/fashion-mnist", 5)
    assert found() == 5
    (root / "data/fashion-mnist/train-labels-idx1-ubyte").unlink()  # a folder that lacks a file is passed over
    assert found() == 4


def test_missing_files_are_named_with_all_folders_and_the_cure(
    no_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNARRAY_DATA", str(no_folders / "data"))
    with pytest.raises(FileNotFoundError) as caught:
        fashion_mnist.load_data()
    text = str(caught.value)
    wanted = [no_folders / part for part in ("data", "data/fashion-mnist", "cache/nnarray/fashion-mnist", "debian")]
    for part in [*(name.removesuffix(".gz") for name in NAMES), *map(str, wanted), "apt install dataset-fashion-mnist"]:
        assert part in text


def test_a_folder_that_is_given_is_the_only_one_looked_in(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(f"{folder}: all but t10k-labels-idx1-ubyte\n")) as caught:
        fashion_mnist.load_data(folder)
    assert "debian" not in str(caught.value).lower().partition("install")[0]


@pytest.mark.parametrize(
    ("name", "x", "message"),
    [
        ("train-labels-idx1", np.zeros(599, "uint8"), "each image has one label: received 599 labels and 600 images"),
        ("t10k-images-idx3", np.zeros((201, 28, 28), "uint8"), "received 200 labels and 201 images"),
        ("t10k-images-idx3", np.zeros((200, 28, 27), "uint8"), "received shape (200, 28, 27) and dtype uint8"),
        ("t10k-images-idx3", np.zeros((200, 784), "uint8"), "received shape (200, 784) and dtype uint8"),
        ("t10k-images-idx3", np.zeros((200, 28, 28), "float32"), "received shape (200, 28, 28) and dtype float32"),
        ("t10k-labels-idx1", np.zeros((200, 1), "uint8"), "received shape (200, 1) and dtype uint8"),
        ("t10k-labels-idx1", np.zeros(200, "int32"), "received shape (200,) and dtype int32"),
        ("t10k-labels-idx1", np.arange(200, dtype="uint8"), "labels lie from 0 to 9: received 199 at 199"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(folder: Path, name: str, x: np.ndarray, message: str) -> None:
    (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(idx(x)))
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        fashion_mnist.load_data(folder)
    assert name in str(caught.value)


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


FLOWERS = "length,width,kind\n5.1,3.5,setosa\n6.3,-3.3e0,virginica\n4.9, 3 ,setosa\n7,3.2,color\n"


@pytest.mark.parametrize("target", ["kind", 2, -1, np.int64(2)])
def test_text_to_predict_becomes_classes_in_sorted_order(tmp_path: Path, target: Any) -> None:
    table = read_csv(write(tmp_path, FLOWERS), target)
    np.testing.assert_array_equal(table.x, [[5.1, 3.5], [6.3, -3.3], [4.9, 3], [7, 3.2]], strict=True)
    np.testing.assert_array_equal(table.y, np.asarray([1, 2, 1, 0], dtype=np.int64), strict=True)
    assert table.feature_names == ("length", "width")
    assert table.class_names == ("color", "setosa", "virginica")


@pytest.mark.parametrize(
    ("cells", "classes", "y", "names"),
    [
        (["3", "-1", "+10"], None, np.asarray([3, -1, 10], "int64"), ()),
        (["3", "1.5", "1e2"], None, np.asarray([3, 1.5, 100.0]), ()),
        (["3", str(2**63), "0"], False, np.asarray([3, 2.0**63, 0]), ()),
        (["10", "9", "10"], True, np.asarray([1, 0, 1], "int64"), ("9", "10")),
        (["10", "9", "b"], True, np.asarray([0, 1, 2], "int64"), ("10", "9", "b")),
        ([" b", "a ", "b"], None, np.asarray([1, 0, 1], "int64"), ("a", "b")),
    ],
)
def test_a_target_of_numbers_stays_one_unless_they_name_classes(
    tmp_path: Path, cells: list[str], classes: bool | None, y: np.ndarray, names: tuple[str, ...]
) -> None:
    table = read_csv(write(tmp_path, "y,x\n" + "".join(f"{cell},1\n" for cell in cells)), "y", classes=classes)
    np.testing.assert_array_equal(table.y, y, strict=True)
    assert table.class_names == names


def test_delimiter_quotes_blank_lines_byte_order_mark_and_dropped_columns(tmp_path: Path) -> None:
    text = '\ufeff"id";"a;b";"note";y\r\n"x1";1;"two\r\nlines";0\r\n\r\n"x2";"2";"he said ""so""";1\r\n'
    path = write(tmp_path, text)
    for drop in (["id", "note"], ("id", 2), [0, -2]):
        table = read_csv(path, "y", delimiter=";", drop=drop)
        assert table.feature_names == ("a;b",)
        np.testing.assert_array_equal(table.x, [[1.0], [2.0]])
        np.testing.assert_array_equal(table.y, [0, 1])
    with pytest.raises(ValueError, match="line 5, column 'note'"):  # where its row starts, whatever lines went before
        read_csv(write(tmp_path, text.replace('"two\r\nlines"', '"\r\n"')), 3, delimiter=";", drop="id", empty="nan")
    latin = write(tmp_path, "größe,y\n1,ä\n", "latin-1")
    assert read_csv(latin, "y", encoding="latin-1").class_names == ("ä",)


def test_a_large_table_is_read_as_numpy_reads_it_and_its_last_line_is_named(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((10_000, 3))
    lines = [",".join(map(repr, row)) for row in x.tolist()]
    table = read_csv(write(tmp_path, "a,b,c\n" + "\n".join(lines)), "c")
    np.testing.assert_array_equal(table.x, x[:, :2])
    np.testing.assert_array_equal(table.y, x[:, 2])
    with pytest.raises(ValueError, match="line 10001, column 'b': a number is needed: received 'x'"):
        read_csv(write(tmp_path, "a,b,c\n" + "\n".join([*lines[:-1], "1,x,2"])), "c")


def test_empty_cells_are_nan_where_they_are_allowed(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, "a,b,y\n1,,0\n ,2,1\n"), "y", empty="nan")
    np.testing.assert_array_equal(table.x, [[1, np.nan], [np.nan, 2]])


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("a,b,y\n1,2,0\n1,two,0\n", {}, "line 3, column 'b': a number is needed: received 'two'. drop=['b'] leaves"),
        ("a,b,y\n1_000,2,0\n", {}, "line 2, column 'a': a number is needed: received '1_000'."),
        ("a,b,y\n1,2,0\n1, ,0\n", {}, "line 3, column 'b': a number is needed: received an empty cell. empty='nan'"),
        (
            "a,b,y\n1,2,0\n1,2,\n",
            {"empty": "nan"},
            "line 3, column 'y': each row has a target: received an empty cell.",
        ),
        ("a,b,y\n1,2,0\n1,2\n", {}, "line 3: each row has as many cells as the header, 3: received 2."),
        ("a,b,y\n1,2,0,\n", {}, "line 2: each row has as many cells as the header, 3: received 4."),
        (
            "a,b,y\n1,2,0\n1,2,n/a\n",
            {},
            "line 3, column 'y': a target is finite numbers, or names of classes: received",
        ),
        ("a,b,y\n1,2,0\n1,2,nan\n", {}, "received 'nan' as a number. classes=True takes"),
        ("a,b,y\n1,2,yes\n", {"classes": False}, "line 2, column 'y': a target is finite numbers"),
        ("alpha,beta,y\n1,2,0\n", {"target": "bta"}, "Unknown target column: 'bta'. Did you mean 'beta'? Known: alpha"),
        ("alpha,beta,y\n1,2,0\n", {"drop": ["Alpha"]}, "Unknown drop column: 'Alpha'. Did you mean 'alpha'?"),
        ("a,y\n1,0\n", {"drop": "a"}, "a feature is needed beside the target: received the columns a, y."),
        ("a;b;y\n1;2;0\n", {}, "received one column, 'a;b;y', by delimiter=','. Perhaps delimiter=';' is meant."),
        ("a,a,y\n1,2,0\n", {}, "line 1: the names of columns must differ: received 'a' for columns 0 and 1."),
        ("a,,y\n1,2,0\n", {}, "line 1: each column needs a name: received none for column 1."),
        ("", {}, "a row that names the columns is needed: received an empty file."),
        ("a,b,y\n\n", {}, "a row of data is needed below the header: received only the header."),
        ('a,b,y\n1,2,0\n1,"2,0\n', {}, "line 3: each row must be CSV: received text that is not"),
        ("a,b,y\n", {"delimiter": ", "}, "delimiter must be one character: received delimiter=', '."),
        ("a,b,y\n", {"empty": "zero"}, "empty must be 'raise' or 'nan': received empty='zero'."),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_line_and_column(
    tmp_path: Path, text: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_csv(write(tmp_path, text), **{"target": "y", **arguments})


def test_other_mistakes_have_their_own_errors(tmp_path: Path) -> None:
    path = write(tmp_path, "a,y\n1,ä\n", "latin-1")
    with pytest.raises(ValueError, match=r"table\.csv: the text must be in the encoding 'utf-8-sig': received.*0xe4"):
        read_csv(path, "y")
    path = write(tmp_path, "a,y\n1,2\n")
    with pytest.raises(IndexError, match="indices 0 to 1: received target=2"):
        read_csv(path, 2)
    with pytest.raises(TypeError, match="target takes a column's name or index: received 1.0 "):
        read_csv(path, 1.0)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        read_csv(tmp_path / "absent.csv", "y")
