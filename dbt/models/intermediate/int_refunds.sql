-- One row a refund, and whether there is an order that it reduces.
{{ config(meta={'replaces': 'person_id', 'also': 'order_mates'}) }}
with {{ order_events_cte() }},

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
