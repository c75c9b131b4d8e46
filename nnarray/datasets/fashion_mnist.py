"""Fashion-MNIST: 70,000 grey pictures, 28×28 pixels, of ten kinds of clothes. Read from files, never downloaded.

Xiao, Rasul, Vollgraf, arXiv:1708.07747. The data are Zalando's, under the MIT licence.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nnarray._cache import cache_folder
from nnarray.datasets._idx import read_idx

__all__ = ["CLASS_NAMES", "load_data"]

Part = tuple[np.ndarray, np.ndarray]

#: What the labels 0 … 9 stand for.
CLASS_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

_FILES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
_DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Part, Part]:
    """Return Fashion-MNIST's training and test data, as Keras' function of this name does.

    Parameters
    ----------
    path : str or path-like, optional
        Folder of the four files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``
        and ``t10k-labels-idx1-ubyte``, each gzipped (``.gz``) or not. Without it, the first of these folders that has
        all four: ``$NNARRAY_DATA/fashion-mnist`` and ``$NNARRAY_DATA``; ``fashion-mnist`` in the cache folder of
        nnarray (``$NNARRAY_CACHE_DIR``, ``$XDG_CACHE_HOME/nnarray``, or the platform's: ``~/.cache/nnarray``); that of
        Debian's package ``dataset-fashion-mnist``.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : two pairs of ndarray of uint8
        Images of shape (n, 28, 28), 0 black to 255 white, and labels of shape (n,), 0 to 9, which `CLASS_NAMES` names;
        n is 60,000 and 10,000.

    Raises
    ------
    FileNotFoundError
        If no folder has all four files; nothing is downloaded.
    ValueError
        If a file is damaged, or images and labels differ in number.

    Examples
    --------
    >>> import nnarray as nna
    >>> (x_train, y_train), (x_test, y_test) = nna.datasets.fashion_mnist.load_data()  # doctest: +SKIP
    >>> x_train.shape, y_train[:3]  # doctest: +SKIP
    ((60000, 28, 28), array([9, 0, 0], dtype=uint8))
    >>> nna.datasets.fashion_mnist.CLASS_NAMES[9]
    'Ankle boot'
    """
    images, labels, test_images, test_labels = _find(_folders() if path is None else [Path(path).expanduser()])
    return _pair(images, labels), _pair(test_images, test_labels)


def _folders() -> list[Path]:
    """Return the folders to look in, the first first."""
    data = os.environ.get("NNARRAY_DATA", "").strip()
    own = [Path(data).expanduser() / "fashion-mnist", Path(data).expanduser()] if data else []
    return [*own, cache_folder() / "fashion-mnist", _DEBIAN]


def _find(folders: list[Path]) -> list[Path]:
    """Return the four files of the first folder that has them all.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    looked = []
    for folder in folders:
        found = [next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None) for name in _FILES]
        files = [file for file in found if file is not None]
        if len(files) == len(_FILES):
            return files
        missing = [name for name, file in zip(_FILES, found, strict=True) if file is None]
        looked.append(f"  {folder}" + (f": all but {', '.join(missing)}" if files else ""))
    raise FileNotFoundError(
        f"Fashion-MNIST is four files, gzipped (.gz) or not: {', '.join(_FILES)}. They were looked for in\n"
        + "\n".join(looked)
        + "\nInstall them with: apt install dataset-fashion-mnist (Debian, Ubuntu). Or put the four files, from "
        "https://github.com/zalandoresearch/fashion-mnist, into a folder and give it: load_data(path), or NNARRAY_DATA."
    )


def _pair(image_file: Path, label_file: Path) -> Part:
    """Return images and labels that belong together.

    Raises
    ------
    ValueError
        If a file is damaged or has something else in it.
    """
    images, labels = read_idx(image_file), read_idx(label_file)
    if images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"{image_file}: images have shape (n, 28, 28) and dtype uint8: received shape {images.shape} and dtype "
            f"{images.dtype}."
        )
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise ValueError(
            f"{label_file}: labels have shape (n,) and dtype uint8: received shape {labels.shape} and dtype "
            f"{labels.dtype}."
        )
    if len(images) != len(labels):
        raise ValueError(
            f"{label_file}: each image has one label: received {len(labels)} labels and {len(images)} images in "
            f"{image_file}."
        )
    if labels.size and labels.max() >= len(CLASS_NAMES):
        raise ValueError(
            f"{label_file}: labels lie from 0 to {len(CLASS_NAMES) - 1}: received {labels.max()} at {labels.argmax()}."
        )
    return images, labels
