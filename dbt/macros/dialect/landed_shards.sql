{#- What has landed and how to read it. DuckDB reads files of the landing folders, BigQuery tables of the export. -#}

{#- One row a shard: shard, path (DuckDB: its files), version. On DuckDB include/landing.py lists the files, as it does
    for the sensor. -#}
{% macro landed_shards() %}{{ return(adapter.dispatch('landed_shards', 'attribution')()) }}{% endmacro %}
{% macro duckdb__landed_shards() -%}
    {%- set listed = [this.identifier, var('start_date') or '', var('end_date') or ''] -%}
    select s.name as shard, s.path, s.version
    from (select unnest(landed_shards('{{ listed | join("', '") }}')) as s) as listed
{%- endmacro %}
{% macro bigquery__landed_shards() -%}
    {%- if this.identifier == 'stg_streamed_events' -%}
    select batch_id as shard, cast(date(min(received_at)) as string) as path, cast(count(*) as string) as version
    from {{ source('streamed', 'streamed_events') }}
    where received_at >= timestamp(date_sub(sight, interval 1 day))
    group by batch_id
    -- of a batch across the edge the later rows alone would look like a version of their own
    having date(min(received_at)) >= sight
    {%- elif this.identifier == 'stg_ad_spend' -%}
    {%- set spend = source('ad_spend', 'ad_spend') -%}
    select table_id as shard, cast(null as string) as path, cast(last_modified_time as string) as version
    from `{{ spend.database }}.{{ spend.schema }}.__TABLES__`
    where table_id = '{{ spend.identifier }}' and row_count > 0
    {%- else -%}
    select table_id as shard, cast(null as string) as path, cast(last_modified_time as string) as version
    from {{ export_list() }} as t
    where regexp_contains(table_id, r'^events_(fresh_|intraday_)?[0-9]{8}$')
        and right(table_id, 8) between '{{ (var("start_date") or "0000-00-00") | replace("-", "") }}'
            and '{{ (var("end_date") or "9999-99-99") | replace("-", "") }}'
    -- E3: a table hides those of its date that come after it; one that cannot be read hides nothing
    {%- set place = "case when starts_with(table_id, 'events_2') then 0"
        ~ " when starts_with(table_id, 'events_fresh_') then 1 else 2 end" %}
    qualify {{ place }} <= coalesce(min(
        if(table_id in (select p.shard from {{ export_problems() }} as p), null, {{ place }})
    ) over (partition by right(table_id, 8)), 2)
    {%- endif -%}
{%- endmacro %}
