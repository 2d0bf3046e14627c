"""Edits of SQL text by the bytes they replace."""

from __future__ import annotations

Edit = tuple[int, int, str]  # bytes from, to, the new text


def apply(source: bytes, edits: list[Edit], start: int, end: int) -> str:
    """The text from `start` to `end` with the edits inside it; an edit within another's range is dropped."""
    out, at = [], start
    for first, last, new in sorted(edits, key=lambda e: (e[0], -e[1])):
        if first >= at and last <= end:
            out += [source[at:first].decode(), new]
            at = last
    return "".join([*out, source[at:end].decode()])
