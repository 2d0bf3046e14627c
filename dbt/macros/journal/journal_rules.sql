{#- The rules of this build, for the next run to compare. -#}
{% macro journal_rules() %}
    insert into {{ journal() }} (batch_id, entry, model, version, seq, detail)
    select
        '{{ invocation_id }}', 'built', '{{ this.identifier }}', '{{ local_md5(tojson(rules(), sort_keys=true)) }}',
        (select coalesce(max(seq), 0) + 1 from {{ journal() }} where entry = 'built'),
        '{{ tojson(rules(), sort_keys=true) | replace("\\", "") | replace("'", "") }}';
{% endmacro %}
