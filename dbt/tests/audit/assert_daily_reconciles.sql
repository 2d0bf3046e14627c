-- A channel's total of a day differs from the conversions credited to it: credit was lost, doubled or left behind.
with expected as (
    select
        conversion_date, model, channel,
        sum(credit) as conversions, sum(revenue) as revenue, sum(net_revenue) as net_revenue
    from {{ unpublished(ref('mart_attribution'), 'conversion_date') }} as a
    group by conversion_date, model, channel
    having sum(a.credit + a.revenue + a.net_revenue) > 0
),

daily as (
    select
        conversion_date, model, channel,
        sum(conversions) as conversions, sum(revenue) as revenue, sum(net_revenue) as net_revenue
    from {{ unpublished(ref('mart_channel_daily'), 'conversion_date') }} as d
    group by conversion_date, model, channel
)

select
    e.conversion_date, e.model, e.channel, e.conversions, e.revenue, e.net_revenue,
    d.conversion_date as daily_date, d.model as daily_model, d.channel as daily_channel,
    d.conversions as daily_conversions, d.revenue as daily_revenue, d.net_revenue as daily_net_revenue
from expected as e
full outer join daily as d on d.conversion_date = e.conversion_date and d.model = e.model and d.channel = e.channel
where e.conversions is distinct from d.conversions
    or e.revenue is distinct from d.revenue
    or e.net_revenue is distinct from d.net_revenue
