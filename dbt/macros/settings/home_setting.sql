{#- A setting of the environment that decides numbers: the environment's own value, else what the home keeps, else
    nothing. `none` is nothing too, and overrides what the home keeps (docs/settings.md). -#}
{% macro home_setting(name) %}
    {%- set value = env_var(name, '') | trim or kept_setting(name) -%}
    {{ return('' if value | lower == 'none' else value) }}
{% endmacro %}

{#- What the home keeps. DuckDB asks include/duckdb_plugin.py; SQL on BigQuery cannot read the home, and there the
    commands and DAGs set the environment. -#}
{% macro kept_setting(name) %}{{ return(adapter.dispatch('kept_setting', 'attribution')(name)) }}{% endmacro %}
{% macro duckdb__kept_setting(name) %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {{ return(run_query("select kept_setting('" ~ name ~ "')").rows[0][0]) }}
{% endmacro %}
{% macro bigquery__kept_setting(name) %}{{ return('') }}{% endmacro %}
