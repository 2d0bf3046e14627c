-- One row a date, model, source, medium and campaign: sums alone, for a report that adds up and divides by itself.
{{ config(materialized='view') }}
select
    conversion_date, model, channel, channel_group, source, medium, campaign,
    conversions, new_customers, revenue, net_revenue, spend, clicks, impressions
from {{ ref('mart_campaign_daily') }}
