"""Request files and the file of tombstones: what is taken or kept, and what is refused in which words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.deletion import DeletionError, confirm_removed, take_requests
from include.deletion.requests import read_requests
from include.deletion.tombstones import Tombstone, TombstoneError, add_tombstones, key_hash, read_tombstones
from include.settings import Settings

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a folder of requests and nothing else."""
    settings = Settings(home=tmp_path, ga4_export=tmp_path / "landing" / "ga4")
    settings.deletion_requests.mkdir(exist_ok=True)
    return settings


def test_every_line_is_a_request(settings: Settings) -> None:
    (settings.deletion_requests / "b.csv").write_bytes(
        '\ufeffkind,id\r\nperson, ann \r\n\r\n"device","a,b"\r\n'.encode()
    )
    (settings.deletion_requests / "a.csv").write_text("kind , id\nperson,Zoë")
    (settings.deletion_requests / ".c.csv").write_text("half a file")
    (settings.deletion_requests / "notes.txt").write_text("no request")
    found = read_requests(settings)
    assert [(one.kind, one.id, one.place) for one in found.requests] == [
        ("person", "Zoë", "a.csv:2"),
        ("person", "ann", "b.csv:2"),
        ("device", "a,b", "b.csv:4"),
    ]
    assert [path.name for path in found.files] == ["a.csv", "b.csv"]
    assert found.refused == ()


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"", 1, "no request in it; write"),
        (b"kind,id\n", 1, "no request in it; write"),
        (b"person,ann\n", 1, "the header is not kind,id; make"),
        (b"id,kind\nann,person\n", 1, "the header is not kind,id; make"),
        (b"kind,id\nperson,ann\nuser,bob\n", 3, "kind 'user'; use person or device"),
        (b"kind,id\nPerson,ann\n", 2, "kind 'Person'; use"),
        (b"kind,id\nperson,\n", 2, "an empty id; write"),
        (b"kind,id\nperson,   \n", 2, "an empty id; write"),
        (b"kind,id\nperson\n", 2, "1 fields; write kind,id"),
        (b"kind,id\nperson,ann,bob\n", 2, "3 fields; write kind,id"),
        (b'kind,id\nperson,"ann\n', 2, "not CSV (unexpected end of data); correct"),
        (b'kind,id\nperson,"a"nn\n', 2, "not CSV (',' expected after '\"'); correct"),
        (b"kind,id\nperson,\xff\n", 1, "not UTF-8 at byte 15; save"),
        (b"kind,id\nperson,event:0a1b\n", 2, "an event without device or user; it names nobody"),
        (b"kind,id\ndevice,null\nperson, Undefined \n", 3, "an id that ignored_user_ids lists names no person"),
    ],
)
def test_a_malformed_file_is_refused_as_a_whole(settings: Settings, content: bytes, line: int, what: str) -> None:
    path = settings.deletion_requests / "bad.csv"
    path.write_bytes(content)
    found = read_requests(settings)
    assert (found.requests, found.files) == ((), ())
    (message,) = found.refused
    assert message.startswith(f"{path}:{line}: {what}")
    assert message.endswith("Nothing of this file was done.")


def test_without_a_warehouse_a_request_waits(settings: Settings) -> None:
    """Whose a row is, only the tables tell; the request stays open and says so."""
    path = settings.deletion_requests / "a.csv"
    path.write_text("kind,id\nperson,ann\n")
    taken = take_requests(settings, now=NOW)
    assert taken.problems == (f"{settings.warehouse} is not built yet; run attribution_microbatch, then this again",)
    with pytest.raises(DeletionError, match=r"warehouse.duckdb is not built yet"):
        confirm_removed(settings)
    assert path.exists()
    assert not settings.warehouse.exists()
    assert not settings.tombstones.exists()


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
    assert [path.name for path in settings.home.iterdir() if path.is_file()] == ["tombstones.csv"]


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
    settings.tombstones.write_text(content)
    with pytest.raises(TombstoneError, match=rf"tombstones.csv:{line}: .*backup"):
        read_tombstones(settings)
