"""Files of the sources: what of ad spend is taken or set aside (A1), and that the schema of 2021 is the sample's."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from include.ad_spend import spend_problem, spend_rows
from include.ga4_schema import SCHEMA_2021
from include.landing import shard_problem

HEADER = "day,source,medium,cost"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"{HEADER}\n", None),
        ("\ufeffCost, Day ,SOURCE,medium\n".encode(), None),
        (f"{HEADER},spent,fee\n", "wrong_columns: unknown: spent, fee; name the columns day, source, "),
        ("day,source,medium\n", "wrong_columns: missing: cost; "),
        ("day;source;medium;cost\n", "wrong_columns: unknown: day;source;medium;cost; "),
        (f"{HEADER},cost\n", "wrong_columns: there twice: cost; "),
        (b"day,source,medium,cost\n2026-03-01,caf\xe9,x,1\n", "unreadable: not UTF-8 at byte 37; "),
        (f'{HEADER}\n2026-03-01,"a"b,x,1\n', "unreadable: no CSV ("),
    ],
)
def test_files(tmp_path: Path, content: str | bytes, problem: str | None) -> None:
    path = tmp_path / "spend.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = spend_problem(path)
    assert shard_problem("stg_ad_spend", [path]) == found
    assert found is None if problem is None else (found or "").startswith(problem)


def test_rows(tmp_path: Path) -> None:
    path = tmp_path / "spend.csv"
    path.write_text(f'{HEADER}\r\n2026-03-01,"a, ""b""",cpc,1\r\n , \r\n2026-03-02,a\n\n2026-03-03,"c\nd",,2\n')
    rows = [
        (row["line_number"], row["is_ragged"], row["day"], row["source"], row["medium"], row["cost"])
        for row in spend_rows(path)
    ]
    assert rows == [
        (2, False, "2026-03-01", 'a, "b"', "cpc", "1"),
        (4, True, "2026-03-02", "a", None, None),
        (7, False, "2026-03-03", "c\nd", None, "2"),
    ]
    assert {row["campaign"] for row in spend_rows(path)} == {None}


def test_a_file_that_is_gone_has_no_rows(tmp_path: Path) -> None:
    assert spend_rows(tmp_path / "gone.csv") == []
    assert (spend_problem(tmp_path / "gone.csv") or "").startswith("unreadable: No such file")


SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "ga4_sample"


def test_2021_equals_every_file_of_the_public_sample() -> None:
    files = sorted(SAMPLE.glob("events_*.parquet"))
    if not files:
        pytest.skip(f"no public sample at ../shared/{SAMPLE.name}")
    for file in files:
        assert pq.read_schema(file).equals(SCHEMA_2021), file.name
