-- One row an order of a person, less its refunds; an event without a transaction id is an order of its own.
{{ config(meta={
    'replaces': 'person_id',
    'logs': ['conversion_date', 'person_id'],
    'logged_at': 'converted_at',
    'also': 'order_mates',
}, partition_by={'field': 'conversion_date', 'data_type': 'date'}) }}
with {{ order_events_cte() }},

-- C1: the earliest event of an order counts
orders as (
    select
        *,
        coalesce('t' || transaction_id, 'e' || event_key) as order_key
    from events
    where {{ is_conversion('event_name') }}
    qualify row_number() over (partition by {{ order_columns('order_key') }} order by {{ event_order() }}) = 1
),

placed as (
    select
        *,
        -- C4
        max(case when {{ is_order('event_name', 'transaction_id') }} then 1 else 0 end) over (
            partition by person_id order by {{ event_order() }} rows between unbounded preceding and 1 preceding
        ) as ordered_before
    from orders
    -- after an order's events were put together, so that a later copy of an old one is no new order
    where {{ is_kept('event_at') }} and {{ touched_only('person_id') }}
),

refunds as (
    select {{ order_columns('transaction_id') }}, sum(amount) as refunded
    from events
    where event_name = 'refund' and transaction_id is not null
    group by {{ order_columns('transaction_id') }}
)

select
    {{ content_id(['o.person_id', 'o.order_key']) }} as conversion_id,
    o.person_id,
    o.transaction_id,
    o.event_name,
    o.event_at as converted_at,
    {{ utc_date('o.event_at') }} as conversion_date,
    coalesce(o.amount, 0) as revenue,
    -- C3: refunds reduce the net, never below 0
    case
        when r.refunded is null then coalesce(o.amount, 0)
        when r.refunded >= coalesce(o.amount, 0) then 0
        else o.amount - {{ money('r.refunded') }}
    end as net_revenue,
    o.amount_issue as revenue_issue,
    case when o.ordered_before = 1 then 'returning' else 'new' end as customer_type,
    o.shipping,
    o.tax,
    o.items,
    o.items_issue
from placed as o
left join refunds as r on {{ same_order('r', 'o') }}
