"""Streamed batches: their lines, their clock, whom they continue, and what goes wrong in them on purpose."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from include.settings import Settings
from include.simulator.files import whole_file
from include.simulator.history import micros
from include.simulator.plan import DAY, HOUR, MINUTE
from include.simulator.recent import read_recent
from include.simulator.stream import FIRST_DAY, write_batch
from include.simulator.truth import load
from tests.unit.simulator.histories import END, small_history

Line = dict[str, Any]


def _lines(settings: Settings, batch_id: str | None) -> list[Line]:
    text = (settings.streamed_events / f"{batch_id}.ndjson").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[list[Line]]]:
    """A short history and a dozen batches on top of it."""
    settings = small_history(tmp_path_factory.mktemp("busy"), people=1500)
    return settings, [_lines(settings, write_batch(settings, events=100, seed=7).batch_id) for _ in range(12)]


def test_a_batch_has_the_events_asked_for(busy: tuple[Settings, list[list[Line]]]) -> None:
    settings, batches = busy
    assert [len(batch) for batch in batches] == [100] * 12
    names = sorted(path.stem for path in settings.streamed_events.iterdir())
    assert names == [batch[0]["batch_id"] for batch in batches]
    assert all(line["batch_id"] == name for name, batch in zip(names, batches, strict=True) for line in batch)


def test_required_fields_and_arrival(busy: tuple[Settings, list[list[Line]]]) -> None:
    for line in (line for batch in busy[1] for line in batch):
        assert isinstance(line["event_id"], str)
        assert isinstance(line["event_name"], str)
        assert isinstance(line["event_timestamp"], int)
        assert line["event_timestamp"] <= line["received_at"] + HOUR
        assert None not in line.values()


def test_the_clock_goes_on_from_the_newest_landed_event(busy: tuple[Settings, list[list[Line]]]) -> None:
    newest = micros(END)
    for batch in busy[1]:
        on_time = [line["event_timestamp"] for line in batch if line["received_at"] - line["event_timestamp"] < MINUTE]
        assert newest - 2 * MINUTE < max(on_time) < newest + 20 * MINUTE
        newest = max(newest, *on_time)


def test_late_out_of_order_and_repeated_events(busy: tuple[Settings, list[list[Line]]]) -> None:
    lines = [line for batch in busy[1] for line in batch]
    assert any(line["received_at"] - line["event_timestamp"] > HOUR for line in lines)
    assert any(a["event_timestamp"] > b["event_timestamp"] for a, b in pairwise(lines))
    batches_of = Counter(
        event_id for batch in busy[1] for event_id in dict.fromkeys(line["event_id"] for line in batch)
    )
    assert max(Counter(line["event_id"] for line in busy[1][0]).values()) > 1
    assert max(batches_of.values()) > 1


def test_batches_continue_landed_devices_and_bring_new_ones(busy: tuple[Settings, list[list[Line]]]) -> None:
    settings, batches = busy
    history = {visit.device: visit for _, visit in load(settings.truth).visits if visit.origin == "ga4"}
    streamed = [line for line in batches[0] if "user_pseudo_id" in line]
    devices = {line["user_pseudo_id"] for line in streamed}
    assert devices & history.keys()
    assert devices - history.keys()
    active = {device for device, visit in history.items() if visit.end > micros(END) - 30 * MINUTE}
    assert any(
        line["user_pseudo_id"] in active
        and 0 < line["event_timestamp"] - history[line["user_pseudo_id"]].end <= 30 * MINUTE
        for line in streamed
    )


def test_logins_and_orders_across_sources(busy: tuple[Settings, list[list[Line]]]) -> None:
    settings, batches = busy
    lines = [line for batch in batches for line in batch]
    assert any(line["event_name"] == "login" and line["user_id"] for line in lines)
    assert any("user_pseudo_id" not in line for line in lines)
    truth = load(settings.truth)
    reported = [visit for _, visit in truth.visits if visit.origin == "stream" and visit.kind == "repeat"]
    assert reported
    assert any(visit.kind == "refund" and visit.origin == "stream" for _, visit in truth.visits)
    assert any(order.sightings > 1 for order in truth.orders)


def test_the_summary_is_the_new_orders(busy: tuple[Settings, list[list[Line]]], tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ga4_export=busy[0].ga4_export)
    summary = write_batch(settings, events=400, seed=1)
    truth = [
        json.loads(line) for file in (tmp_path / "truth/visits").iterdir() for line in file.read_text().splitlines()
    ]
    repeats = {visit["visit_id"] for visit in truth if visit["kind"] == "repeat"}
    purchases = [json.loads(line) for file in (tmp_path / "truth/purchases").iterdir() for line in file.open()]
    assert summary.events == 400
    assert summary.purchases == sum(row["visit_id"] not in repeats for row in purchases) > 0
    assert summary.revenue > 0


def test_now_is_the_end_of_the_batch(small: Settings) -> None:
    now = END + timedelta(hours=2)
    lines = _lines(small, write_batch(small, events=60, seed=1, now=now).batch_id)
    assert max(line["received_at"] for line in lines) <= micros(now)
    assert micros(now) - 20 * MINUTE < max(line["event_timestamp"] for line in lines) < micros(now)


def test_the_present_counts_only_where_data_is_recent(small: Settings) -> None:
    lines = _lines(small, write_batch(small, events=30).batch_id)  # the history ended long ago
    assert max(line["event_timestamp"] for line in lines) < micros(END) + 20 * MINUTE
    empty = Settings(home=small.home / "empty", ga4_export=small.home / "none")
    before = micros(datetime.now(UTC))
    live = _lines(empty, write_batch(empty, events=30).batch_id)
    assert before - 20 * MINUTE < max(line["event_timestamp"] for line in live)


def test_a_seed_without_landed_data_has_a_day_of_its_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ga4_export=tmp_path / "none")
    lines = _lines(settings, write_batch(settings, events=30, seed=1).batch_id)
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


def test_no_events_no_file(small: Settings) -> None:
    assert write_batch(small, events=0, seed=1).events == 0
    assert not small.streamed_events.exists()


@pytest.mark.parametrize(("events", "bad"), [(-1, 0), (0, -1)])
def test_negative_counts(small: Settings, events: int, bad: int) -> None:
    with pytest.raises(ValueError, match="neither can be negative"):
        write_batch(small, events=events, bad=bad)


def test_files_that_are_set_aside_are_passed_over(small: Settings) -> None:
    (small.ga4_export / "events_20260401.parquet").write_bytes(b"not Parquet")
    small.streamed_events.mkdir(parents=True)
    (small.streamed_events / "mine.ndjson").write_bytes(b'[1]\n\xff\n{"event_timestamp": "x"}\n')
    assert write_batch(small, events=10, seed=1).events == 10


def test_what_others_streamed_is_neither_read_nor_counted(small: Settings, tmp_path: Path) -> None:
    """Their newest event lies in 2100, their batch is named as the simulator's, and a line is nested too deep."""
    shutil.copytree(small.home, tmp_path / "alone")
    alone = Settings(home=tmp_path / "alone", ga4_export=tmp_path / "alone" / "landing" / "ga4")
    theirs = {"event_name": "purchase", "user_pseudo_id": "theirs", "transaction_id": "T", "value": 9}
    theirs |= {
        "event_id": "t",
        "event_timestamp": micros(END) + 27_000 * DAY,
        "received_at": micros(END) + 27_000 * DAY,
    }
    small.streamed_events.mkdir(parents=True)
    for name in ("theirs", "batch_000007_0123abcd"):
        (small.streamed_events / f"{name}.ndjson").write_text(f"{json.dumps(theirs)}\n{'[' * 5000}\n")
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
    assert (recent.visitors, recent.orders, recent.last_line) == ((), (), None)
    newest = pc.max(table["event_timestamp"]).as_py()
    lines = _lines(settings, write_batch(settings, events=40, seed=1).batch_id)
    assert newest < max(line["event_timestamp"] for line in lines) < newest + 20 * MINUTE
    assert not {line.get("user_pseudo_id") for line in lines} & {*table["user_pseudo_id"].to_pylist()}


def test_whole_files_only(tmp_path: Path) -> None:
    target = tmp_path / "batch.ndjson"
    with whole_file(target) as part:
        part.write_text("half")
        assert not target.exists()
        assert [path.name for path in tmp_path.iterdir()] == [".batch.ndjson.part"]
    assert target.read_text() == "half"
    with pytest.raises(FileNotFoundError), whole_file(target) as part:
        part.with_name("never written").replace(target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_text() == "half"


def test_a_batch_that_fails_leaves_nothing(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, *_: object, **__: object) -> int:
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="No space left"):
        write_batch(small, events=10, seed=1)
    assert not list(small.streamed_events.iterdir())
    assert [path.name for path in (small.truth / "visits").iterdir()] == ["history.ndjson"]
