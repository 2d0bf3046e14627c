-- One row a path: the channels of a journey in order, and what became of the journeys that took it.
{{ config(materialized='view') }}
select
    path,
    channels,
    touchpoints,
    count(conversion_id) as conversions,
    count(*) - count(conversion_id) as journeys_without_conversion,
    {{ money('coalesce(sum(revenue), 0)') }} as revenue,
    {{ money('coalesce(sum(net_revenue), 0)') }} as net_revenue,
    {{ whole_quotient('sum(seconds_to_convert)', 'nullif(count(seconds_to_convert), 0)') }} as seconds_to_convert
from {{ ref('mart_journeys') }}
group by path, channels, touchpoints
