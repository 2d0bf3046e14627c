{#- What this run of a model takes in, fixed before it reads: one row a key and span of the batches that are pending, or
    of a staging model a row a shard. Everything later reads this table only, so that rows and journal entries that
    arrive meanwhile wait for the next run. -#}
{% macro this_run() %}{{ return(beside('__this_run')) }}{% endmacro %}

{#- The rows derived of them. -#}
{% macro new_rows() %}{{ return(beside('__new_rows')) }}{% endmacro %}

{#- A table that a model's script makes for itself: a temporary one, which ends with the script. -#}
{% macro beside(suffix) %}{{ return(this.identifier ~ suffix) }}{% endmacro %}
{% macro create_beside(table) %}create or replace temp table {{ table }} as{% endmacro %}

{#- Finds the batches of this run. A rebuild is a batch of its own, so that the checks and the models below look at all
    its rows, old and new, even if nothing new has come. -#}
{% macro find_batches() %}
    {%- set meta = model.config.meta -%}
    {%- if meta.replaces == 'shard' -%}
        {{ create_beside(this_run()) }}
        {{ changed_shards() }};
        {%- if not is_incremental() %}{{ journal_rebuilt('select distinct batch_id from ' ~ this_run()) }}{% endif %}
        {{ set_batches('select batch_id from ' ~ this_run()) }}
    {%- else -%}
        {%- if not is_incremental() %}{{ journal_rebuilt('select ' ~ new_id() ~ ' as batch_id') }}{% endif %}
        {%- set pending %}
            {{ pending_batches() }}
            union distinct
            {{ unfinished_batches() }}
            {%- if meta.starts_if and is_incremental() %}
            union distinct
            select {{ new_id() }} as batch_id from ({{ context[meta.starts_if]() }}) as moved
            {%- endif %}
        {%- endset %}
        {{ set_batches(pending) }}
    {%- endif -%}
{% endmacro %}

{#- Takes what these batches touched, and sets the days on which it lies. -#}
{% macro take_keys() %}
    {%- set meta = model.config.meta -%}
    {%- if is_incremental() and meta.replaces != 'shard' %}
    {{ create_beside(this_run()) }}
    select j.touched_key, j.from_at, j.until_at
    from {{ entries_this_run() }} as j
    where j.entry = '{{ meta.replaces }}';
    {{ context[meta.also or 'set_days']() }}
    {%- elif is_incremental() and model.config.partition_by %}
    {{ set_shard_days() }}
    {%- endif -%}
    {#- A table of an earlier version may lack a column; all below it is built anew then and waits for no keys. -#}
    {%- set before = load_cached_relation(this) if not is_incremental() else none -%}
    {%- if logged() and before is not none
        and not logged() | reject('in', adapter.get_columns_in_relation(before) | map(attribute='name')) | list %}
    {%- if meta.replaces != 'shard' or meta.logs_as %}{{ journal_all_keys() }}{% endif %}
    {%- endif %}
{% endmacro %}

{#- The journal's entries of the batches of this run. -#}
{% macro entries_this_run() -%}
    (select * from {{ journal() }} where batch_id in (select b.batch_id from {{ batches() }} as b))
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

{#- The first and the last microsecond of an entry's span (its alias): all of the key where it says none, from the first
    time that an accepted event may have (E4). -#}
{% macro begins_at(entry) %}coalesce({{ entry }}.from_at, 946684800000000){% endmacro %}
{% macro ends_at(entry) %}coalesce({{ entry }}.until_at, 7258118400000000){% endmacro %}

{#- Whether what a row says lies in a span of its key in this run, widened by so many microseconds. `at` is the column
    of its time, in microseconds or a date; where the row says of a stretch of time, `until` is that of its end. -#}
{% macro in_this_run(key, at, until=none, before=0, after=0) -%}
    {%- if is_incremental() -%}
        exists (
            select 1 from {{ this_run() }} as r
            where r.touched_key = {{ key }} and {{ in_span('r', at, until, before, after) }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro in_span(entry, at, until=none, before=0, after=0) -%}
    {%- set first = begins_at(entry) ~ (' - (' ~ before ~ ')' if before else '') -%}
    {%- set last = ends_at(entry) ~ (' + (' ~ after ~ ')' if after else '') -%}
    {%- set dated = at.endswith('_date') -%}
    {{ until or at }} >= {{ utc_date(first) if dated else first }}
    and {{ at }} <= {{ utc_date(last) if dated else last }}
{%- endmacro %}

{#- The rows of a table for which that holds, as a subquery. -#}
{% macro touched_rows(relation, key, at, until=none, before=0, after=0) -%}
    {%- if is_incremental() -%}
        (
            select * from {{ relation }}
            where {{ pruned(relation) }} and {{ in_this_run(key, at, until, before, after) }}
        )
    {%- else -%}
        (select * from {{ relation }})
    {%- endif -%}
{%- endmacro %}

{#- All rows of this run's keys on its days. -#}
{% macro rows_of_keys(relation, key) -%}
    {%- if is_incremental() -%}
        (select * from {{ relation }} where {{ pruned(relation) }} and {{ touched_only(key) }})
    {%- else -%}
        (select * from {{ relation }})
    {%- endif -%}
{%- endmacro %}

{#- Which rows of this model's table an increment replaces. -#}
{% macro is_replaced() -%}
    {%- set meta = model.config.meta -%}
    {{ pruned(this) }} and
    {%- if meta.at %} {{ is_touched(meta.replaces, meta.at, meta.until) }}
    {%- else %} {{ touched_only(meta.replaces) }}
    {%- endif %}
{%- endmacro %}

{#- Journal keys are text. Written, a date becomes text; compared, the key becomes a date. -#}
{% macro key_text(column) %}
    {{- return('cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' if column.endswith('_date') else column) -}}
{% endmacro %}
{% macro key_value(key, column) %}
    {{- return('cast(' ~ key ~ ' as date)' if column.endswith('_date') else key) -}}
{% endmacro %}
