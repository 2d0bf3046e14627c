-- One row a landed row of ad spend, rejected ones included; of a day and campaign that stand twice both are here.
{{ config(
    meta={
        'replaces': 'shard', 'logs': 'spend_date', 'logs_as': 'conversion_date', 'logged_at': 'spend_date',
        'beside': none,
    },
    partition_by=none,
    cluster_by=['spend_date'],
) }}
with lines as (
    {{ spend_lines() }}
),

texts as (
    select
        shard, line_number, is_ragged,
        {%- for column in spend_columns() %}
        {{ text_or_null(column) }} as {{ column }}_text,
        {%- endfor %}
        {{ row_json(spend_columns()) }} as payload
    from lines
),

typed as (
    select
        *,
        {{ try_date('day_text') }} as spend_date,
        coalesce(source_text, '(not set)') as source,
        coalesce(medium_text, '(not set)') as medium,
        coalesce(campaign_text, '(not set)') as campaign,
        coalesce(upper(currency_text), 'USD') as currency,
        {{ try_float('cost_text') }} as raw_amount,
        cost_text as amount_text,
        {{ try_whole('clicks_text') }} as clicks,
        {{ try_whole('impressions_text') }} as impressions
    from texts
),

{{ rates_cte() }},

priced as (
    select t.*, r.usd_per_unit
    from typed as t
    left join rates as r on {{ rate_holds('t.currency', 'r', 't.spend_date') }}
),

valued as (
    select *, {{ usable_amount('true') }} from priced
),

judged as (
    select
        *,
        case
            when is_ragged then 'wrong_fields'
            when spend_date is null then 'unreadable_day'
            when source_text is null and medium_text is null then 'no_source'
            when amount_issue is not null then 'cost_' || amount_issue
            when clicks < 0 or impressions < 0
                or (clicks is null and clicks_text is not null)
                or (impressions is null and impressions_text is not null) then 'unreadable_count'
        end as reject_reason
    from valued
),

{{ channel_ctes('select source, medium, campaign from judged where reject_reason is null') }}

select
    j.shard, j.line_number, j.reject_reason, j.payload,
    j.spend_date, j.source, j.medium, j.campaign,
    c.channel_group, c.channel,
    j.amount as spend, j.clicks, j.impressions
from judged as j
left join channels as c
    on j.reject_reason is null and c.source = j.source and c.medium = j.medium and c.campaign = j.campaign
