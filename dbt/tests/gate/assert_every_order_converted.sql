-- A person, or under order_scope shop an order id, has more or fewer conversions than orders: revenue would be lost or
-- counted twice.
{%- set holder = "coalesce('t' || transaction_id, person_id)" if by_shop() else 'person_id' %}
{%- set unpublished_ones = unpublished(ref('int_conversions'), 'person_id') %}
with {{ order_events_cte(unpublished(ref('int_events'), 'person_id'), shared=by_shop()) }},

conversions as (
    select conversion_id, person_id, transaction_id from {{ unpublished_ones }} as c
    {%- if by_shop() %}
    union distinct
    select conversion_id, person_id, transaction_id
    from {{ of_orders(ref('int_conversions'), 'select transaction_id as key from events') }} as o
    {%- endif %}
),

orders as (
    select
        {{ holder }} as holder,
        coalesce('t' || transaction_id, 'e' || event_key) as order_key,
        min(event_at) as ordered_at
    from events
    where {{ is_conversion('event_name') }}
    group by holder, order_key
),

ordered as (
    select holder, count(*) as orders from orders where {{ is_kept('ordered_at') }} group by holder
),

converted as (
    select {{ holder }} as holder, count(*) as conversions from conversions group by holder
)

select
    o.holder as holder_of_orders,
    o.orders,
    c.holder as holder_of_conversions,
    c.conversions
from ordered as o
full outer join converted as c on c.holder = o.holder
where o.orders is distinct from c.conversions
