{#- Before a run: refuses settings that cannot work and makes the tables that no model makes. ATTRIBUTION_PREPARED tells
    the tasks of an Airflow run that its first task has done so (include/prepare.py). What checks look at is asked for
    here, before they run side by side and each would ask anew. -#}
{% macro prepare_warehouse() %}
    {%- if execute and env_var('ATTRIBUTION_PREPARED', '') != 'true' -%}
        {%- do validate_settings() -%}
        {%- set missing = (create_journal() ~ create_fits() ~ create_home_state()) | trim -%}
        {%- if missing -%}{%- do run_query(missing) -%}{%- endif -%}
    {%- endif -%}
    {%- if execute and flags.WHICH == 'test' -%}{%- do open_batches() -%}{%- endif -%}
{% endmacro %}
