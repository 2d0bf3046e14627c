-- One row a pair of channels that touched the same conversions; a channel beside itself is all that it touched.
{{ config(materialized='view') }}
with touched as (
    select distinct conversion_id, channel from {{ ref('int_touchpoints') }}
)

select
    o.channel,
    b.channel as other_channel,
    count(*) as conversions,
    sum(case when l.channel = b.channel then 1 else 0 end) as closed_by_other,
    {{ money('sum(l.revenue)') }} as revenue,
    {{ money('sum(l.net_revenue)') }} as net_revenue
from touched as o
inner join touched as b on b.conversion_id = o.conversion_id
inner join {{ ref('mart_attribution_last') }} as l on l.conversion_id = o.conversion_id
group by o.channel, b.channel
