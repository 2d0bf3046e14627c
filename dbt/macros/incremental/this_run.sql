{#- What this run of a model takes in, fixed before it reads: one row a pending batch and key. Everything later reads
    this table only, so that rows and journal entries that arrive meanwhile wait for the next run. -#}
{% macro this_run() %}{{ return(adapter.dispatch('this_run', 'attribution')()) }}{% endmacro %}
{% macro duckdb__this_run() %}{{ return('temp.' ~ this.identifier ~ '__this_run') }}{% endmacro %}
{% macro bigquery__this_run() %}
    {{- return(this.incorporate(path={'identifier': this.identifier ~ '__this_run'}) | string) -}}
{% endmacro %}

{#- The rows derived of them. -#}
{% macro new_rows() %}{{ return(adapter.dispatch('new_rows', 'attribution')()) }}{% endmacro %}
{% macro duckdb__new_rows() %}{{ return('temp.' ~ this.identifier ~ '__new_rows') }}{% endmacro %}
{% macro bigquery__new_rows() %}
    {{- return(this.incorporate(path={'identifier': this.identifier ~ '__dbt_tmp'})) -}}
{% endmacro %}

{#- Makes the table of this run. A rebuild is a batch of its own, so that the checks and the models below look at all
    its rows, old and new, even if nothing new has come. -#}
{% macro create_this_run() %}
    {%- set meta = model.config.meta -%}
    {%- if meta.replaces == 'shard' -%}
        {{ as_this_run() }}
        {{ changed_shards() }};
        {%- if not is_incremental() %}{{ journal_rebuilt('select distinct batch_id from ' ~ this_run()) }}{% endif %}
    {%- else -%}
        {%- if not is_incremental() %}{{ journal_rebuilt('select ' ~ new_id() ~ ' as batch_id') }}{% endif %}
        {{ as_this_run() }}
        {%- set batches = few_keys('select batch_id as key from pending') %}
        with pending as (
            {{ pending_batches() }}
            union distinct
            {{ unfinished_batches() }}
        )
        select p.batch_id, j.touched_key, j.from_at
        from pending as p
        left join {{ looked_up(journal(), 'batch_id in (' ~ batches ~ ')') }} as j
            on j.batch_id = p.batch_id and j.entry = '{{ meta.replaces }}';
        {{- set_partitions() }}
        {%- if meta.also and is_incremental() %}{{ context[meta.also]() }}{% endif %}
    {%- endif -%}
    {#- A table of an earlier version may lack a column; all below it is built anew then and waits for no keys. -#}
    {%- set before = load_cached_relation(this) if not is_incremental() else none -%}
    {%- set read = logged() + [meta.logged_at or meta.since] -%}
    {%- if logged() and before is not none
        and not read | reject('in', adapter.get_columns_in_relation(before) | map(attribute='name')) | list %}
    {%- if meta.replaces != 'shard' or meta.logs_as %}{{ journal_keys(looked_up(this, 'true')) }}{% endif %}
    {%- endif %}
{% endmacro %}

{% macro as_this_run() %}{{ return(adapter.dispatch('as_this_run', 'attribution')()) }}{% endmacro %}
{% macro duckdb__as_this_run() %}create or replace temp table {{ this_run() }} as{% endmacro %}
{#- In a BigQuery script that fails it would stay. -#}
{% macro bigquery__as_this_run() -%}
    create or replace table {{ this_run() }}
    options (expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour)) as
{%- endmacro %}

{#- The keys this run takes in, as a query of one column, key. -#}
{% macro this_run_keys() -%}
    {{- return('select touched_key as key from ' ~ this_run() ~ ' where touched_key is not null') -}}
{%- endmacro %}

{#- The journal's entries of the batches of this run. -#}
{% macro entries_this_run() -%}
    {%- set batches = few_keys('select batch_id as key from ' ~ this_run()) -%}
    {{- return(looked_up(journal(), 'batch_id in (' ~ batches ~ ')')) -}}
{%- endmacro %}

{#- Usage in a model: where {{ touched_only('person_id') }} -#}
{% macro touched_only(column) -%}
    {%- if is_incremental() -%}
        {{ column }} in (
            select {{ key_value('touched_key', column) }} from {{ this_run() }} where touched_key is not null
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- From when on an entry of this run (its alias) takes its key again; where it does not say, from before any accepted
    event, which are of 2000 or later (E4). -#}
{% macro begins_at(entry) %}coalesce({{ entry }}.from_at, 946684800000000){% endmacro %}

{#- Whether a row (its alias) is of a key of this run and not before the time from which that key is taken again, less a
    margin in microseconds; `at` is the column of its time, in microseconds or a date. -#}
{% macro in_this_run(row, key, at, margin=0) -%}
    {%- set from_at = begins_at('r') ~ ' - ' ~ margin -%}
    {%- if is_incremental() -%}
        exists (
            select 1 from {{ this_run() }} as r
            where r.touched_key = {{ row }}.{{ key }}
                and {{ row }}.{{ at }} >= {{ utc_date(from_at) if at.endswith('_date') else from_at }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- The rows of a table for which that holds, as a subquery. -#}
{% macro touched_rows(relation, key, at, margin=0) -%}
    {%- if is_incremental() -%}
        (
            select k.* from {{ looked_up(relation, touched_only(key)) }} as k
            where {{ in_this_run('k', key, at, margin) }}
        )
    {%- else -%}
        {{ looked_up(relation, 'true') }}
    {%- endif -%}
{%- endmacro %}

{#- The rows of this model's table that an increment replaces. -#}
{% macro replaced_rows() -%}
    {%- set of_keys = looked_up(this, touched_only(model.config.meta.replaces)) -%}
    (select o.* from {{ of_keys }} as o where true{{ and_since('o') }})
{%- endmacro %}

{#- Journal keys are text. Written, a date becomes text; compared, the key becomes a date, so that the column stays bare
    and its index can be used. -#}
{% macro key_text(column) %}
    {{- return('cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' if column.endswith('_date') else column) -}}
{% endmacro %}
{% macro key_value(key, column) %}
    {{- return('cast(' ~ key ~ ' as date)' if column.endswith('_date') else key) -}}
{% endmacro %}
