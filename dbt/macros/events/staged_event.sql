{#- The second half of both staging models: evidence, money and ids, from unpacked `fields` to the columns of
    event_columns(). Shared, so that an exported and a streamed event mean the same. -#}
{% macro staged_event(fields) %}
{{ without_deleted(fields) }},
{{ evidence_ctes('undeleted') }},
{{ rates_cte() }},
priced as (
    select
        e.*,
        r.usd_per_unit,
        sent.usd_per_unit as sent_usd_per_unit,
        {{ content_id([
            'user_pseudo_id', 'sent_user_id', 'event_at', 'event_name', 'event_bundle_sequence_id', 'batch_page_id',
            'batch_ordering_id', 'batch_event_index', 'page_location', 'sent_transaction_id', 'sent_cents',
        ]) }} as content_key
    from evidenced as e
    left join rates as r on {{ rate_holds('e.currency', 'r', utc_date('e.event_at')) }}
    left join rates as sent on {{ rate_holds('e.sent_currency', 'sent', utc_date('e.event_at')) }}
),
keyed as (
    select
        *,
        coalesce(event_id, content_key) as event_key,
        {{ usable_amount(has_amount('event_name')) }},
        {{ extra_amounts() }},
        {{ usable_items() }}
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
