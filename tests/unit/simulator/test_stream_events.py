"""The command: its three lines, its options, its exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from include import stream_events
from include.settings import PROJECT

THREE_LINES = r"Streaming {} events\.\.\.\n  - Purchases: \d+\n  - Revenue: \$\d{{1,3}}(,\d{{3}})*\.\d\d\n"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    for name in ("GA4_EXPORT", "DBT_TARGET"):
        monkeypatch.delenv(name, raising=False)


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
        (["--events", "-1"], "-1 is too small; the least is 0"),
        (["--bad", "many"], "'many' is not a whole number"),
        (["--file", "f", "--events", "0"], "--events does not go with --file"),
        (["--batch-id", "b"], "--batch-id needs --file"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        stream_events.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GCP_PROJECT", "", "GCP_PROJECT is not set"),
        ("DBT_TARGET", "oracle", "DBT_TARGET is 'oracle'"),
    ],
)
def test_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, message: str
) -> None:
    for name, right in {"DBT_TARGET": "bigquery", "GCP_PROJECT": "p", "GA4_DATASET": "p.d", variable: value}.items():
        monkeypatch.setenv(name, right)
    assert stream_events.main([]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err


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
