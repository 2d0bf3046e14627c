"""What lies in a landing folder, what is set aside by its name (E4), and the streamed batches: one NDJSON file each."""

import codecs
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tests.oracle.model import CLICK_IDS, MICROSECONDS_A_MINUTE, Amounts, Campaign, Landed, Quarantined, SentItem
from tests.oracle.money import decimal_of, sent_item, sent_number
from tests.oracle.text import text_of


def visible(folder: Path, suffix: str) -> Iterator[Path]:
    """All but what begins with a dot, or with an underscore and lacks the suffix, in the order of names."""
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        if path.name[0] != "." and (path.name[0] != "_" or path.name.lower().endswith(suffix)):
            yield path


def by_stem(folder: Path, suffix: str) -> tuple[dict[str, Path], list[str]]:
    """Each file of the suffix by its stem; and the names of the rest, two files of one stem among them."""
    taken: dict[str, list[Path]] = {}
    unknown = []
    for path in visible(folder, suffix):
        if path.is_file() and path.suffix.lower() == suffix:
            taken.setdefault(path.stem, []).append(path)
        else:
            unknown.append(path.name)
    unknown += [stem for stem, paths in taken.items() if len(paths) > 1]
    return {stem: paths[0] for stem, paths in taken.items() if len(paths) == 1}, unknown


_INTEGER = re.compile(r"[+-]?[0-9]+")
_WIDEST = 2**63


def read_streamed(folder: Path, max_future_minutes: int, rows_from: int) -> Iterator[Landed | Quarantined]:
    """The rows of every batch file, in the order of their names; lines of blanks alone are no rows.

    An event that says it was received more than max_future_minutes after its file was written arrived with the file.
    rows_from: a line that is no JSON and landed before is not taken in (L4).
    """
    files, unknown = by_stem(folder, ".ndjson")
    for name in unknown:
        yield Quarantined(name, "streamed", "unknown_name")
    for path in files.values():
        written_at = path.stat().st_mtime_ns // 1000
        latest = written_at + max_future_minutes * MICROSECONDS_A_MINUTE
        content = path.read_bytes()
        if not _is_utf8(content):
            yield Quarantined(path.stem, "streamed", "unreadable")
            continue
        for line in (one.removeprefix(codecs.BOM_UTF8) for one in content.split(b"\n")):
            fields = _parse(line)
            if fields is not None:
                yield _row(fields, path.stem, written_at, latest)
            elif line.strip() and written_at >= rows_from:
                yield Quarantined(path.stem, "streamed", "not_json")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _parse(line: bytes) -> dict[str, object] | None:
    """The JSON object of a line. NaN and Infinity pass as numbers, so that a sale sent with one is not lost (C2)."""
    try:
        fields = json.loads(line.decode("utf-8"), parse_float=decimal_of, parse_constant=Decimal)
        # Half of a surrogate pair parses, but no text of it exists in UTF-8.
        json.dumps(fields, ensure_ascii=False, default=str).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _whole(value: object) -> int | None:
    """A field written as a whole number of 64 bits, bare or in quotes."""
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip(" ")):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WIDEST else None


def _amounts(fields: dict[str, object]) -> Amounts:
    value, shipping, tax = (sent_number(fields.get(name)) for name in ("value", "shipping", "tax"))
    return Amounts(value=value, currency=text_of(fields.get("currency")), shipping=shipping, tax=tax)


def _items(sent: object) -> tuple[tuple[SentItem, ...], str | None]:
    """The items, or why there are none where something was sent (C6)."""
    if sent is None:
        return (), None
    if not isinstance(sent, list):
        return (), "not_a_list"
    if not all(isinstance(item, dict) for item in sent):
        return (), "not_an_object"
    counts = (item.get("quantity") for item in sent)
    quantities = [1 if text_of(count) is None else _whole(count) for count in counts]
    return tuple(map(sent_item, sent, quantities)), None


def _row(fields: dict[str, object], shard: str, written_at: int, latest: int) -> Landed:
    received_at = _whole(fields.get("received_at"))
    items, issue = _items(fields.get("items"))
    return Landed(
        streamed=True,
        shard=shard,
        received_at=written_at if received_at is None or received_at > latest else received_at,
        event_at=_whole(fields.get("event_timestamp")),
        event_name=text_of(fields.get("event_name")),
        event_id=text_of(fields.get("event_id")),
        user_pseudo_id=text_of(fields.get("user_pseudo_id")),
        user_id=text_of(fields.get("user_id")),
        page_location=text_of(fields.get("page_location")),
        page_referrer=text_of(fields.get("page_referrer")),
        device_category=text_of(fields.get("device_category")),
        transaction_id=text_of(fields.get("transaction_id")),
        click_ids=frozenset(name for name in CLICK_IDS if text_of(fields.get(name)) is not None),
        named=Campaign(text_of(fields.get("source")), text_of(fields.get("medium")), text_of(fields.get("campaign"))),
        amounts=_amounts(fields),
        items=items,
        items_issue=issue,
    )
