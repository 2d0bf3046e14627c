"""The same seed writes the same bytes, in whichever process; another seed writes others."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from include.settings import PROJECT

WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from include.settings import Settings
from include.simulator.history import write_history
from include.simulator.spend import write_spend
from include.simulator.stream import write_batch

end = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)
for seed, schema in ((9, "2021"), (9, "2026"), (10, "2026")):
    home = Path(sys.argv[1]) / f"{schema}_{seed}"
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    write_history(settings.ga4_export, seed=seed, end=end, days=4, people=300, schema=schema)
    write_spend(settings.ad_spend, seed=seed, end=end, days=4, people=300)
    for _ in range(3):
        write_batch(settings, events=60, seed=seed, bad=3)
"""


def written(home: Path, *, hash_seed: str, zone: str) -> dict[str, str]:
    """The sha256 of every file that a process of its own writes, by its path."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
    subprocess.run([sys.executable, "-c", WRITE, str(home)], cwd=PROJECT, env=environment, check=True)
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file()
    }


def test_a_seed_decides_every_byte(tmp_path: Path) -> None:
    one = written(tmp_path / "one", hash_seed="1", zone="Asia/Tokyo")
    assert len(one) == 3 * (4 + 3 + 3 + 3)  # tables, files of spend, batches, and the note of each batch
    assert one == written(tmp_path / "two", hash_seed="2", zone="UTC")
    landed = {path: digest for path, digest in one.items() if path.startswith("2026_9/landing")}
    assert not [path for path, digest in landed.items() if one.get(path.replace("2026_9", "2026_10")) == digest]
