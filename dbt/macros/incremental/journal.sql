{#- int_journal: the memory of the incremental runs (docs/incremental.md). One row a fact, append-only; entry is one of
      shard      a table or file version was loaded          touched_key = shard, version, seq
      rejected   a version was looked at and set aside       touched_key = shard, version, seq, detail = why
      device_key, person_id, conversion_date                 touched_key = a value whose rows changed
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
            version {{ text }}, seq {{ dbt.type_bigint() }}, detail {{ text }}
        );
        {{ index_journal() }}
    {%- endif -%}
{% endmacro %}

{#- The devices, people or dates that stand in `source` now: their rows downstream are to be derived again.
    this_run_only: of the rows about to be replaced, not of the whole table. -#}
{% macro journal_keys(source, this_run_only=false) %}
    {%- set meta = model.config.meta %}
    {%- for column in logged() %}
    insert into {{ journal() }} (batch_id, entry, model, touched_key)
    select distinct
        (select max(batch_id) from {{ this_run() }}), '{{ meta.logs_as or column }}', '{{ this.identifier }}',
        {{ key_text('s.' ~ column) }}
    from {{ looked_up(source, touched_only(meta.replaces) if this_run_only else 'true') }} as s
    where (select max(batch_id) from {{ this_run() }}) is not null;
    {%- endfor %}
{% endmacro %}

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
    select distinct batch_id, 'done', '{{ this.identifier }}' from {{ this_run() }} where batch_id is not null;
{% endmacro %}

{#- The same marks after a rebuild, with its rules for the next run to compare. Devices are too many: int_events looks
    at all of them after the rebuild of a staging table. -#}
{% macro mark_rebuilt() %}
    {%- if 'device_key' not in logged() %}{{ journal_keys(this) }}{% endif %}
    {{ rebuild_lookup() }}
    {{ mark_done() }}
    {%- set now = tojson(rules(), sort_keys=true) %}
    insert into {{ journal() }} (batch_id, entry, model, version, seq, detail)
    select
        '{{ invocation_id }}', 'built', '{{ this.identifier }}', '{{ local_md5(now) }}',
        (select coalesce(max(seq), 0) + 1 from {{ journal() }} where entry = 'built'),
        '{{ now | replace("\\", "") | replace("'", "") }}';
{% endmacro %}
