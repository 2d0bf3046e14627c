{#- DuckDB reads a constant list of files or a constant query, and a variable counts as one. The empty file keeps the
    list of batches non-empty. include/export_reader.py writes the query of the export's files. -#}
{% macro read_files_this_run() %}
    {%- set readable = 'version is not null and touched_key is not null' -%}
    {%- if this.identifier == 'stg_ga_events' %}
    {%- if is_incremental() %}
    {{ set_export_query(can_have_grown()) }}
    {{ find_grown_rows('select * from ' ~ source('ga4', 'events')) }}
    {%- endif %}
    {{ set_export_query(readable) }}
    {%- elif this.identifier == 'stg_streamed_events' %}
    set variable stg_streamed_events_files = (
        select list_append(coalesce(flatten(list(path order by path) filter ({{ readable }})), []), empty_batch())
        from {{ this_run() }}
    );
    -- DuckDB takes a file for one row, whatever its lines, and would build the joins with the seeds on the lines, of
    -- which most have no key: 200 MB of lines took 7 GB and could not spill
    set disabled_optimizers = 'build_side_probe_side';
    {%- endif %}
{% endmacro %}

{#- The query of the export's files whose shards are such. -#}
{% macro set_export_query(condition) %}
    set variable stg_ga_events_query = (
        select export_query(coalesce(
            list({'name': shard, 'path': path, 'version': version} order by shard) filter ({{ condition }}), []
        ))
        from {{ this_run() }}
    );
{% endmacro %}

{#- Puts back what it set. -#}
{% macro files_read() %}
    {%- if this.identifier == 'stg_streamed_events' %}reset disabled_optimizers;{% endif %}
{% endmacro %}
