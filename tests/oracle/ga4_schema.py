"""The columns of a GA4 export table that the rules read, and whether a file's types can hold their values (E4)."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tests.oracle.landed import CLICK_IDS, ITEM_AMOUNTS, ITEM_NAMES

TEXT, WHOLE, NUMBER = "text", "whole", "number"

LEAVES: dict[str, str] = {
    "event_timestamp": WHOLE,
    "event_name": TEXT,
    "user_id": TEXT,
    "user_pseudo_id": TEXT,
    "event_bundle_sequence_id": WHOLE,
    "batch_page_id": WHOLE,
    "batch_ordering_id": WHOLE,
    "batch_event_index": WHOLE,
    "event_value_in_usd": NUMBER,
    "device.category": TEXT,
    "ecommerce.transaction_id": TEXT,
    "ecommerce.purchase_revenue_in_usd": NUMBER,
    "ecommerce.purchase_revenue": NUMBER,
    "ecommerce.refund_value_in_usd": NUMBER,
    "ecommerce.refund_value": NUMBER,
    "ecommerce.shipping_value_in_usd": NUMBER,
    "ecommerce.shipping_value": NUMBER,
    "ecommerce.tax_value_in_usd": NUMBER,
    "ecommerce.tax_value": NUMBER,
    "collected_traffic_source.manual_source": TEXT,
    "collected_traffic_source.manual_medium": TEXT,
    "collected_traffic_source.manual_campaign_name": TEXT,
    **{f"collected_traffic_source.{name}": TEXT for name in CLICK_IDS},
    **{
        f"session_traffic_source_last_click.{campaign}.{part}": TEXT
        for campaign in ("cross_channel_campaign", "manual_campaign")
        for part in ("source", "medium", "campaign_name")
    },
    "session_traffic_source_last_click.google_ads_campaign.campaign_name": TEXT,
}
ITEMS = "items"
ITEM_LEAVES = {
    **dict.fromkeys(ITEM_NAMES, TEXT),
    "quantity": WHOLE,
    **dict.fromkeys(ITEM_AMOUNTS, NUMBER),
}
_OTHER_ITEM_LEAVES = {
    **dict.fromkeys((f"item_category{place}" for place in range(2, 6)), TEXT),
    **dict.fromkeys(
        ("coupon", "affiliation", "location_id", "item_list_id", "item_list_name", "item_list_index"), TEXT
    ),
    **dict.fromkeys(("promotion_id", "promotion_name", "creative_name", "creative_slot"), TEXT),
    **dict.fromkeys(("item_refund_in_usd", "item_refund"), NUMBER),
}
_ITEM_PARAMETERS = "item_params"
_EXACT_UP_TO, _WIDEST = 2**53, 2**63
PARAMETERS = "event_params"
PARAMETER_VALUES = {"string_value": TEXT, "int_value": WHOLE, "float_value": NUMBER, "double_value": NUMBER}


def present_leaves(schema: pa.Schema) -> list[str]:
    """The paths to read from a file of this schema; a column it lacks is None in every row.

    Raises:
        TypeError: a column that is read has a type that cannot hold its values.
    """
    fields = {field.name: field.type for field in schema}
    paths = [path for path, kind in LEAVES.items() if _has(fields, path, kind)]
    if PARAMETERS in fields and _has_parameters(fields[PARAMETERS]):
        paths.append(PARAMETERS)
    if ITEMS in fields and _has_items(fields[ITEMS]):
        paths.append(ITEMS)
    return paths


def _has(fields: dict[str, pa.DataType], path: str, kind: str) -> bool:
    name, _, rest = path.partition(".")
    if name not in fields or pa.types.is_null(fields[name]):
        return False
    if rest:
        return _has(_children(fields[name], name), rest, kind)
    if not _holds(fields[name], kind):
        raise TypeError(f"{path} has the type {fields[name]}")
    return True


def _children(struct: pa.DataType, name: str) -> dict[str, pa.DataType]:
    if not isinstance(struct, pa.StructType):
        raise TypeError(f"{name} has the type {struct}")
    return {field.name: field.type for field in struct}


def _holds(found: pa.DataType, kind: str) -> bool:
    if pa.types.is_dictionary(found):
        return _holds(found.value_type, kind)
    if pa.types.is_integer(found):
        return True
    if kind == TEXT and (
        pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found)
    ):
        return True
    return pa.types.is_floating(found) or pa.types.is_decimal(found)


def as_whole(value: float | Decimal | str | None) -> int | str | None:
    """A number as the whole number it is; text as it is.

    Raises:
        TypeError: it has a fraction, or is one of several that a floating-point number stands for.
    """
    if value is None or isinstance(value, str):
        return value
    if not math.isfinite(value) or value != int(value) or (isinstance(value, float) and abs(value) > _EXACT_UP_TO):
        raise TypeError(f"{value} is no whole number")
    return int(value)


def exact(array: Any, kind: str, of: Any = None) -> Sequence[Any]:  # noqa: ANN401 - an array of any type
    """The values of a leaf, all of them checked, those where `of` is true returned.

    Raises:
        TypeError: as as_whole; a whole number is wider than 64 bits.
    """
    chosen: list[Any] = (array if of is None else array.filter(of)).to_pylist()
    if kind == NUMBER or not (pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)):
        wide = kind == WHOLE and pa.types.is_uint64(array.type)
    else:
        wide = kind == WHOLE
        for value in array.to_pylist():
            as_whole(value)
        chosen = [as_whole(value) for value in chosen]
    if wide and any(value is not None and abs(value) >= _WIDEST for value in array.to_pylist()):
        raise TypeError(f"{array.type} holds a number of more than 64 bits")
    return chosen


def check_items(items: Any) -> None:  # noqa: ANN401
    """Check the values of every field of the items, as exact does; a list is read whole."""
    there = {field.name for field in items.type} if isinstance(items.type, pa.StructType) else set()
    for name, kind in {**ITEM_LEAVES, **_OTHER_ITEM_LEAVES}.items():
        if name in there:
            exact(pc.struct_field(items, name), kind)


def _members(found: pa.DataType, name: str) -> dict[str, pa.DataType] | None:
    """The fields of the records in a list; None where the column holds nothing."""
    if pa.types.is_null(found):
        return None
    if not isinstance(found, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        raise TypeError(f"{name} has the type {found}")
    return None if pa.types.is_null(found.value_type) else _children(found.value_type, name)


def _has_items(found: pa.DataType) -> bool:
    fields = _members(found, ITEMS)
    if fields is None:
        return False
    if _ITEM_PARAMETERS in fields:
        _has_parameters(fields[_ITEM_PARAMETERS], needed=False)
    return sum(_has(fields, name, kind) for name, kind in {**ITEM_LEAVES, **_OTHER_ITEM_LEAVES}.items()) > 0


def _has_parameters(found: pa.DataType, *, needed: bool = True) -> bool:
    fields = _members(found, PARAMETERS)
    if fields is None:
        return False
    if needed and ("key" not in fields or "value" not in fields):
        raise TypeError(f"{PARAMETERS} has no key or no value")
    for name, kind in {"key": TEXT, **{f"value.{name}": kind for name, kind in PARAMETER_VALUES.items()}}.items():
        _has(fields, name, kind)
    return True
