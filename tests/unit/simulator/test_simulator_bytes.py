"""The same seed writes the same bytes, in whichever process; another seed writes others."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import PROJECT, Settings
from include.simulator.stream import write_batch
from tests.unit.simulator.histories import small_history

WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from include.settings import Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch

home, seed, schema = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
end = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)
write_history(settings.ga4_export, seed=seed, end=end, days=4, people=300, schema=schema, truth=settings.truth)
for _ in range(3):
    write_batch(settings, events=60, seed=seed, bad=3)
"""


def _digests(home: Path) -> dict[str, str]:
    """The sha256 of every file, by its path."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def _write(home: Path, *, hash_seed: str, seed: int = 9, schema: str = "2026") -> dict[str, str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo" if hash_seed == "1" else "UTC"}
    subprocess.run(
        [sys.executable, "-c", WRITE, str(home), str(seed), schema], cwd=PROJECT, env=environment, check=True
    )
    return _digests(home)


@pytest.mark.parametrize("schema", ["2021", "2026"])
def test_same_seed_same_bytes_in_another_process(tmp_path: Path, schema: str) -> None:
    one = _write(tmp_path / "one", hash_seed="1", schema=schema)
    two = _write(tmp_path / "two", hash_seed="2", schema=schema)
    assert len(one) == 4 + 3 + 3 * 4  # tables, batches, and the truth of each
    assert one == two


def test_another_seed_writes_other_bytes(tmp_path: Path) -> None:
    one = _write(tmp_path / "one", hash_seed="0")
    other = _write(tmp_path / "other", hash_seed="0", seed=10)
    landed = [path for path in one if path.startswith("landing")]
    assert not [path for path in landed if one[path] == other.get(path)]


def test_unseeded_batches_differ(tmp_path: Path) -> None:
    settings = small_history(tmp_path / "history", people=60)
    batches = []
    for name in ("a", "b"):
        home = Settings(home=tmp_path / name, ga4_export=settings.ga4_export)
        write_batch(home, events=30)
        batches.append(next(home.streamed_events.iterdir()).read_bytes())
    assert batches[0] != batches[1]
