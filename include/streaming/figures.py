"""What a user's own batch holds, as its sender sees it."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from include.streaming.batch import Batch, BatchSummary


def figures(batch: Batch) -> BatchSummary:
    """Events, distinct orders (by transaction_id) and their worth in US dollars.

    Lines that are no JSON object do not count. An amount in another currency counts as 0: dbt's exchange rates decide.
    An order told twice counts as first told. The pipeline looks closer: it knows people and earlier orders (C1).
    """
    events = [event for line in batch.lines if (event := _event(line.text))]
    told: set[str] = set()
    orders, revenue = 0, Decimal(0)
    for event in (event for event in events if event.get("event_name") == "purchase"):
        order = str(event.get("transaction_id") or "").strip()
        if order not in told:
            told |= {order} if order else set()
            orders += 1
            revenue += _dollars(event)
    return BatchSummary(batch.batch_id, len(events), orders, revenue)


def _event(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _dollars(event: dict[str, Any]) -> Decimal:
    if str(event.get("currency") or "USD").strip().upper() != "USD":
        return Decimal(0)
    try:
        value = float(event.get("value") or 0)
    except (TypeError, ValueError):
        return Decimal(0)
    return Decimal(str(value)) if math.isfinite(value) else Decimal(0)
