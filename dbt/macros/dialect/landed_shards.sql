{#- What has landed and how to read it. DuckDB reads files of the landing folders, BigQuery tables of the export. -#}

{#- One row a shard: shard, path (DuckDB), version. On DuckDB include/landing.py lists the files, as for the sensor. -#}
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
    where table_id = '{{ spend.identifier }}'
    {%- else -%}
    select table_id as shard, cast(null as string) as path, cast(last_modified_time as string) as version
    from {{ export_list() }} as t
    where regexp_contains(table_id, r'^events_(intraday_)?[0-9]{8}$')
        and right(table_id, 8) between '{{ (var("start_date") or "0000-00-00") | replace("-", "") }}'
            and '{{ (var("end_date") or "9999-99-99") | replace("-", "") }}'
    -- E3: a daily table hides the intraday table of its date; one that cannot be read hides nothing
    qualify starts_with(table_id, 'events_2') or 0 = countif(
        starts_with(table_id, 'events_2') and table_id not in (select p.shard from {{ export_problems() }} as p)
    ) over (partition by right(table_id, 8))
    {%- endif -%}
{%- endmacro %}

{#- DuckDB reads a constant list of files, and a variable counts as one. The empty file keeps the list non-empty and,
    for exports, all columns known. -#}
{% macro after_pin_shards() %}{{ return(adapter.dispatch('after_pin_shards', 'attribution')()) }}{% endmacro %}
{% macro duckdb__after_pin_shards() -%}
    {%- if this.identifier == 'stg_ad_spend' -%}{{ return('') }}{%- endif %}
    set variable {{ this.identifier }}_files = (
        select list_append(
            coalesce(list(path order by path) filter (version is not null and problem is null), []),
            empty_shard('{{ this.identifier }}')
        )
        from {{ pin() }}
    );
{%- endmacro %}
{% macro bigquery__after_pin_shards() %}{% endmacro %}
