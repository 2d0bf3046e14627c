"""Rows in pieces of one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

_Row = TypeVar("_Row")

#: Of the rows in a request to BigQuery, which may have 10 MB with all that is around them.
MAX_REQUEST_BYTES = 9_500_000


def pieces(sized: Iterable[tuple[_Row, int]], most_rows: int | None = None) -> Iterator[list[_Row]]:
    """The rows, each given with its bytes, in pieces of at most MAX_REQUEST_BYTES and `most_rows` rows."""
    piece, size = list[_Row](), 0
    for row, length in sized:
        if piece and (size + length > MAX_REQUEST_BYTES or len(piece) == most_rows):
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += length
    if piece:
        yield piece
