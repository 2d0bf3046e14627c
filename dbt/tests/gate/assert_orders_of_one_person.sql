-- Transaction ids that count as an order of several people: the order was reported by several devices that never logged
-- in, and is counted as often; or the shop's ids repeat.
{{ config(meta={'about_nobody': true}) }}
with shared as (
    select transaction_id, count(*) as orders, sum(revenue) as revenue
    from {{ ref('int_conversions') }}
    where transaction_id is not null
    group by transaction_id
    having count(distinct person_id) > 1
)

select
    count(*) as shared_orders,
    sum(orders) as conversions,
    sum(revenue) as revenue,
    'order_scope shop, where ids are unique' as remedy
from shared
having count(*) > 0
