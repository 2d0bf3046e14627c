-- A person, or under order_scope shop an order id, has more or fewer conversions than orders: revenue would be lost or
-- counted twice.
{%- set holder = "coalesce('t' || transaction_id, person_id)" if by_shop() else 'person_id' %}
{%- set open_orders = unpublished(ref('int_order_events'), 'person_id', whole=true) %}
{%- set open_conversions = unpublished(ref('int_conversions'), 'person_id', whole=true) %}
with events as (
    select * from {{ open_orders }} as e
    {%- if by_shop() %}
    union distinct
    select * from {{ ref('int_order_events') }} as e
    where transaction_id in (select o.transaction_id from {{ open_orders }} as o where o.transaction_id is not null)
    {%- endif %}
),

conversions as (
    select conversion_id, person_id, transaction_id from {{ open_conversions }} as c
    {%- if by_shop() %}
    union distinct
    select conversion_id, person_id, transaction_id from {{ ref('int_conversions') }} as c
    where transaction_id in (select e.transaction_id from events as e where e.transaction_id is not null)
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
),

-- events with an amount that int_order_events lacks
lost as (
    select e.person_id, count(*) as orders
    from {{ unpublished(ref('int_events'), 'person_id') }} as e
    where {{ has_amount('event_name') }}
        and not exists (
            select 1 from {{ ref('int_order_events') }} as o
            where o.event_key = e.event_key and o.person_id = e.person_id and o.event_name = e.event_name
        )
    group by e.person_id
)

select
    o.holder as holder_of_orders,
    o.orders,
    c.holder as holder_of_conversions,
    c.conversions
from ordered as o
full outer join converted as c on c.holder = o.holder
where o.orders is distinct from c.conversions
union all
select person_id, orders, null as holder_of_conversions, 0 as conversions from lost
