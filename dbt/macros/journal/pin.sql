{#- The pin: what this run of a model will take in, fixed before it reads. One row a pending batch and key; everything
    later reads the pin only, so that rows and journal entries that arrive meanwhile wait for the next run. -#}
{% macro pin() %}{{ return(adapter.dispatch('pin', 'attribution')()) }}{% endmacro %}
{% macro duckdb__pin() %}{{ return('temp.' ~ this.identifier ~ '__pin') }}{% endmacro %}

{#- BigQuery: dbt sends each statement as a job of its own, where a session's temporary table would be gone. -#}
{% macro bigquery__pin() %}
    {{- return(this.incorporate(path={'identifier': this.identifier ~ '__pin'}) | string) -}}
{% endmacro %}

{% macro create_pin() %}{{ return(adapter.dispatch('create_pin', 'attribution')()) }}{% endmacro %}
{% macro duckdb__create_pin() %}create or replace temp table {{ this.identifier }}__pin as{% endmacro %}
{% macro bigquery__create_pin() -%}
    create or replace table {{ pin() }}
    options (expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour)) as
{%- endmacro %}

{#- The keys this run takes in, as a query of one column, key. -#}
{% macro pinned_keys() -%}
    {{- return('select touched_key as key from ' ~ pin() ~ ' where touched_key is not null') -}}
{%- endmacro %}

{#- Usage in a model: where {{ touched_only('person_id') }} -#}
{% macro touched_only(column) -%}
    {%- if is_incremental() -%}
        {{ column }} in (select {{ key_value('touched_key', column) }} from {{ pin() }} where touched_key is not null)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- Journal keys are text. Written, a date becomes text; compared, the key becomes a date, so that the column stays bare
    and its index can be used. -#}
{% macro key_text(column) %}
    {{- return('cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' if column.endswith('_date') else column) -}}
{% endmacro %}
{% macro key_value(key, column) %}
    {{- return('cast(' ~ key ~ ' as date)' if column.endswith('_date') else key) -}}
{% endmacro %}
