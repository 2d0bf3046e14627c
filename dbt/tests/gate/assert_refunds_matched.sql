-- Refunds that have no order to reduce (C3): sent without its id, or under another id or client id.
{{ config(meta={'about_nobody': true}) }}
select
    case when transaction_id is null then 'no order id' else 'no such order' end as reason,
    count(*) as refunds,
    sum(amount) as amount,
    case
        when transaction_id is null then 'send transaction_id with the refund'
        else '{{ "look for the order id" if by_shop() else "order_scope shop, where ids are unique" }}'
    end as remedy
from {{ ref('int_refunds') }}
where not is_matched
group by reason, remedy
order by reason
