{#- What a model's script knows and decides by itself. A question that reads no table costs nothing on BigQuery, which
    bills 10 MB for each table that a statement names. -#}

{#- Sets the batches that the script takes in; none is null. -#}
{% macro set_batches(query) %}{{ return(adapter.dispatch('set_batches', 'attribution')(query)) }}{% endmacro %}
{% macro duckdb__set_batches(query) %}
    set variable batches = (select list(distinct b.batch_id) from ({{ query }}) as b where b.batch_id is not null);
{% endmacro %}
{% macro bigquery__set_batches(query) %}
    set batches = (select array_agg(distinct b.batch_id ignore nulls) from ({{ query }}) as b);
{% endmacro %}

{#- A row a batch: batch_id. -#}
{% macro batches() %}{{ return(adapter.dispatch('batches', 'attribution')()) }}{% endmacro %}
{% macro duckdb__batches() %}(select unnest(getvariable('batches')) as batch_id){% endmacro %}
{% macro bigquery__batches() %}(select batch_id from unnest(batches) as batch_id){% endmacro %}

{#- The one under which the script journals what follows. -#}
{% macro last_batch() %}(select max(b.batch_id) from {{ batches() }} as b){% endmacro %}

{#- Statements that look at all days, where a query has a row; else they find nothing.
    Usage: {% call on_all_days_if(query) %} statements {% endcall %} -#}
{% macro on_all_days_if(query) %}
    {{ set_all_days(query) }}
    {{ if_days(caller()) }}
{% endmacro %}

{#- DuckDB has no IF, and reads nothing where no day is set. -#}
{% macro if_days(statements) %}{{ return(adapter.dispatch('if_days', 'attribution')(statements)) }}{% endmacro %}
{% macro duckdb__if_days(statements) %}{{ statements }}{% endmacro %}
{% macro bigquery__if_days(statements) %}
    if days is not null then
    {{ statements }}
    end if;
{% endmacro %}

{#- Statements that change nothing unless the one before added rows. -#}
{% macro if_added(statements) %}{{ return(adapter.dispatch('if_added', 'attribution')(statements)) }}{% endmacro %}
{% macro duckdb__if_added(statements) %}{{ statements }}{% endmacro %}
{% macro bigquery__if_added(statements) %}
    if @@row_count > 0 then
    {{ statements }}
    end if;
{% endmacro %}
