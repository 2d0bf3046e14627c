-- One row a conversion date, model and channel that earned something of the day.
{{ config(
    meta={'replaces': 'conversion_date'},
    indexes=[{'columns': ['conversion_date']}],
    partition_by=by_day('conversion_date'),
    cluster_by=['model', 'channel'],
) }}
with credits as (
    select * from {{ looked_up(ref('mart_attribution'), touched_only('conversion_date')) }} as a
)

select
    conversion_date,
    model,
    channel,
    sum(credit) as conversions,
    {{ money('sum(revenue)') }} as revenue,
    {{ money('sum(net_revenue)') }} as net_revenue,
    {{ money('null') }} as spend,
    {{ money('null') }} as roas
from credits as a
group by conversion_date, model, channel
having sum(a.credit + a.revenue + a.net_revenue) > 0
