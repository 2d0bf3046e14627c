{#- The rows of a table for which one condition on one column holds, as a subquery.
    DuckDB finds them by the column's index only where it is the scan's single condition: `limit all offset 0` keeps
    what is asked of the rows further up from being pushed beside it. BigQuery prunes by each, and takes only a number
    there.
    Usage: from {{ looked_up(ref('int_events'), touched_only('person_id')) }} as e -#}
{% macro looked_up(relation, condition) -%}
    {{- return(adapter.dispatch('looked_up', 'attribution')(relation, condition)) -}}
{% endmacro %}
{% macro duckdb__looked_up(relation, condition) -%}
    (select * from {{ relation }} where {{ condition }}{{ ' limit all offset 0' if condition != 'true' }})
{%- endmacro %}
{% macro bigquery__looked_up(relation, condition) -%}
    (select * from {{ relation }} where {{ condition }} and {{ pruned(relation) }})
{%- endmacro %}

{#- A query of one column, key, that gives few rows, as the right side of `in`. Through a list, because DuckDB guesses
    how many rows come, and where the guess is high it reads the whole table beside them.
    Usage: column in ({{ few_keys('select batch_id as key from pending') }}) -#}
{% macro few_keys(query) %}{{ return(adapter.dispatch('few_keys', 'attribution')(query)) }}{% endmacro %}
{% macro duckdb__few_keys(query) %}select unnest(list(f.key)) from ({{ query }}) as f{% endmacro %}
{% macro bigquery__few_keys(query) %}select f.key from ({{ query }}) as f{% endmacro %}

{#- What else a row of this model's table (its alias) that is replaced must be, beside of a touched key. -#}
{% macro and_since(row) %}{{ return(adapter.dispatch('and_since', 'attribution')(row)) }}{% endmacro %}
{% macro duckdb__and_since(row) %}{% endmacro %}
{% macro bigquery__and_since(row) -%}
    {%- set meta = model.config.meta %} and {{ pruned(this) }}
    {%- if meta.since %} and {{ in_this_run(row, meta.replaces, meta.since) }}{% endif %}
{%- endmacro %}

{#- The condition of a read whose join drops what it did not ask for: DuckDB needs the keys for its index, BigQuery has
    chosen the partitions already. -#}
{% macro among(column, query) %}{{ return(adapter.dispatch('among', 'attribution')(column, query)) }}{% endmacro %}
{% macro duckdb__among(column, query) %}{{ column }} in ({{ few_keys(query) }}){% endmacro %}
{% macro bigquery__among(column, query) %}true{% endmacro %}

{#- All rows of a table, where that is wanted: BigQuery refuses to read one in buckets whole unless it is said. -#}
{% macro whole(relation) %}{{ return(adapter.dispatch('whole', 'attribution')(relation)) }}{% endmacro %}
{% macro duckdb__whole(relation) %}{{ relation }}{% endmacro %}
{% macro bigquery__whole(relation) %}(select * from {{ relation }} where bucket >= 0){% endmacro %}
