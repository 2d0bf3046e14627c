-- Days without an event between an export table that no published run shows yet and the one before it: their tables did
-- not come or came empty (days_missing), or stand in quarantine (days_set_aside). An intraday table is a day.
{{ config(meta={'about_nobody': true}) }}
{%- set shards = 'select shard from ' ~ unpublished(ref('stg_ga_events'), 'shard') ~ ' as s' %}
with tables as (
    select distinct shard, 1 as is_there from {{ ref('stg_ga_events') }}
    union all
    select distinct shard, 0 as is_there from {{ ref('int_quarantine') }}
    where model = 'stg_ga_events' and reason <> 'unknown_name'
),

dated as (
    select shard, is_there, {{ regexp_first('shard', '^events_(?:[a-z]+_)?([0-9]{8})') }} as digits from tables
),

days as (
    select
        cast(left(digits, 4) || '-' || substr(digits, 5, 2) || '-' || right(digits, 2) as date) as export_date,
        max(is_there) as is_there,
        max(case when is_there = 1 and shard in ({{ shards }}) then 1 else 0 end) as is_new
    from dated
    group by digits
),

running as (
    select *, sum(1 - is_there) over (order by export_date rows unbounded preceding) as set_aside from days
),

steps as (
    select
        export_date,
        is_new,
        lag(export_date) over (order by export_date) as last_before,
        set_aside - lag(set_aside) over (order by export_date) as days_set_aside
    from running
    where is_there = 1
)

select
    last_before,
    export_date as next_after,
    {{ dbt.datediff('last_before', 'export_date', 'day') }} - 1 - days_set_aside as days_missing,
    days_set_aside
from steps
where is_new = 1 and {{ dbt.datediff('last_before', 'export_date', 'day') }} > 1
