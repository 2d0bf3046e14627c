{#- dbt's own materialization, overridden: a view is made where there is none or its rules changed (rules.sql), so
    that a run that changes no code sends no statement for it. The journal notes by which rules, as for a table. -#}
{% materialization view, default %}{{ return(made_view()) }}{% endmaterialization %}
{% materialization view, adapter='bigquery' %}{{ return(made_view()) }}{% endmaterialization %}

{% macro made_view() %}
    {%- set found, view = load_cached_relation(this), this.incorporate(type='view') -%}
    {%- set known = rules_of_tables().get(this.identifier) -%}
    {%- if found is not none and found.is_view and not should_full_refresh()
        and known and known.version == local_md5(tojson(rules(), sort_keys=true)) -%}
        {%- do store_raw_result('main', message='as it was', code='OK', rows_affected='0') -%}
        {{ return({'relations': [view]}) }}
    {%- endif -%}
    {%- if found is not none and found.is_table -%}{%- do adapter.drop_relation(found) -%}{%- endif -%}
    {%- call statement('main') -%}
        {{ replace_view(view) }};
        {{ note_rules() }}
    {%- endcall -%}
    {%- do apply_grants(view, config.get('grants'), should_revoke=should_revoke(found, full_refresh_mode=true)) -%}
    {%- do persist_docs(view, model) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [view]}) }}
{% endmacro %}

{% macro replace_view(view) %}{{ return(adapter.dispatch('replace_view', 'attribution')(view)) }}{% endmacro %}
{% macro duckdb__replace_view(view) %}create or replace view {{ view }} as (
{{ compiled_code }}
){% endmacro %}
{% macro bigquery__replace_view(view) -%}
    {{ get_create_view_as_sql(view, compiled_code) | trim | trim(';') }}
{%- endmacro %}
