-- One row a date, model, source, medium and campaign that earned something of the day or that money was spent on.
{{ config(
    meta={
        'replaces': 'conversion_date', 'starts_if': 'fits_moved', 'also': 'stale_spend', 'then': 'remember_fits',
    },
    partition_by={'field': 'conversion_date', 'data_type': 'date'},
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
