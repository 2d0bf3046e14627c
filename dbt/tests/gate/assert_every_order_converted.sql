-- A person has more or fewer conversions than orders: an order's revenue would be lost or counted twice.
with orders as (
    select
        person_id,
        case when coalesce(transaction_id, '(not set)') = '(not set)' then event_key end as nameless_key,
        nullif(transaction_id, '(not set)') as named_id,
        min(event_at) as ordered_at
    from {{ unpublished(ref('int_events'), 'person_id') }} as e
    where {{ is_conversion('event_name') }}
    group by person_id, nameless_key, named_id
),

ordered as (
    select person_id, count(*) as orders from orders where {{ is_kept('ordered_at') }} group by person_id
),

converted as (
    select person_id, count(*) as conversions
    from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
    group by person_id
)

select
    o.person_id as person_of_orders,
    o.orders,
    c.person_id as person_of_conversions,
    c.conversions
from ordered as o
full outer join converted as c on c.person_id = o.person_id
where o.orders is distinct from c.conversions
