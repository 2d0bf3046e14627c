-- A person has more or fewer conversions than orders: an order's revenue would be lost or counted twice.
with ordered as (
    select
        person_id,
        count(distinct nullif(transaction_id, '(not set)')) as named_orders,
        count(case when coalesce(transaction_id, '(not set)') = '(not set)' then 1 end) as nameless_orders
    from {{ unpublished(ref('int_events'), 'person_id') }} as e
    where {{ is_conversion('event_name') }}
    group by person_id
),

converted as (
    select person_id, count(*) as conversions
    from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
    group by person_id
)

select
    o.person_id as person_of_orders,
    o.named_orders + o.nameless_orders as orders,
    c.person_id as person_of_conversions,
    c.conversions
from ordered as o
full outer join converted as c on c.person_id = o.person_id
where o.named_orders + o.nameless_orders is distinct from c.conversions
