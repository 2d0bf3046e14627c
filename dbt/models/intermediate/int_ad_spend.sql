-- One row an accepted row of ad spend; of several of one day and campaign one counts (A2).
{{ config(materialized='view') }}
select
    shard, line_number, payload, spend_date, source, medium, campaign, channel_group, channel, spend, clicks,
    impressions,
    row_number() over (
        partition by spend_date, source, medium, campaign
        order by
            shard desc, line_number asc nulls first, spend asc, clicks asc nulls first, impressions asc nulls first,
            payload asc
    ) = 1 as is_counted
from {{ ref('stg_ad_spend') }}
where reject_reason is null
