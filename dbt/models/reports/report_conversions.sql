-- One row a conversion, model and touchpoint that earned something of it, with what is known of the conversion.
{{ config(materialized='view') }}
select
    a.conversion_id, a.transaction_id, a.event_name, a.converted_at, a.conversion_date, a.customer_type,
    a.model, a.position, a.touchpoints, a.touched_at,
    a.source, a.medium, a.campaign, a.channel, a.channel_group, a.device_category,
    a.credit, a.revenue, a.net_revenue,
    l.lookback_complete, l.revenue_issue
from {{ ref('mart_attribution') }} as a
inner join {{ ref('mart_attribution_last') }} as l on l.conversion_id = a.conversion_id
where a.credit > 0
