-- One row a journey that converted: its path, its length and what it brought.
{{ config(materialized='view') }}
select
    conversion_id,
    converted_at,
    cast(converted_at as date) as conversion_date,
    path,
    channels,
    touchpoints,
    seconds_to_convert / 86400 as days_to_convert,
    revenue,
    net_revenue
from {{ ref('mart_journeys') }}
where conversion_id is not null
