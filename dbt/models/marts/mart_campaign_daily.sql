-- One row a date, model, source, medium and campaign that earned something of the day or that money was spent on.
{{ config(
    meta={'replaces': 'conversion_date'},
    indexes=[{'columns': ['conversion_date']}],
    partition_by=by_day('conversion_date'),
    cluster_by=['model', 'channel'],
) }}
{{ earned_and_spent(['source', 'medium', 'campaign', 'channel_group', 'channel']) }}

select
    conversion_date, model, source, medium, campaign, channel, channel_group,
    conversions, revenue, net_revenue,
    spend,
    {{ returns() }},
    new_customers,
    clicks,
    impressions
from days
