"""Receipts: which deletion requests were handled, when, and whether anything of theirs is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from include.deletion.resolve import Resolved
from include.store import Store, Table

DELETIONS = Table(
    "deletions",
    {
        "request_file": "text",
        "file_version": "text",
        "line": "integer",
        "key_hash": "text",
        "kind": "text",
        "handled_at": "timestamp",
        "staged_rows": "integer",
        "state": "text",
    },
    key=("request_file", "file_version", "line", "key_hash"),
)


def receipts(store: Store) -> set[tuple[str, str, int, str]]:
    """Request.receipt of every request that was ever handled."""
    store.make(DELETIONS)
    return {(row[0], row[1], row[2], row[3]) for row in store.rows(f"select {', '.join(DELETIONS.key)} from deletions")}  # noqa: S608


def record(store: Store, resolved: Sequence[Resolved], now: int) -> None:
    """A receipt for each request that has none yet; that of one that is handled again stays as it was.

    now: microseconds since 1970 UTC.
    """
    known = receipts(store)
    handled_at = datetime.fromtimestamp(now / 1_000_000, UTC).replace(tzinfo=None)
    for one in resolved:
        if one.request.receipt not in known:
            row = {"kind": one.request.kind, "handled_at": handled_at, "staged_rows": one.rows, "state": "open"}
            store.put(DELETIONS, {**dict(zip(DELETIONS.key, one.request.receipt, strict=True)), **row})
