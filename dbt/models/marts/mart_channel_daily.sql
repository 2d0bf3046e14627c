-- One row a date, model and channel that earned something of the day's conversions or that money was spent on.
{{ config(
    meta={'replaces': 'conversion_date'},
    indexes=[{'columns': ['conversion_date']}],
    partition_by=by_day('conversion_date'),
    cluster_by=['model', 'channel'],
) }}
{{ earned_and_spent(['channel']) }}

select
    conversion_date, model, channel,
    conversions, revenue, net_revenue,
    spend,
    {{ returns() }},
    new_customers,
    clicks,
    impressions
from days
