{#- The second half of both staging models: evidence, money and ids, from unpacked `fields` to the columns of
    event_columns(). Shared, so that an exported and a streamed event mean the same. -#}
{% macro staged_event(fields) %}
{{ evidence_ctes(fields) }},
{{ rates_cte() }},
priced as (
    select
        e.*,
        r.usd_per_unit,
        {{ content_id([
            'user_pseudo_id', 'user_id', 'event_at', 'event_name', 'event_bundle_sequence_id', 'batch_page_id',
            'batch_ordering_id', 'batch_event_index', 'page_location', 'transaction_id', 'sent_cents',
        ]) }} as content_key
    from evidenced as e
    left join rates as r on {{ rate_holds('e', 'r') }}
),
keyed as (
    select
        *,
        coalesce(event_id, content_key) as event_key,
        {{ usable_amount(has_amount('event_name')) }}
    from priced
),
devices as (
    select
        *,
        coalesce(user_pseudo_id, 'user:' || user_id, 'event:' || event_key) as device_key
    from keyed
)
select
    shard, line_number, reject_reason, payload,
    {{ event_columns() | join(', ') }}
from devices
{% endmacro %}

{#- What int_events takes from staging, in this order; copies of one event are told apart by it (semantics E1). -#}
{% macro event_columns() %}
    {{ return([
        'event_key', 'device_key', 'user_pseudo_id', 'user_id', 'event_at', 'received_at', 'event_name',
        'batch_page_id', 'batch_ordering_id', 'batch_event_index', 'event_bundle_sequence_id',
        'source', 'medium', 'campaign', 'source_rule', 'evidence', 'ga4_source', 'ga4_medium', 'ga4_campaign',
        'transaction_id', 'amount', 'amount_issue', 'device_category', 'page_location', 'page_referrer',
    ]) }}
{% endmacro %}

{#- Order of a person's events (semantics E2); ends in the unique key. -#}
{% macro event_order(alias='') -%}
    {%- set a = alias ~ '.' if alias else '' -%}
    {%- for c in ['event_at', 'batch_page_id', 'batch_ordering_id', 'batch_event_index', 'event_bundle_sequence_id', 'event_name', 'event_key'] -%}
    {{ a }}{{ c }} nulls first{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- Why a row is set aside (semantics E4), the first reason that holds. -#}
{% macro reject_reason(event_at, event_name, received_at) -%}
    case
        when {{ event_name }} is null then 'no_event_name'
        when {{ event_at }} is null then 'no_event_timestamp'
        when {{ event_at }} < 946684800000000 then 'event_timestamp_before_2000'
        when {{ event_at }} > {{ received_at }} + {{ micros(minutes=var('max_future_minutes')) }} then 'event_in_future'
    end
{%- endmacro %}

{#- The fields of a streamed event that are read (design contract); others are kept in payload. -#}
{% macro streamed_fields() %}
    {{ return([
        'event_id', 'event_timestamp', 'event_name', 'received_at', 'user_pseudo_id', 'user_id', 'source', 'medium',
        'campaign', 'page_location', 'page_referrer', 'gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'srsltid',
        'transaction_id', 'value', 'currency', 'device_category',
    ]) }}
{% endmacro %}
