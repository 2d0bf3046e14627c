-- One row a rejected row or file, with the reason; nothing is dropped in silence.
{{ config(materialized='view') }}
with files as (
    select model, touched_key as shard, entry, detail
    from {{ journal() }}
    where entry in ('shard', 'rejected')
    qualify row_number() over (partition by model, touched_key order by seq desc) = 1
)

{% for staged in ['stg_ga_events', 'stg_streamed_events'] -%}
select
    '{{ staged }}' as model,
    shard,
    line_number,
    reject_reason as reason,
    cast(null as {{ dbt.type_string() }}) as detail,
    -- every row counts; what those after the first thousand hold stands in the landing zone
    case
        when row_number() over (partition by shard, reject_reason order by line_number, payload) <= 1000 then payload
    end as payload
from {{ ref(staged) }}
where reject_reason is not null and event_date = {{ rejected_day() }}
union all
{% endfor -%}
select
    'stg_ad_spend' as model,
    shard,
    line_number,
    reject_reason as reason,
    cast(null as {{ dbt.type_string() }}) as detail,
    payload
from {{ ref('stg_ad_spend') }}
where reject_reason is not null
union all
select
    'stg_ad_spend' as model,
    shard,
    line_number,
    'duplicate_spend' as reason,
    cast(null as {{ dbt.type_string() }}) as detail,
    payload
from {{ ref('int_ad_spend') }}
where not is_counted
union all
select
    model,
    shard,
    null as line_number,
    {{ regexp_first('detail', '^([a-z_]+):') }} as reason,
    detail,
    null as payload
from files
where entry = 'rejected'
