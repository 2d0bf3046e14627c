{#- int_journal: the memory of the incremental runs (docs/incremental.md). One row a fact, append-only; entry is one of
      shard      a table or file version was loaded          touched_key = shard, version, seq
      rejected   a version was looked at and set aside       touched_key = shard, version, seq, detail = why
      device_key, person_id, conversion_date                 touched_key = a value whose rows changed,
                                                             from_at, until_at = the times of the first and the last
                                                             of a day, null for all
      shard_day  on which a shard has or had rows            touched_key = shard, from_at = its start
      rebuilt    a table is being built whole: all its keys
      done       a model has taken the batch in
      built      a table was built whole                     version, detail = by which rules (rules.sql)
      fits       that a model's rows follow from            version
      first_event  of the warehouse, as a model knows it     version = its time, touched_key = its device, detail = late
                                                             where it is not timely (T4)
    It is made here and not by a model: a model would cost one more task in every run. -#}
{% macro journal() %}
    {{- return(api.Relation.create(database=target.database, schema=target.schema, identifier='int_journal')) -}}
{% endmacro %}

{% macro create_journal() %}
    {%- if execute and adapter.get_relation(journal().database, journal().schema, 'int_journal') is none -%}
        {#- BigQuery refuses `create schema if not exists` without the right to create, also where it exists -#}
        {%- if not adapter.check_schema_exists(journal().database, journal().schema) -%}
            {%- do adapter.create_schema(journal()) -%}
        {%- endif %}
        {%- set text = dbt.type_string() %}
        create table if not exists {{ journal() }} (
            batch_id {{ text }}, entry {{ text }}, model {{ text }}, touched_key {{ text }},
            version {{ text }}, seq {{ dbt.type_bigint() }}, detail {{ text }}, from_at {{ dbt.type_bigint() }},
            until_at {{ dbt.type_bigint() }}
        );
    {%- elif execute and 'until_at' not in journal_columns() -%}
        {{ add_times() }}
    {%- endif -%}
{% endmacro %}

{#- The devices, people or dates of these rows: their rows downstream are to be derived again. An entry a key and day,
    with the times of its first and its last row there. -#}
{% macro journal_keys(rows) %}
    {%- set meta = model.config.meta %}
    {%- set at, until = meta.logged_at or meta.at, meta.logged_until or meta.until or meta.logged_at or meta.at %}
    {%- set dated = at.endswith('_date') %}
    insert into {{ journal() }} (batch_id, entry, model, touched_key, from_at, until_at)
    select {{ last_batch() }}, k.entry, '{{ this.identifier }}', k.touched_key, min(k.from_at), max(k.until_at)
    from (
        select
            {{ logged_key('s', 'c.entry') }} as touched_key,
            c.entry,
            {{ 's.' ~ at if dated else utc_date('s.' ~ at) }} as day,
            {{ start_of_day('s.' ~ at) if dated else 's.' ~ at }} as from_at,
            {{ end_of_day('s.' ~ at) if dated else 's.' ~ until }} as until_at
        from {{ rows }} as s
        cross join ({{ logged_entries() }}) as c
        {{- " where s.reject_reason is null" if meta.replaces == 'shard' }}
    ) as k
    group by k.entry, k.touched_key, k.day;
{% endmacro %}

{#- All keys of the model's table, without times: all that follows from them. -#}
{% macro journal_all_keys() %}
    insert into {{ journal() }} (batch_id, entry, model, touched_key)
    select distinct {{ last_batch() }}, c.entry, '{{ this.identifier }}', {{ logged_key('s', 'c.entry') }}
    from {{ this }} as s
    cross join ({{ logged_entries() }}) as c;
{% endmacro %}

{#- A row's key of one kind, and the kinds that the model logs. -#}
{% macro logged_key(row, entry) -%}
    {%- set meta = model.config.meta -%}
    case {{ entry }}
        {%- for column in logged() %}
        when '{{ meta.logs_as or column }}' then {{ key_text(row ~ '.' ~ column) }}
        {%- endfor %}
    end
{%- endmacro %}
{% macro logged_entries() -%}
    {%- for column in logged() -%}
    select '{{ model.config.meta.logs_as or column }}' as entry {{ 'union all ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The rows that an increment changes, as a subquery: those that go and those that come, without what stays as it
    was. -#}
{% macro changed_rows() -%}
    {%- set old, new = '(select * from ' ~ this ~ ' where ' ~ is_replaced() ~ ')', new_rows() -%}
    {%- set names = get_quoted_csv(adapter.get_columns_in_relation(this) | map(attribute='name')) -%}
    (
        (select {{ names }} from {{ old }} as o {{ dbt.except() }} select {{ names }} from {{ new }} as n)
        union all
        (select {{ names }} from {{ new }} as n {{ dbt.except() }} select {{ names }} from {{ old }} as o)
    )
{%- endmacro %}

{#- The columns that the model logs. -#}
{% macro logged() %}
    {%- set logs = model.config.meta.logs or [] -%}
    {{- return([logs] if logs is string else logs) -}}
{% endmacro %}

{% macro journal_rebuilt(batches) %}
    insert into {{ journal() }} (batch_id, entry, model)
    select b.batch_id, 'rebuilt', '{{ this.identifier }}' from ({{ batches }}) as b;
{% endmacro %}

{#- In the same transaction as the rows: a batch that is marked is in, one that is not will be taken again. -#}
{% macro mark_done() %}
    {%- if model.config.meta.then %}{{ context[model.config.meta.then]() }};{% endif %}
    {%- if model.config.meta.replaces == 'shard' %}
    insert into {{ journal() }} (batch_id, entry, model, touched_key, version, seq, detail)
    select
        batch_id, case when problem is null then 'shard' else 'rejected' end, '{{ this.identifier }}',
        shard, version, seq, {{ shard_detail() }}
    from {{ this_run() }}
    where shard is not null;
    {%- endif %}
    insert into {{ journal() }} (batch_id, entry, model)
    select b.batch_id, 'done', '{{ this.identifier }}' from {{ batches() }} as b;
{% endmacro %}

{#- The same marks after a rebuild, with its rules for the next run to compare. Devices are too many: int_events looks
    at all of them after the rebuild of a staging table. -#}
{% macro mark_rebuilt() %}
    {%- if logged() and 'device_key' not in logged() %}{{ journal_all_keys() }}{% endif %}
    {{ keep_beside(this) }}
    {{ mark_done() }}
    {{ note_rules() }}
{% endmacro %}
