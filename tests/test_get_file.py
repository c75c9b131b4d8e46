"""Files that are got once, checked and kept; archives that are put into a folder and nowhere else."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nnarray.utils import get_file

TEXT = b"1,2\n3,4\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "my table.csv"
    path.parent.mkdir()
    path.write_bytes(TEXT)
    return path


def archive(path: Path, kind: str, names: tuple[str, ...] = ("a.txt", "inner/b.txt")) -> Path:
    """Write an archive of files with a text each."""
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as made:
            for name in names:
                made.writestr(name, TEXT)
        return path
    with tarfile.open(path, "w:gz") as made:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            made.addfile(info, io.BytesIO(TEXT))
    return path


def test_a_file_is_got_once_and_again_if_asked(source: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"origin": source.as_uri(), "cache_dir": tmp_path / "cache"}
    path = Path(get_file(**given))
    assert path == tmp_path / "cache" / "datasets" / "my table.csv"
    assert path.read_bytes() == TEXT
    source.write_bytes(b"new")
    assert Path(get_file(**given)).read_bytes() == TEXT
    assert Path(get_file(**given, force_download=True)).read_bytes() == b"new"
    assert Path(get_file("other.csv", **given, cache_subdir="x/y")) == tmp_path / "cache" / "x" / "y" / "other.csv"
    assert sorted(p.name for p in path.parent.iterdir()) == ["my table.csv"]


def test_the_cache_folder_is_that_of_the_environment(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNARRAY_CACHE_DIR", str(tmp_path / "own"))
    assert Path(get_file("t.csv", source.as_uri())) == tmp_path / "own" / "datasets" / "t.csv"


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_of_another_hash_is_refused_and_one_that_was_kept_is_got_again(
    source: Path, tmp_path: Path, algorithm: str
) -> None:
    expected = hashlib.new(algorithm, TEXT).hexdigest()
    given: dict[str, Any] = {"origin": source.as_uri(), "cache_dir": tmp_path, "file_hash": expected.upper()}
    path = Path(get_file("t.csv", **given))
    path.write_bytes(b"damaged")
    assert Path(get_file("t.csv", **given, hash_algorithm=algorithm)).read_bytes() == TEXT
    source.write_bytes(b"another")
    path.unlink()
    with pytest.raises(ValueError, match=f"must have the {algorithm} hash {expected}: received one of .* not kept"):
        get_file("t.csv", **given)
    assert list(path.parent.iterdir()) == []


def test_the_old_name_of_a_hash_is_taken(source: Path, tmp_path: Path) -> None:
    good, bad = hashlib.md5(TEXT).hexdigest(), "0" * 32
    assert Path(get_file("t.csv", source.as_uri(), md5_hash=good, cache_dir=tmp_path)).read_bytes() == TEXT
    with pytest.raises(ValueError, match="must have the md5 hash 0000"):
        get_file("u.csv", source.as_uri(), md5_hash=bad, cache_dir=tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize(("fname", "folder"), [("d.any.gz", "d_extracted"), ("d", "d"), (None, "packed.bin")])
def test_archives_are_extracted_into_the_folder_of_keras_name(
    tmp_path: Path, kind: str, fname: str | None, folder: str
) -> None:
    origin = archive(tmp_path / "packed.bin", kind).as_uri()
    found = Path(get_file(fname, origin, extract=True, cache_dir=tmp_path / "cache"))
    assert found == tmp_path / "cache" / "datasets" / folder
    assert (found / "inner" / "b.txt").read_bytes() == TEXT
    assert Path(get_file(fname, origin, untar=kind == "tar", extract=True, cache_dir=tmp_path / "cache")) == found


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt"])
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    origin = archive(tmp_path / "bad.tgz", "tar", (name,)).as_uri()
    if name.startswith(".."):
        with pytest.raises(tarfile.OutsideDestinationError):
            get_file("d", origin, extract=True, cache_dir=tmp_path / "cache")
    else:
        folder = Path(get_file("d", origin, extract=True, cache_dir=tmp_path / "cache"))
        assert (folder / "outside.txt").is_file()
    origin = archive(tmp_path / "bad.zip", "zip", (name,)).as_uri()
    folder = Path(get_file("z", origin, extract=True, cache_dir=tmp_path))
    assert (folder / "outside.txt").is_file()
    assert [p for p in tmp_path.rglob("outside.txt") if p.parent.name not in ("d", "z")] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "origin must be an address that begins with one of http://, https://, file://: received origin=None"),
        ({"origin": "ftp://x/y"}, "received origin='ftp://x/y'"),
        ({"origin": "/etc/passwd"}, "received origin='/etc/passwd'"),
        ({"origin": "https://host/"}, "fname must be the name of a file, without a folder: received fname=''"),
        ({"origin": "https://host/a", "fname": "../a"}, "received fname='../a'. Use cache_dir"),
        ({"origin": "https://host/.."}, "received fname='..'"),
        ({"origin": "https://host/a", "file_hash": "abc"}, "64 hexadecimal digits for sha256 .* received 3"),
        (
            {"origin": "https://host/a", "file_hash": "0" * 32, "hash_algorithm": "sha256"},
            "received 32, hash_algorithm='sha256'",
        ),
        ({"origin": "https://host/a", "hash_algorithm": "sha1"}, "hash_algorithm must be 'auto', 'sha256' or 'md5'"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_got(given: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        get_file(**given, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_archive_is_refused(source: Path, tmp_path: Path) -> None:
    for formats, message in (("auto", "tar or zip"), ("zip", "format zip"), (None, "format None")):
        with pytest.raises(ValueError, match=f"{message} is needed: received"):
            get_file("t", source.as_uri(), extract=True, archive_format=formats, cache_dir=tmp_path)
    with pytest.raises(ValueError, match="archive_format must be 'tar' or 'zip': received archive_format='rar'"):
        get_file("t", source.as_uri(), extract=True, archive_format="rar", cache_dir=tmp_path)
