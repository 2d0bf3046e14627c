{#- The nightly proof of a sample of people rebuilds the rows of their devices only (include/proof.py): the table
    proof_devices stands in its warehouse before staging runs. A row without device and user is a device of its own,
    which only its key would tell; all of these are read. Compiles to nothing but `true` in any other run. -#}
{% macro of_proven(user_pseudo_id, user_id) -%}
    {%- if var('proof_sample') -%}
        {%- set devices = api.Relation.create(
            database=target.database, schema=target.schema, identifier='proof_devices'
        ) -%}
        {%- set device = 'coalesce(' ~ user_pseudo_id ~ ", 'user:' || " ~ user_id ~ ')' -%}
        ({{ device }} is null or {{ device }} in (select device_key from {{ devices }}))
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
