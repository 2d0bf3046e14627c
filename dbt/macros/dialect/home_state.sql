{#- What is known beside the warehouse and outlives it (docs/semantics.md L3, L4), each as a subquery. DuckDB asks
    include/duckdb_plugin.py, which reads the home's files; BigQuery keeps two tables beside the models. -#}

{#- One row a tombstone: kind, key_hash, from_at, until_at, deleted_at (include/deletion/tombstones.py). -#}
{% macro tombstones() %}{{ return(adapter.dispatch('tombstones', 'attribution')()) }}{% endmacro %}
{% macro duckdb__tombstones() %}(select unnest(tombstone_list(), recursive := true)){% endmacro %}
{% macro bigquery__tombstones() -%}
    (
        select kind, key_hash, from_at, until_at, deleted_at
        from {{ api.Relation.create(
            database=target.database, schema=target.schema, identifier='deletion_tombstones'
        ) }}
    )
{%- endmacro %}

{#- One row: first_event_at and kept_from, null where nothing was ever dropped (include/history.py). -#}
{% macro kept_history() %}{{ return(adapter.dispatch('kept_history', 'attribution')()) }}{% endmacro %}
{% macro duckdb__kept_history() %}(select unnest(history_list(), max_depth := 2)){% endmacro %}
{% macro bigquery__kept_history() -%}
    (
        select min(first_event_at) as first_event_at, max(kept_from) as kept_from
        from {{ api.Relation.create(
            database=target.database, schema=target.schema, identifier='kept_history'
        ) }}
    )
{%- endmacro %}

{#- What is older than rows_from is not taken in, but the events whose hashes stand beside it (L4): one row without a
    hash and one a kept event; no row where nothing was ever dropped. -#}
{% macro kept_events() %}{{ return(adapter.dispatch('kept_events', 'attribution')()) }}{% endmacro %}
{% macro duckdb__kept_events() -%}
    (
        select h.rows_from, unnest(list_prepend(null, h.kept_events)) as event_hash
        from (select unnest(history_list(), max_depth := 2)) as h
        where h.rows_from is not null
    )
{%- endmacro %}
{% macro bigquery__kept_events() -%}
    (
        select rows_from, event_hash
        from {{ api.Relation.create(database=target.database, schema=target.schema, identifier='kept_events') }}
    )
{%- endmacro %}

{#- Makes these tables on BigQuery, and the streamed and the spend table, each where nobody made it yet; DuckDB has
    files (include/duckdb_plugin.py makes them). int_lookup of 0.1, which named people and their devices, goes. -#}
{% macro create_home_state() %}{{ return(adapter.dispatch('create_home_state', 'attribution')()) }}{% endmacro %}
{% macro duckdb__create_home_state() %}{% endmacro %}
{% macro bigquery__create_home_state() %}
    {%- set where = {'database': target.database, 'schema': target.schema} -%}
    {%- set tables = {
        api.Relation.create(identifier='deletion_tombstones', **where):
            '(kind string, key_hash string, from_at int64, until_at int64, deleted_at int64)',
        api.Relation.create(identifier='kept_history', **where): '(first_event_at int64, kept_from int64)',
        api.Relation.create(identifier='kept_events', **where): '(rows_from int64, event_hash string)',
        source('streamed', 'streamed_events'):
            '(batch_id string, line_number int64, payload string, received_at timestamp)
            partition by date(received_at) cluster by batch_id options (require_partition_filter = true)',
        source('ad_spend', 'ad_spend'): spend_table(),
    } -%}
    {%- for table, definition in tables.items()
        if adapter.get_relation(table.database, table.schema, table.identifier) is none %}
    create table if not exists {{ table }} {{ definition }};
    {%- endfor %}
    {%- if adapter.get_relation(target.database, target.schema, 'int_lookup') is not none %}
    drop table {{ api.Relation.create(identifier='int_lookup', **where) }};
    {%- endif %}
{% endmacro %}
