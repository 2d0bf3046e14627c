-- Days without an event between an export table that no published run shows yet and the one before it: their tables did
-- not come, or came empty. The day of an intraday table is there.
{{ config(meta={'about_nobody': true}) }}
{%- set shards = 'select shard from ' ~ unpublished(ref('stg_ga_events'), 'shard') ~ ' as s' %}
{%- set day = 'right(shard, 8)' %}
with tables as (
    select distinct
        shard,
        cast(left({{ day }}, 4) || '-' || substr({{ day }}, 5, 2) || '-' || right(shard, 2) as date) as export_date
    from {{ whole(ref('stg_ga_events')) }}
),

days as (
    select export_date, max(case when shard in ({{ shards }}) then 1 else 0 end) as is_new
    from tables
    group by export_date
),

steps as (
    select export_date, is_new, lag(export_date) over (order by export_date) as last_before from days
)

select
    last_before,
    export_date as next_after,
    {{ dbt.datediff('last_before', 'export_date', 'day') }} - 1 as days_missing
from steps
where is_new = 1 and {{ dbt.datediff('last_before', 'export_date', 'day') }} > 1
