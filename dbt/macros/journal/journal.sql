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
        {%- do adapter.create_schema(journal()) %}
        {%- set text = dbt.type_string() %}
        create table if not exists {{ journal() }} (
            batch_id {{ text }}, entry {{ text }}, model {{ text }}, touched_key {{ text }},
            version {{ text }}, seq {{ dbt.type_bigint() }}, detail {{ text }}
        );
        {{ index_journal() }}
    {%- endif -%}
{% endmacro %}

{#- The devices, people or dates that stand in `source` now: their rows downstream are to be derived again.
    pinned_only: of the rows about to be replaced, not of the whole table. -#}
{% macro journal_keys(source, pinned_only=false) %}
    {%- set meta = model.config.meta %}
    {%- for column in logged() %}
    insert into {{ journal() }} (batch_id, entry, model, touched_key)
    select distinct
        (select max(batch_id) from {{ pin() }}), '{{ meta.logs_as or column }}', '{{ this.identifier }}',
        {{ key_text('s.' ~ column) }}
    from {{ looked_up(source, touched_only(meta.replaces) if pinned_only else 'true') }} as s
    where (select max(batch_id) from {{ pin() }}) is not null;
    {%- endfor %}
{% endmacro %}

{#- The columns that the model logs. -#}
{% macro logged() %}
    {%- set logs = model.config.meta.logs or [] -%}
    {{- return([logs] if logs is string else logs) -}}
{% endmacro %}
