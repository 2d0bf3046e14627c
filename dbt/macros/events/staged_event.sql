{#- The second half of both staging models: evidence, money and ids, from unpacked `fields` to the columns of
    event_columns(). Shared, so that an exported and a streamed event mean the same.
    is_history: a shard may hold the past, sent afterwards (T4). -#}
{% macro staged_event(fields, is_history=false) %}
{{ without_deleted(fields) }},
{{ timed_ctes('undeleted', is_history) }},
{{ evidence_ctes('timed') }},
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
        {{ usable_amount(has_amount('event_name'), 'has_unknown_unit') }},
        {{ extra_amounts() }},
        {{ usable_items() }}
    from priced
),
devices as (
    select
        *,
        coalesce(user_pseudo_id, 'user:' || user_id, 'event:' || event_key) as device_key,
        case when reject_reason is null then {{ utc_date('event_at') }} else {{ rejected_day() }} end as event_date,
        {{ old_event_hash('event_at', 'received_at', 'event_key') }} as old_hash
    from keyed
)
select
    shard, line_number, row_hash, reject_reason, payload,
    {{ event_columns() | join(', ') }}
from devices
where old_hash is null or old_hash in (select k.event_hash from {{ kept_events() }} as k where k.event_hash is not null)
{% endmacro %}
