"""A small hand-made landing folder, with seeds of its own, and what the oracle computes from it."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.oracle import Rules, Tables, compute

MINUTE, DAY = 60_000_000, 86_400_000_000
NOON = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()) * 1_000_000
SHARD = "events_20260310"

_SEEDS = {
    "search_engines": "host,engine\ngoogle.com,google\nbing.com,bing\n",
    "app_referrers": "app,source,medium\ncom.google.android.gm,gmail,email\n",
    "source_categories": (
        "source,category\ngoogle,search\nbing,search\nfacebook,social\nyoutube.com,video\nalibaba,shopping\n"
        "google shopping,shopping\nchatgpt.com,ai\n"
    ),
    "channel_rollup": (
        "channel_group,medium,channel\nPaid Search,,Paid Search\nPaid Other,cpc,Paid Search\nPaid Other,,Other\n"
        "Organic Search,,Organic Search\nReferral,,Referral\nEmail,,Email\nDirect,,Direct\nOrganic Social,,Social\n"
    ),
    "exchange_rates": (
        "currency,valid_from,usd_per_unit\nUSD,1970-01-01,1\nEUR,2026-01-01,1.10\nEUR,2026-03-10,1.2345\n"
        "EUR,2026-03-11,9\nBIG,2026-01-01,1000\n"
    ),
}


def streamed(event_id: str | None, at: int = 0, event_name: str = "page_view", **fields: object) -> dict[str, object]:
    """A streamed event `at` microseconds from NOON, on device d, received when it happened."""
    event: dict[str, object] = {
        "event_id": event_id,
        "event_timestamp": NOON + at,
        "event_name": event_name,
        "user_pseudo_id": "d",
        "received_at": NOON + at,
        **fields,
    }
    return {name: value for name, value in event.items() if value is not None}


def bought(event_id: str, at: int = 0, **fields: object) -> dict[str, object]:
    """A streamed purchase of 10 dollars, unless `fields` say otherwise."""
    return streamed(event_id, at, "purchase", **{"value": 10, **fields})


def exported(
    at: int = 0, event_name: str = "page_view", params: Mapping[str, object] | None = None, **columns: object
) -> dict[str, object]:
    """A row of GA4's export `at` microseconds from NOON, on device d. A list in `params` repeats the key."""
    kinds = {str: "string_value", int: "int_value", float: "double_value", type(None): "string_value"}
    pairs = [
        (key, one) for key, value in (params or {}).items() for one in (value if isinstance(value, list) else [value])
    ]
    return {
        "event_timestamp": NOON + at,
        "event_name": event_name,
        "user_pseudo_id": "d",
        "event_params": [{"key": key, "value": {kinds[type(value)]: value}} for key, value in pairs],
        **columns,
    }


class World:
    """A landing folder under `folder`."""

    def __init__(self, folder: Path) -> None:
        """Make the folders and write the seeds."""
        self.ga4, self.streamed, self.seeds = folder / "ga4", folder / "streamed", folder / "seeds"
        for path in (self.ga4, self.streamed, self.seeds):
            path.mkdir()
        for name, text in _SEEDS.items():
            (self.seeds / f"{name}.csv").write_text(text, encoding="utf-8")

    def stream(self, *events: dict[str, object] | str | bytes, batch: str = "b1") -> None:
        """Write one batch; a text or bytes is a line as it is."""
        lines = [json.dumps(event) if isinstance(event, dict) else event for event in events]
        encoded = [line.encode("utf-8") if isinstance(line, str) else line for line in lines]
        (self.streamed / f"{batch}.ndjson").write_bytes(b"".join(line + b"\n" for line in encoded))

    def table(self, rows: Iterable[Mapping[str, Any]], name: str = SHARD, schema: pa.Schema | None = None) -> None:
        """Write one export table with just the columns of its rows, or with a whole schema."""
        rows = list(rows)
        names = dict.fromkeys(column for row in rows for column in row)
        filled = [{column: row.get(column) for column in names} for row in rows]
        pq.write_table(pa.Table.from_pylist(filled, schema=schema), self.ga4 / f"{name}.parquet")

    def tables(self, **settings: Any) -> Tables:  # noqa: ANN401 - settings of several types, checked by Rules
        """What the oracle computes."""
        return compute(self.ga4, self.streamed, Rules(**settings), self.seeds)
