-- A channel's total of a day differs from the conversions credited to it, or from the money spent on it: some was lost,
-- doubled or left behind.
{%- set spend = '(select *, spend_date as conversion_date from ' ~ ref('int_ad_spend') ~ ')' %}
with parts as (
    select conversion_date, model, channel, credit as conversions, revenue, net_revenue, 0 as spend
    from {{ unpublished(ref('mart_attribution'), 'conversion_date') }} as a
    union all
    select s.conversion_date, m.model, s.channel, 0 as conversions, 0 as revenue, 0 as net_revenue, s.spend
    from {{ unpublished(spend, 'conversion_date') }} as s
    cross join ({{ model_names() }}) as m
    where s.is_counted
),

expected as (
    select
        conversion_date, model, channel,
        sum(conversions) as conversions, sum(revenue) as revenue, sum(net_revenue) as net_revenue, sum(spend) as spend
    from parts as p
    group by conversion_date, model, channel
    having sum(p.conversions + p.revenue + p.net_revenue) > 0 or sum(p.spend) > 0
),

daily as (
    select
        conversion_date, model, channel,
        sum(conversions) as conversions, sum(revenue) as revenue, sum(net_revenue) as net_revenue,
        coalesce(sum(spend), 0) as spend
    from {{ unpublished(ref('mart_channel_daily'), 'conversion_date') }} as d
    group by conversion_date, model, channel
    -- what cost nothing and earned nothing may have been clicked
    having sum(d.conversions + d.revenue + d.net_revenue) > 0 or coalesce(sum(d.spend), 0) > 0
)

select
    e.conversion_date, e.model, e.channel, e.conversions, e.revenue, e.net_revenue, e.spend,
    d.conversion_date as daily_date, d.model as daily_model, d.channel as daily_channel,
    d.conversions as daily_conversions, d.revenue as daily_revenue, d.net_revenue as daily_net_revenue,
    d.spend as daily_spend
from expected as e
full outer join daily as d on d.conversion_date = e.conversion_date and d.model = e.model and d.channel = e.channel
where e.conversions is distinct from d.conversions
    or e.revenue is distinct from d.revenue
    or e.net_revenue is distinct from d.net_revenue
    or e.spend is distinct from d.spend
