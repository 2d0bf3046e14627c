"""Streamed batches: their lines, their clock, whom they continue, and what goes wrong in them on purpose."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from include.settings import Settings
from include.simulator.history import micros, write_history
from include.simulator.households import DAY, HOUR, MINUTE
from include.simulator.recent import read_recent
from include.simulator.stream import FIRST_DAY, write_batch

END = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)
Line = dict[str, Any]


def _lines(settings: Settings, batch_id: str | None) -> list[Line]:
    text = (settings.streamed_events / f"{batch_id}.ndjson").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _home(home: Path, people: int = 250) -> Settings:
    """A home with a short history."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    write_history(settings.ga4_export, seed=5, end=END, days=3, people=people)
    return settings


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    return _home(tmp_path)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[list[Line]]]:
    """A short history and a dozen batches on top of it; each tells its new orders."""
    settings = _home(tmp_path_factory.mktemp("busy"), people=1500)
    batches: list[list[Line]] = []
    for _ in range(12):
        summary = write_batch(settings, events=100, seed=7)
        before = {line["event_id"] for batch in batches for line in batch}
        batches.append(_lines(settings, summary.batch_id))
        bought = [line for line in batches[-1] if line["event_name"] == "purchase" and "items" in line]
        assert (summary.events, summary.purchases) == (100, len({line["event_id"] for line in bought} - before))
        assert (summary.revenue > 0) == (summary.purchases > 0)
    return settings, batches


def test_a_batch_goes_on_from_the_newest_landed_event(busy: tuple[Settings, list[list[Line]]]) -> None:
    settings, batches = busy
    assert [len(batch) for batch in batches] == [100] * 12
    names = sorted(path.stem for path in settings.streamed_events.iterdir())
    assert [{line["batch_id"] for line in batch} for batch in batches] == [{name} for name in names]
    newest = micros(END)
    for batch in batches:
        on_time = [line["event_timestamp"] for line in batch if line["received_at"] - line["event_timestamp"] < MINUTE]
        assert newest - 2 * MINUTE < max(on_time) < newest + 20 * MINUTE
        assert all(line["event_timestamp"] <= line["received_at"] + HOUR for line in batch)
        newest = max(newest, *on_time)


def test_events_are_late_out_of_order_and_repeated(busy: tuple[Settings, list[list[Line]]]) -> None:
    lines = [line for batch in busy[1] for line in batch]
    assert any(line["received_at"] - line["event_timestamp"] > HOUR for line in lines)
    assert any(a["event_timestamp"] > b["event_timestamp"] for a, b in pairwise(lines))
    batches_of = Counter(event_id for batch in busy[1] for event_id in {line["event_id"] for line in batch})
    assert max(Counter(line["event_id"] for line in busy[1][0]).values()) > 1
    assert max(batches_of.values()) > 1


def test_batches_continue_landed_devices_and_orders_and_bring_new_ones(
    busy: tuple[Settings, list[list[Line]]],
) -> None:
    settings, batches = busy
    exported = pq.read_table(settings.ga4_export, columns=["user_pseudo_id", "event_timestamp"])
    newest = exported.group_by("user_pseudo_id").aggregate([("event_timestamp", "max")])
    ends = dict(zip(*newest.to_pydict().values(), strict=True))
    devices = {line["user_pseudo_id"]: line["event_timestamp"] for line in batches[0] if "user_pseudo_id" in line}
    assert devices.keys() - ends.keys()
    assert any(0 < at - ends[device] <= 30 * MINUTE for device, at in devices.items() if device in ends)
    lines = [line for batch in batches for line in batch]
    assert any(line["event_name"] == "login" and line["user_id"] for line in lines)
    assert any("user_pseudo_id" not in line for line in lines)
    assert any(line["event_name"] == "refund" for line in lines)
    assert any(line["event_name"] == "purchase" and "items" not in line for line in lines), "an order reported again"


def test_the_present_counts_only_where_data_is_recent(small: Settings) -> None:
    """A seed without landed data has a day of its own."""
    lines = _lines(small, write_batch(small, events=30).batch_id)  # the history ended long ago
    assert max(line["event_timestamp"] for line in lines) < micros(END) + 20 * MINUTE
    empty, seeded = (Settings(home=small.home / name, ga4_export=small.home / "none") for name in ("empty", "seeded"))
    before = micros(datetime.now(UTC))
    live = _lines(empty, write_batch(empty, events=30).batch_id)
    assert before - 20 * MINUTE < max(line["event_timestamp"] for line in live)
    lines = _lines(seeded, write_batch(seeded, events=30, seed=1).batch_id)
    assert FIRST_DAY < max(line["event_timestamp"] for line in lines) < FIRST_DAY + 15 * MINUTE


def test_bad_lines_only_when_asked_for(small: Settings) -> None:
    text = (small.streamed_events / f"{write_batch(small, events=10, seed=1, bad=5).batch_id}.ndjson").read_text()
    lines = text.splitlines()
    assert len(lines) == 15
    not_json, no_name, no_time, future, seconds = lines[10:]
    with pytest.raises(json.JSONDecodeError):
        json.loads(not_json)
    assert "event_name" not in json.loads(no_name)
    assert "event_timestamp" not in json.loads(no_time)
    assert json.loads(future)["event_timestamp"] > json.loads(future)["received_at"] + DAY
    assert json.loads(seconds)["event_timestamp"] < 10**12
    # none of them moves the clock
    after = _lines(small, write_batch(small, events=10, seed=2).batch_id)
    assert max(line["event_timestamp"] for line in after) < micros(END) + HOUR


def test_what_others_landed_is_neither_read_nor_counted(small: Settings, tmp_path: Path) -> None:
    """Their newest event lies in 2100, a batch is named as the simulator's, and some lines the pipeline sets aside."""
    shutil.copytree(small.home, tmp_path / "alone")
    alone = Settings(home=tmp_path / "alone", ga4_export=tmp_path / "alone" / "landing" / "ga4")
    moment = micros(END) + 27_000 * DAY
    theirs = {"event_id": "t", "event_name": "purchase", "user_pseudo_id": "theirs", "transaction_id": "T", "value": 9}
    theirs |= {"event_timestamp": moment, "received_at": moment}
    small.streamed_events.mkdir(parents=True)
    for name in ("theirs", "batch_000007_0123abcd"):
        (small.streamed_events / f"{name}.ndjson").write_text(f"{json.dumps(theirs)}\n{'[' * 5000}\n")
    (small.streamed_events / "mine.ndjson").write_bytes(b'[1]\n\xff\n{"event_timestamp": "x"}\n')
    (small.ga4_export / "events_20260401.parquet").write_bytes(b"not Parquet")
    with_them, without = (write_batch(one, events=40, seed=1).batch_id for one in (small, alone))
    assert _lines(small, with_them) == _lines(alone, without)


def test_of_an_export_of_others_only_the_clock_is_read(small: Settings, tmp_path: Path) -> None:
    """Not beyond what the table's date allows; a table of a date to come has no say."""
    unsigned = tmp_path / "theirs"
    unsigned.mkdir()
    day = max(small.ga4_export.glob("events_2*.parquet"))
    table = pq.read_table(day).replace_schema_metadata(None)
    stray = table.set_column(
        table.column_names.index("event_timestamp"), "event_timestamp", pa.array([micros(END) + 900 * DAY] * len(table))
    )
    pq.write_table(pa.concat_tables([table, stray]), unsigned / day.name)
    pq.write_table(stray, unsigned / "events_21000101.parquet")
    settings = Settings(home=tmp_path / "home", ga4_export=unsigned)
    recent = read_recent(settings)
    assert (recent.visitors, recent.orders, recent.last_line) == ([], [], None)
    newest = pc.max(table["event_timestamp"]).as_py()
    lines = _lines(settings, write_batch(settings, events=40, seed=1).batch_id)
    assert newest < max(line["event_timestamp"] for line in lines) < newest + 20 * MINUTE


def test_a_batch_that_fails_leaves_nothing(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, *_: object, **__: object) -> int:
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="No space left"):
        write_batch(small, events=10, seed=1)
    assert not list(small.streamed_events.iterdir())
