"""GA4's export tables, one Parquet file each: which are read (E3), and each row with its parameters flattened."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.oracle.landing import visible
from tests.oracle.model import (
    CLICK_IDS,
    ITEM_AMOUNTS,
    ITEM_NAMES,
    MICROSECONDS_A_DAY,
    Amounts,
    Campaign,
    Landed,
    Quarantined,
    SentItem,
)
from tests.oracle.money import sent_item, sent_number
from tests.oracle.text import text_of

_NAME = re.compile(
    r"(events_(fresh_|intraday_)?([0-9]{4})([0-9]{2})([0-9]{2}))([_-]?[0-9]{12}|[_-][0-9]+(-of-[0-9]+)?)?"
)
_KINDS = (None, "fresh_", "intraday_")
_ROWS_A_BATCH = 65_536
_EXACT_UP_TO = 2**53
_EPOCH = date(1970, 1, 1).toordinal()

_TEXT, _WHOLE, _NUMBER = pa.string(), pa.int64(), pa.float64()


def _record(kinds: Mapping[str, pa.DataType], *, nullable: bool = True) -> pa.DataType:
    """A record of these fields; where not nullable, a file must have them."""
    return pa.struct([pa.field(name, kind, nullable=nullable) for name, kind in kinds.items()])


_VALUE = _record({"string_value": _TEXT, "int_value": _WHOLE, "float_value": _NUMBER, "double_value": _NUMBER})
#: By the field of Amounts, that of `ecommerce`.
_MONEY = {
    "purchase_in_usd": "purchase_revenue_in_usd",
    "purchase": "purchase_revenue",
    "refund_in_usd": "refund_value_in_usd",
    "refund": "refund_value",
    "shipping_in_usd": "shipping_value_in_usd",
    "shipping": "shipping_value",
    "tax_in_usd": "tax_value_in_usd",
    "tax": "tax_value",
}
_COLLECTED = ("manual_source", "manual_medium", "manual_campaign_name")
_LAST_CLICK = ("source", "medium", "campaign_name")
#: The columns that the rules read, with what their values must be (E4).
_READ: dict[str, pa.DataType] = {
    "event_timestamp": _WHOLE,
    "event_name": _TEXT,
    "user_id": _TEXT,
    "user_pseudo_id": _TEXT,
    "event_bundle_sequence_id": _WHOLE,
    "batch_page_id": _WHOLE,
    "batch_ordering_id": _WHOLE,
    "batch_event_index": _WHOLE,
    "event_value_in_usd": _NUMBER,
    "device": _record({"category": _TEXT}),
    "ecommerce": _record({"transaction_id": _TEXT, **dict.fromkeys(_MONEY.values(), _NUMBER)}),
    "collected_traffic_source": _record(dict.fromkeys((*_COLLECTED, *CLICK_IDS), _TEXT)),
    "session_traffic_source_last_click": _record(
        {
            "cross_channel_campaign": _record(dict.fromkeys(_LAST_CLICK, _TEXT)),
            "manual_campaign": _record(dict.fromkeys(_LAST_CLICK, _TEXT)),
            "google_ads_campaign": _record({"campaign_name": _TEXT}),
        }
    ),
    "event_params": pa.list_(_record({"key": _TEXT, "value": _VALUE}, nullable=False)),
    "items": pa.list_(
        _record({**dict.fromkeys(ITEM_NAMES, _TEXT), "quantity": _WHOLE, **dict.fromkeys(ITEM_AMOUNTS, _NUMBER)})
    ),
}
_READ_PARAMETERS = ("page_location", "page_referrer", "source", "medium", "campaign", "currency", "value", *CLICK_IDS)


def read_ga4(folder: Path, conversion_events: Collection[str]) -> Iterator[Landed | Quarantined]:
    """The rows of every table that counts: of each date the daily table, else the fresh one, else the intraday one.

    A table that cannot be read replaces nothing. Items are read of the conversion events.
    """
    replaced: set[date] = set()
    tables: dict[tuple[int, date, str], list[Path]] = {}
    for name, path, is_parquet in _files(folder):
        table = _table(name) if is_parquet else None
        if table is None:
            yield Quarantined(name, "ga4", "unknown_name")
        else:
            tables.setdefault(table, []).append(path)
    for (_, day, table_name), paths in sorted(tables.items()):
        if day in replaced:
            continue
        try:
            rows = [row for path in paths for row in _read(path, table_name, day, conversion_events)]
        except TypeError:
            yield Quarantined(table_name, "ga4", "wrong_type")
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            yield Quarantined(table_name, "ga4", "unreadable")
        else:
            replaced.add(day)
            yield from rows


def _files(folder: Path) -> Iterator[tuple[str, Path, bool]]:
    """Each file, under its folder's name where that is a table's, and whether it is named as Parquet."""
    for path in visible(folder, ".parquet"):
        is_parquet = path.suffix.lower() == ".parquet"
        name = path.stem if is_parquet else path.name
        if path.is_file():
            yield name, path, is_parquet
        elif _NAME.fullmatch(name):
            for part in visible(path, ".parquet"):
                is_part = part.is_file() and part.suffix.lower() == ".parquet"
                yield name if is_part else f"{path.name}/{part.name}", part, is_part
        else:
            yield path.name, path, False


def _table(name: str) -> tuple[int, date, str] | None:
    """The kind of a table, its date and its name; None where the name is not that of an export table."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return _KINDS.index(match[2]), date(int(match[3]), int(match[4]), int(match[5])), match[1]
    except ValueError:
        return None


def exact(array: Any, wanted: pa.DataType) -> Any:  # noqa: ANN401 - arrays of any type
    """An array as the wanted type, no value changed; numbers (double) keep the type that they have.

    Raises TypeError where a value has no such type: text for a number, a fraction for a whole number or a text, a whole
    number wider than 64 bits or one of several that a double stands for.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    found = array.type
    if pa.types.is_null(found):
        return array.cast(wanted)
    if isinstance(wanted, pa.StructType):
        there = {field.name for field in found} if isinstance(found, pa.StructType) else set()
        if not isinstance(found, pa.StructType) or any(f.name not in there and not f.nullable for f in wanted):
            raise TypeError(f"{found} lacks a field")
        fields = [
            exact(pc.struct_field(array, f.name) if f.name in there else pa.nulls(len(array)), f.type) for f in wanted
        ]
        return pa.StructArray.from_arrays(fields, names=[f.name for f in wanted], mask=array.is_null())
    if isinstance(wanted, pa.ListType):
        if not isinstance(found, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
            raise TypeError(f"{found} is no list")
        lists = array.cast(pa.list_(found.value_type))
        return pa.ListArray.from_arrays(lists.offsets, exact(lists.values, wanted.value_type), mask=lists.is_null())
    return _leaf(array, wanted)


def _leaf(array: Any, wanted: pa.DataType) -> Any:  # noqa: ANN401
    found = array.type
    has_fraction = pa.types.is_floating(found) or pa.types.is_decimal(found)
    is_text = pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found)
    if not (has_fraction or pa.types.is_integer(found) or (is_text and wanted == _TEXT)):
        raise TypeError(f"{found} is no {wanted}")
    if wanted == _NUMBER:
        return array
    if pa.types.is_floating(found) and (pc.max(pc.abs(array)).as_py() or 0) > _EXACT_UP_TO:
        raise TypeError(f"a {found} of more than 53 bits")
    try:
        return array.cast(_WHOLE).cast(wanted) if has_fraction else array.cast(wanted)
    except pa.ArrowInvalid as error:
        raise TypeError(str(error)) from error


def _read(path: Path, table: str, day: date, conversion_events: Collection[str]) -> Iterator[Landed]:
    """Every row of a file. Raises TypeError where a type cannot hold its column, an Arrow error where it is no file."""
    arrived_at = (day.toordinal() - _EPOCH) * MICROSECONDS_A_DAY + MICROSECONDS_A_DAY * 3 // 2
    with pq.ParquetFile(path) as file:
        there = [name for name in _READ if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=_ROWS_A_BATCH, columns=there):
            columns = {
                name: exact(batch.column(name) if name in there else pa.nulls(batch.num_rows), kind)
                for name, kind in _READ.items()
            }
            listed, parameters = columns.pop("items"), _parameters(columns.pop("event_params"))
            values = zip(*(column.to_pylist() for column in columns.values()), strict=True)
            for items, named, row in zip(listed, parameters, values, strict=True):
                landed = _landed(dict(zip(columns, row, strict=True)), named, table, arrived_at)
                if landed.event_name in conversion_events:
                    landed = landed._replace(items=tuple(map(_item, items.as_py() or ())))
                yield landed


def _item(sent: dict[str, Any]) -> SentItem:
    return sent_item(sent, 1 if sent["quantity"] is None else sent["quantity"])


def _parameters(array: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """A dict of the parameters that are read for each row; of several with one key the first counts."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(array))]
    entries = array.flatten()
    wanted = pc.is_in(pc.struct_field(entries, "key"), value_set=pa.array(_READ_PARAMETERS))
    parents = pc.list_parent_indices(array).filter(wanted).to_pylist()
    for parent, entry in zip(parents, entries.filter(wanted).to_pylist(), strict=True):
        value = next((value for value in (entry["value"] or {}).values() if value is not None), None)
        rows[parent].setdefault(entry["key"], value)
    return rows


def _landed(sent: dict[str, Any], named: dict[str, Any], shard: str, arrived_at: int) -> Landed:
    """A row of these columns and parameters, its items left out."""
    money, collected = sent["ecommerce"] or {}, sent["collected_traffic_source"] or {}
    last_click = sent["session_traffic_source_last_click"] or {}
    theirs = [last_click.get(f"{kind}_campaign") or {} for kind in ("cross_channel", "manual", "google_ads")]
    by_field: dict[str, Any] = {name: sent_number(money.get(column)) for name, column in _MONEY.items()}
    amounts = Amounts(
        **by_field,
        event_in_usd=sent_number(sent["event_value_in_usd"]),
        value=sent_number(named.get("value")),
        currency=text_of(named.get("currency")),
    )
    return Landed(
        streamed=False,
        shard=shard,
        received_at=arrived_at,
        event_at=sent["event_timestamp"],
        event_name=text_of(sent["event_name"]),
        user_pseudo_id=text_of(sent["user_pseudo_id"]),
        user_id=text_of(sent["user_id"]),
        event_bundle_sequence_id=sent["event_bundle_sequence_id"],
        batch_page_id=sent["batch_page_id"],
        batch_ordering_id=sent["batch_ordering_id"],
        batch_event_index=sent["batch_event_index"],
        page_location=text_of(named.get("page_location")),
        page_referrer=text_of(named.get("page_referrer")),
        device_category=text_of((sent["device"] or {}).get("category")),
        transaction_id=text_of(money.get("transaction_id")),
        click_ids=frozenset(name for name in CLICK_IDS if text_of(collected.get(name)) or text_of(named.get(name))),
        collected=_campaign(collected, _COLLECTED),
        named=_campaign(named, ("source", "medium", "campaign")),
        ga4_session=_campaign(theirs[0], _LAST_CLICK) or _campaign(theirs[1], _LAST_CLICK),
        ads_campaign=text_of(theirs[2].get("campaign_name")),
        amounts=amounts if any(amount is not None for amount in amounts) else None,
    )


def _campaign(sent: dict[str, Any], names: tuple[str, ...]) -> Campaign | None:
    campaign = Campaign(*(text_of(sent.get(name)) for name in names))
    return campaign if campaign.is_present else None
