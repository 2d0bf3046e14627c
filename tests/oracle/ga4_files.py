"""GA4's export tables, one Parquet file each: which are read (E3), and each row with its parameters flattened."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.oracle.folders import visible
from tests.oracle.ga4_schema import (
    ITEMS,
    LEAVES,
    PARAMETER_VALUES,
    PARAMETERS,
    as_whole,
    check_items,
    exact,
    present_leaves,
)
from tests.oracle.landed import CLICK_IDS, ITEM_NAMES, Amounts, Landed, SentItem
from tests.oracle.model import MICROSECONDS_A_DAY, Campaign, Quarantined
from tests.oracle.money import sent_item, sent_number
from tests.oracle.text import text_of

_NAME = re.compile(
    r"(events_(fresh_|intraday_)?([0-9]{4})([0-9]{2})([0-9]{2}))([_-]?[0-9]{12}|[_-][0-9]+(-of-[0-9]+)?)?"
)
_KINDS = (None, "fresh_", "intraday_")
_READ_PARAMETERS = ("page_location", "page_referrer", "source", "medium", "campaign", "currency", "value", *CLICK_IDS)
_ROWS_A_BATCH = 65_536
_EPOCH = date(1970, 1, 1).toordinal()

Parameters = dict[str, str | int | float | Decimal]
_NO_PARAMETERS: Parameters = {}


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
        rows: list[Landed] = []
        for path in paths:
            read = _read(path, table_name, day, conversion_events)
            if isinstance(read, Quarantined):
                yield read
                break
            rows += read
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


def _read(path: Path, table: str, day: date, conversion_events: Collection[str]) -> list[Landed] | Quarantined:
    """Every row of a file, or the reason why its whole table is set aside."""
    arrived_at = (day.toordinal() - _EPOCH) * MICROSECONDS_A_DAY + MICROSECONDS_A_DAY * 3 // 2
    rows: list[Landed] = []
    try:
        with pq.ParquetFile(path) as file:
            columns = present_leaves(file.schema_arrow)
            for batch in file.iter_batches(batch_size=_ROWS_A_BATCH, columns=columns):
                listed: Any = batch.column(ITEMS) if ITEMS in columns else None
                if listed is not None:
                    check_items(listed.flatten())
                for place, row in enumerate(_rows(batch, columns, table, arrived_at)):
                    sold = listed is not None and row.event_name in conversion_events
                    rows.append(row._replace(items=_items(listed[place].as_py())) if sold else row)
    except TypeError:
        return Quarantined(table, "ga4", "wrong_type")
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return Quarantined(table, "ga4", "unreadable")
    return rows


def _column(batch: pa.RecordBatch, path: str) -> Sequence[Any]:
    name, *rest = path.split(".")
    array: Any = batch.column(name)
    for child in rest:
        array = pc.struct_field(array, child)
    return exact(array, LEAVES[path])


def _parameters(batch: pa.RecordBatch) -> list[Parameters]:
    """A dict of the parameters that are read for each row; of several with one key the first counts."""
    array: Any = batch.column(PARAMETERS)
    entries = array.flatten()
    keys = pc.struct_field(entries, "key").cast(pa.string())
    wanted = pc.is_in(keys, value_set=pa.array(_READ_PARAMETERS))
    values = pc.struct_field(entries, "value")
    kinds = [values.type.field(i).name for i in range(values.type.num_fields)]
    rows: list[Parameters] = [_NO_PARAMETERS] * batch.num_rows
    parents = pc.list_parent_indices(array).filter(wanted).to_pylist()
    choices = [
        exact(pc.struct_field(values, name), kind, wanted) for name, kind in PARAMETER_VALUES.items() if name in kinds
    ]
    for parent, key, *candidates in zip(parents, keys.filter(wanted).to_pylist(), *choices, strict=True):
        value = next((candidate for candidate in candidates if candidate is not None), None)
        if rows[parent] is _NO_PARAMETERS:
            rows[parent] = {}
        rows[parent].setdefault(key, value)
    return rows


def _items(sent: Sequence[Mapping[str, Any]] | None) -> tuple[SentItem, ...]:
    return tuple(
        sent_item(
            {**item, **{name: as_whole(item.get(name)) for name in ITEM_NAMES}},
            1 if item.get("quantity") is None else int(as_whole(item["quantity"]) or 0),
        )
        for item in sent or ()
    )


def _campaign(parts: Sequence[Any]) -> Campaign | None:
    campaign = Campaign(*map(text_of, parts))
    return campaign if campaign.is_present else None


def _rows(batch: pa.RecordBatch, columns: Sequence[str], shard: str, arrived_at: int) -> Iterator[Landed]:
    """The rows of one batch. The order of the names below is that of LEAVES."""
    leaves = [_column(batch, path) if path in columns else repeat(None, batch.num_rows) for path in LEAVES]
    parameters = _parameters(batch) if PARAMETERS in columns else repeat(_NO_PARAMETERS, batch.num_rows)
    for named, event_at, event_name, user_id, device, bundle, page_id, ordering_id, index, event_in_usd, *rest in zip(
        parameters, *leaves, strict=True
    ):
        category, transaction_id, purchase_in_usd, purchase, refund_in_usd, refund, *others = rest
        extras, sources = others[:4], others[4:]
        amounts = Amounts(
            sent_number(purchase_in_usd),
            sent_number(purchase),
            sent_number(refund_in_usd),
            sent_number(refund),
            sent_number(event_in_usd),
            sent_number(named.get("value")),
            text_of(named.get("currency")),
            *map(sent_number, extras),
        )
        found_clicks = [name for name, value in zip(CLICK_IDS, sources[3:9], strict=True) if text_of(value)]
        found_clicks += [name for name in CLICK_IDS if name in named and text_of(named[name])]
        yield Landed(
            streamed=False,
            shard=shard,
            received_at=arrived_at,
            event_at=event_at,
            event_name=text_of(event_name),
            user_pseudo_id=text_of(device),
            user_id=text_of(user_id),
            event_bundle_sequence_id=bundle,
            batch_page_id=page_id,
            batch_ordering_id=ordering_id,
            batch_event_index=index,
            page_location=text_of(named.get("page_location")),
            page_referrer=text_of(named.get("page_referrer")),
            device_category=text_of(category),
            transaction_id=text_of(transaction_id),
            click_ids=frozenset(found_clicks),
            collected=_campaign(sources[0:3]),
            named=_campaign([named.get(name) for name in ("source", "medium", "campaign")]),
            ga4_session=_campaign(sources[9:12]) or _campaign(sources[12:15]),
            ads_campaign=text_of(sources[15]),
            amounts=amounts if any(amount is not None for amount in amounts) else None,
        )
