"""The Arrow schemas of GA4's BigQuery export, one row an event: what one landed Parquet file looks like.

`SCHEMA_2021` is the public sample's (23 columns; ids that later became text are INT64 there), `SCHEMA_2026` today's
daily table, `INTRADAY_2026` today's intraday table, which lacks the columns that GA4 fills in only once a day.
Repeated fields are never null, as in BigQuery: a row without them carries an empty list.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_Columns = dict[str, pa.DataType]
_TEXT, _INT, _FLOAT = pa.string(), pa.int64(), pa.float64()

ONLY_DAILY = ("traffic_source", "user_ltv", "is_active_user", "publisher", "session_traffic_source_last_click")


def _all(kind: pa.DataType, names: str) -> _Columns:
    """`names`, separated by blanks, all of one type."""
    return dict.fromkeys(names.split(), kind)


def _fields(columns: _Columns) -> list[pa.Field[Any]]:
    return [pa.field(name, kind, nullable=not pa.types.is_list(kind)) for name, kind in columns.items()]


def _struct(columns: _Columns) -> pa.StructType:
    return pa.struct(_fields(columns))


def _texts(names: str) -> pa.StructType:
    return _struct(_all(_TEXT, names))


def _repeated(columns: _Columns) -> pa.ListType[Any]:
    return pa.list_(pa.field("element", _struct(columns), nullable=False))


_VALUE: _Columns = {"string_value": _TEXT, "int_value": _INT, "float_value": _FLOAT, "double_value": _FLOAT}
_SET_AT: _Columns = {"set_timestamp_micros": _INT}
_PARAM: _Columns = {"key": _TEXT, "value": _struct(_VALUE)}
_ITEM: _Columns = {
    **_all(_TEXT, "item_id item_name item_brand item_variant item_category"),
    **_all(_TEXT, "item_category2 item_category3 item_category4 item_category5"),
    **_all(_FLOAT, "price_in_usd price"),
    "quantity": _INT,
    **_all(_FLOAT, "item_revenue_in_usd item_revenue item_refund_in_usd item_refund"),
    **_all(_TEXT, "coupon affiliation location_id item_list_id item_list_name item_list_index"),
    **_all(_TEXT, "promotion_id promotion_name creative_name creative_slot"),
}
_LTV = _struct({"revenue": _FLOAT, "currency": _TEXT})
_APP = _texts("id version install_store firebase_app_id install_source")
_ECOMMERCE = _struct(
    {
        "total_item_quantity": _INT,
        **_all(_FLOAT, "purchase_revenue_in_usd purchase_revenue refund_value_in_usd refund_value"),
        **_all(_FLOAT, "shipping_value_in_usd shipping_value tax_value_in_usd tax_value"),
        "unique_items": _INT,
        "transaction_id": _TEXT,
    }
)


def _device(id_type: pa.DataType, web_info: str, **late: pa.DataType) -> pa.StructType:
    return _struct(
        {
            **_all(_TEXT, "category mobile_brand_name mobile_model_name mobile_marketing_name"),
            "mobile_os_hardware_model": id_type,
            **_all(_TEXT, "operating_system operating_system_version"),
            **_all(id_type, "vendor_id advertising_id"),
            **_all(_TEXT, "language is_limited_ad_tracking"),
            "time_zone_offset_seconds": _INT,
            **late,
            "web_info": _texts(web_info),
        }
    )


SCHEMA_2021 = pa.schema(
    _fields(
        {
            "event_date": _TEXT,
            "event_timestamp": _INT,
            "event_name": _TEXT,
            "event_params": _repeated(_PARAM),
            "event_previous_timestamp": _INT,
            "event_value_in_usd": _FLOAT,
            **_all(_INT, "event_bundle_sequence_id event_server_timestamp_offset"),
            **_all(_TEXT, "user_id user_pseudo_id"),
            "privacy_info": _struct({**_all(_INT, "analytics_storage ads_storage"), "uses_transient_token": _TEXT}),
            "user_properties": _repeated({"key": _INT, "value": _struct({**_all(_INT, " ".join(_VALUE)), **_SET_AT})}),
            "user_first_touch_timestamp": _INT,
            "user_ltv": _LTV,
            "device": _device(_INT, "browser browser_version"),
            "geo": _texts("continent sub_continent country region city metro"),
            "app_info": _APP,
            "traffic_source": _texts("medium name source"),
            "stream_id": _INT,
            "platform": _TEXT,
            "event_dimensions": _texts("hostname"),
            "ecommerce": _ECOMMERCE,
            "items": _repeated(_ITEM),
        }
    )
)

_CAMPAIGN = "campaign_id campaign_name source medium"
_SESSION_LAST_CLICK = _struct(
    {
        "manual_campaign": _texts(f"{_CAMPAIGN} term content source_platform creative_format marketing_tactic"),
        "google_ads_campaign": _texts("customer_id account_name campaign_id campaign_name ad_group_id ad_group_name"),
        "cross_channel_campaign": _texts(f"{_CAMPAIGN} source_platform default_channel_group primary_channel_group"),
        "sa360_campaign": _texts(
            f"{_CAMPAIGN} ad_group_id ad_group_name creative_format engine_account_name engine_account_type "
            "manager_account_name"
        ),
        "cm360_campaign": _texts(
            f"{_CAMPAIGN} account_id account_name advertiser_id advertiser_name creative_format creative_id "
            "creative_name creative_type creative_type_id creative_version placement_cost_structure placement_id "
            "placement_name rendering_id site_id site_name"
        ),
        "dv360_campaign": _texts(
            f"{_CAMPAIGN} advertiser_id advertiser_name creative_format creative_id creative_name exchange_id "
            "exchange_name insertion_order_id insertion_order_name line_item_id line_item_name partner_id partner_name"
        ),
    }
)

_COLLECTED = _texts(
    "manual_campaign_id manual_campaign_name manual_source manual_medium manual_term manual_content "
    "manual_source_platform manual_creative_format manual_marketing_tactic gclid dclid srsltid"
)

SCHEMA_2026 = pa.schema(
    _fields(
        {
            "event_date": _TEXT,
            "event_timestamp": _INT,
            "event_name": _TEXT,
            "event_params": _repeated(_PARAM),
            "event_previous_timestamp": _INT,
            "event_value_in_usd": _FLOAT,
            **_all(_INT, "event_bundle_sequence_id event_server_timestamp_offset event_original_occurrence_timestamp"),
            **_all(_TEXT, "user_id user_pseudo_id"),
            "privacy_info": _texts("analytics_storage ads_storage uses_transient_token"),
            "user_properties": _repeated({"key": _TEXT, "value": _struct({**_VALUE, **_SET_AT})}),
            "user_first_touch_timestamp": _INT,
            "user_ltv": _LTV,
            "device": _device(_TEXT, "browser browser_version hostname", **_all(_TEXT, "browser browser_version")),
            "geo": _texts("city country continent region sub_continent metro"),
            "app_info": _APP,
            "traffic_source": _texts("name medium source"),
            **_all(_TEXT, "stream_id platform"),
            "event_dimensions": _texts("hostname"),
            "ecommerce": _ECOMMERCE,
            "items": _repeated({**_ITEM, "item_params": _repeated(_PARAM)}),
            "collected_traffic_source": _COLLECTED,
            "is_active_user": pa.bool_(),
            **_all(_INT, "batch_event_index batch_page_id batch_ordering_id"),
            "session_traffic_source_last_click": _SESSION_LAST_CLICK,
            "publisher": _struct({"ad_revenue_in_usd": _FLOAT, **_all(_TEXT, "ad_format ad_source_name ad_unit_id")}),
        }
    )
)

INTRADAY_2026 = pa.schema([field for field in SCHEMA_2026 if field.name not in ONLY_DAILY])
