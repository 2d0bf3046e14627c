-- One row a refund, and whether there is an order that it reduces.
{{ config(meta={'replaces': 'person_id', 'also': 'order_mates' if by_shop() else none}) }}
with {{ order_events_cte(
    looked_up(ref('int_events'), touched_only('person_id')), shared=by_shop() and is_incremental()
) }},

orders as (
    select distinct {{ order_columns('transaction_id') }}
    from events
    where {{ is_conversion('event_name') }} and transaction_id is not null
)

select
    r.event_key as refund_key,
    r.person_id,
    r.transaction_id,
    r.event_at as refunded_at,
    coalesce(r.amount, 0) as amount,
    r.amount_issue,
    -- C3
    o.transaction_id is not null as is_matched
from events as r
left join orders as o on {{ same_order('o', 'r') }}
where r.event_name = 'refund' and {{ is_kept('r.event_at') }} and {{ touched_only('r.person_id') }}
