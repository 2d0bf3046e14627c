-- T3. A conversion's credits under a model do not sum to exactly 1, or what they earn not to its revenue to the cent:
-- money was lost or made up. Also a conversion that a model passed over, and credit of a conversion that is no more.
with models as ({{ models_by_date() }}),

conversions as (
    select c.conversion_id, m.model, c.revenue, c.net_revenue
    from {{ unpublished(ref('int_conversions'), 'person_id') }} as c
    inner join models as m on m.from_date <= c.conversion_date and m.until_date > c.conversion_date
),

credited as (
    select
        conversion_id, model,
        sum(credit) as credit, sum(revenue) as revenue, sum(net_revenue) as net_revenue,
        min(least(credit, revenue, net_revenue)) as least_amount
    from {{ unpublished(ref('mart_attribution'), 'person_id') }} as a
    group by conversion_id, model
)

select
    c.conversion_id, c.model, m.conversion_id as mart_conversion_id, m.model as mart_model, m.credit,
    c.revenue, m.revenue as mart_revenue, c.net_revenue, m.net_revenue as mart_net_revenue, m.least_amount
from conversions as c
full outer join credited as m on m.conversion_id = c.conversion_id and m.model = c.model
where m.credit is distinct from 1
    or m.revenue is distinct from c.revenue
    or m.net_revenue is distinct from c.net_revenue
    or m.least_amount < 0
