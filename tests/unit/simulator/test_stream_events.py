"""`stream_events.py` on this machine: its lines, options and exit codes, and what becomes of a user's file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from include import stream_events
from include.settings import PROJECT
from include.streaming import batch as batch_module

THREE_LINES = r"Streaming {} events\.\.\.\n  - Purchases: \d+\n  - Revenue: \$\d{{1,3}}(,\d{{3}})*\.\d\d\n"
EVENT = {"event_id": "1", "event_name": "page_view", "event_timestamp": 1769860800000000}
ORDER = EVENT | {"event_name": "purchase", "transaction_id": "T", "value": 10}


@pytest.fixture(autouse=True)
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The landing folder of a new home."""
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    for name in ("GA4_EXPORT", "DBT_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home" / "landing" / "streamed_events"


@pytest.mark.parametrize("events", [0, 1500])
def test_three_lines(events: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert stream_events.main(["--events", str(events), "--seed", "1"]) == 0
    assert re.fullmatch(THREE_LINES.format(events), capsys.readouterr().out)


def test_it_runs_as_a_script_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "include" / "stream_events.py"), "--seed", "1"]
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert re.fullmatch(THREE_LINES.format(20), done.stdout)
    assert done.stderr == ""
    assert len(list((tmp_path / "home/landing/streamed_events").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--events", "-1"], "--events must be at least 0"),
        (["--bad", "many"], "invalid int value: 'many'"),
        (["--file", "f", "--events", "0"], "--events does not go with --file"),
        (["--batch-id", "b"], "--batch-id needs --file"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        stream_events.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_wrong_settings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DBT_TARGET", "oracle")
    assert stream_events.main([]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "DBT_TARGET is 'oracle'" in output.err


def test_what_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/srv/landing")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        assert stream_events.main(["--seed", "1"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("No right to read or write /srv/landing")
    assert error.count("\n") == 1
    (tmp_path / "home").write_text("a file")
    assert stream_events.main(["--seed", "1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop events.ndjson"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in (EVENT, ORDER)), "utf-8")
    return path


def test_it_lands_as_it_is(file: Path, landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = b'{"a": "\xc3\xbc"}\r\n\n  \nno JSON\n' + file.read_bytes().removesuffix(b"\n")
    file.write_bytes(content)
    assert stream_events.main(["--file", str(file)]) == 0
    assert capsys.readouterr().out == "Streaming 3 events...\n  - Purchases: 1\n  - Revenue: $10.00\n"
    (batch,) = landing.iterdir()
    assert batch.read_bytes() == content
    assert batch.name.startswith("shop_events_")
    assert batch.suffix == ".ndjson"


def test_a_batch_lands_once_and_is_not_replaced(file: Path, landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed file is another batch, unless it is to have the id of one that is there."""
    named = ["--file", str(file), "--batch-id", "mine"]
    for arguments in (["--file", str(file)], named):
        assert [stream_events.main(arguments) for _ in range(2)] == [0, 0]
    before = (landing / "mine.ndjson").read_bytes()
    file.write_text("{}\n")
    assert stream_events.main(["--file", str(file)]) == 0
    assert stream_events.main(named) == 2
    assert "another batch mine is in" in capsys.readouterr().err
    assert (landing / "mine.ndjson").read_bytes() == before
    assert len(list(landing.iterdir())) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no line; write one event a line"),
        (b'{"a": 1}\n{"a": "\xfc"}\n', "is not UTF-8 in line 2 (byte 16); write it again as UTF-8"),
        (b'{"a": 1}\n"' + b"x" * 60 + b'"\n', "has 62 bytes in line 2; BigQuery takes at most 50: shorten the line"),
        (b'{"' + ("ü" * 26).encode(), "has 54 bytes in line 1"),
        (b'[{"a": 1}, {"a": 2}]\n', "has one JSON array; write one event a line"),
        (b'{\n  "a": 1\n}\n{\n  "a": 2\n}\n', "has JSON over several lines; write one event a line"),
        (b'{"items": [\n{"a": 1}\n]}', "has JSON over several lines; write one event a line"),
        (b"event_id,event_name\n1,x\n", "has no JSON object in any line; write one event a line"),
    ],
)
def test_files_that_cannot_be_sent(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(batch_module, "MAX_LINE_BYTES", 50)
    file.write_bytes(content)
    assert stream_events.main(["--file", str(file)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert f"{file} {message}" in output.err
    assert output.err.count("\n") == 1
    assert not (file.parent / "home").exists()


def test_what_is_no_file_or_no_id_is_refused(
    file: Path, landing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "none.ndjson", tmp_path):
        assert stream_events.main(["--file", str(path)]) == 2
        assert f"{path} is not a file; name a file of NDJSON" in capsys.readouterr().err
    for batch_id in ("../up", "a b", ".hidden", "x" * 101):
        assert stream_events.main(["--file", str(file), "--batch-id", batch_id]) == 2
    assert not landing.exists()


@pytest.mark.parametrize(
    ("changes", "purchases", "revenue"),
    [
        ([{}, {}, {"transaction_id": "T2", "value": "5.5"}], 2, "15.50"),
        ([{"transaction_id": None}, {"transaction_id": ""}], 2, "20.00"),
        ([{"currency": "EUR"}], 1, "0.00"),
        ([{"currency": " usd "}], 1, "10.00"),
        ([{"value": "much"}], 1, "0.00"),
        ([{"value": [1]}], 1, "0.00"),
        ([{"value": float("nan")}], 1, "0.00"),
        ([{"value": 0.1, "transaction_id": str(n)} for n in range(3)], 3, "0.30"),
        ([{"value": "1_0"}], 1, "0.00"),
        ([{"event_name": "refund"}], 0, "0.00"),
    ],
)
def test_its_figures(
    file: Path, capsys: pytest.CaptureFixture[str], changes: list[dict[str, object]], purchases: int, revenue: str
) -> None:
    file.write_text("".join(f"{json.dumps(ORDER | change)}\n" for change in changes))
    assert stream_events.main(["--file", str(file)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [f"Streaming {len(changes)} events...", f"  - Purchases: {purchases}", f"  - Revenue: ${revenue}"]


def test_lines_that_the_pipeline_sets_aside_do_not_count(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of a surrogate pair, in a field that is not read, is no UTF-8; a byte order mark is none of its line."""
    order = json.dumps(ORDER)
    file.write_text(f"\ufeff{order}\n" + order.replace('"T"', '"T2", "note": "\\ud83d"') + "\n", "utf-8")
    assert stream_events.main(["--file", str(file)]) == 0
    assert capsys.readouterr().out == "Streaming 1 events...\n  - Purchases: 1\n  - Revenue: $10.00\n"
