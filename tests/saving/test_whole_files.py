"""Files are written whole or not at all."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnarray import saving
from tests.saved_models import sequential

_LOOP = """
import sys
import numpy as np
import nnarray as nna

model = nna.Sequential([nna.layers.Dense(64, input_shape=(64,)), nna.layers.Dense(64)])
print("ready", flush=True)
number = 0
while True:
    number += 1
    model.set_weights([np.full(x.shape, float(number), dtype="float32") for x in model.get_weights()])
    model.save(sys.argv[1])
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(path: Path, request: pytest.FixtureRequest) -> None:
    rng = random.Random(1)
    kills = 200 if request.config.getoption("--deep") else 8
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", _LOOP, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.02, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if path.exists():
            values = [x.numpy() for x in saving.load_model(path).weights]
            assert len({float(x) for value in values for x in value.ravel()}) == 1
    assert path.exists()
    sequential().save(path)
    assert [x.name for x in path.parent.iterdir()] == [path.name]


def test_files_have_the_rights_of_others_and_links_stay(path: Path) -> None:
    plain = path.with_name("plain")
    plain.touch()
    sequential().save(path)
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    link = path.with_name("link.safetensors")
    link.symlink_to(path)
    sequential().save(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_full_disk_leaves_the_file_as_it_was(path: Path) -> None:
    sequential().save(path)
    before = path.read_bytes()
    program = f"""
import resource
import nnarray as nna
model = nna.Sequential([nna.layers.Dense(500, input_shape=(500,))])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    model.save({str(path)!r})
except OSError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "could not be written, and is as it was" in done.stdout
    assert path.read_bytes() == before
    assert [x.name for x in path.parent.iterdir()] == [path.name]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
