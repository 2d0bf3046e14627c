{#- By what rows of this model are looked up, kind -> column: staged events by shard and event, events by person. -#}
{% macro looked_up_by() %}
    {%- set replaces = model.config.meta.replaces -%}
    {%- set kinds = {'shard': {'shard': 'shard', 'event': 'event_key'}, 'device_key': {'person': 'person_id'}} -%}
    {{- return(kinds.get(replaces, {}) if 'device_key' in [replaces] + logged() else {}) -}}
{% endmacro %}
