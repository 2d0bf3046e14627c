"""The file of tombstones: what it keeps, and that a damaged one is never read as an empty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.deletion.tombstones import Tombstone, TombstoneError, add_tombstones, key_hash, read_tombstones
from include.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home that does not exist yet."""
    return Settings(home=tmp_path / "home", ga4_export=tmp_path)


def test_what_is_added_stands_there_once_with_its_latest_time(settings: Settings) -> None:
    ann, shared = Tombstone("user", key_hash("ann"), deleted_at=5), Tombstone("anonymous", key_hash("d"), 1, 2, 5)
    assert read_tombstones(settings) == []
    add_tombstones(settings, [ann, shared])
    add_tombstones(
        settings, [Tombstone("user", key_hash("ann"), deleted_at=9), Tombstone("anonymous", key_hash("d"), 1, 2, 4)]
    )
    assert read_tombstones(settings) == [shared, Tombstone("user", key_hash("ann"), deleted_at=9)]
    text = settings.tombstones.read_text()
    assert "ann" not in text
    assert len(text.splitlines()) == 3
    assert [path.name for path in settings.home.iterdir()] == ["tombstones.csv"]


def test_the_hash_is_the_one_of_sql() -> None:
    assert key_hash("ann") == "7e0d7f8a5d96c24ffcc840f31bce72b2"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", 1),
        ("kind,key_hash\n", 1),
        ("kind,key_hash,from_at,until_at,deleted_at\nuser,ann,0,1,2\n", 2),
        ("kind,key_hash,from_at,until_at,deleted_at\nuser,7e0d7f8a5d96c24ffcc840f31bce72b2,0,1\n", 2),
        ("kind,key_hash,from_at,until_at,deleted_at\nusers,7e0d7f8a5d96c24ffcc840f31bce72b2,0,1,2\n", 2),
        ("kind,key_hash,from_at,until_at,deleted_at\nuser,7e0d7f8a5d96c24ffcc840f31bce72b2,0,1,now\n", 2),
    ],
)
def test_a_damaged_file_stops_everything(settings: Settings, content: str, line: int) -> None:
    settings.home.mkdir()
    settings.tombstones.write_text(content)
    with pytest.raises(TombstoneError, match=rf"tombstones.csv:{line}: .*backup"):
        read_tombstones(settings)
