{#- dbt's own macro, overridden: a table that was built by other rules than today's is built anew, as by
    --full-refresh; where `on_changed_rules` is refuse the run stops and says so. -#}
{% macro should_full_refresh() %}
    {%- if dbt.should_full_refresh() -%}{{ return(true) }}{%- endif -%}
    {%- if not execute or model.config.incremental_strategy != 'replace_touched' -%}{{ return(false) }}{%- endif -%}
    {#- asked many times in a run of a model: answered once -#}
    {%- set answers = graph.setdefault('changed_rules', {}) -%}
    {%- set question = invocation_id ~ model.unique_id -%}
    {%- if question not in answers -%}
        {%- do answers.update({question: changed_rules()}) -%}
    {%- endif -%}
    {{ return(answers[question] is not none) }}
{% endmacro %}

{#- What changed since the table was built, in words; none where nothing did or there is no table. -#}
{% macro changed_rules() %}
    {%- if load_relation(this) is none -%}{{ return(none) }}{%- endif -%}
    {%- set found = run_query(
        "select version, detail from " ~ looked_up(journal(), "entry = 'built'") ~ " as b where model = '"
        ~ this.identifier ~ "' order by seq desc limit 1"
    ).rows -%}
    {%- set now = rules() -%}
    {%- if found and found[0][0] == local_md5(tojson(now, sort_keys=true)) -%}{{ return(none) }}{%- endif -%}
    {%- set before = fromjson(found[0][1], {}) if found else {} -%}
    {%- set changes = [] -%}
    {%- for kind in ['settings', 'seeds'] -%}
        {#- what only one of the two versions knows is null in the other -#}
        {%- set was, is = before.get(kind) or {}, now[kind] -%}
        {#- unique takes own_domains and OWN_DOMAINS for one name unless told -#}
        {%- for name in (is.keys() | list + was.keys() | list) | unique(case_sensitive=true) | sort
            if found and is.get(name) != was.get(name) -%}
            {%- do changes.append(name if kind == 'seeds' else name ~ ' was ' ~ tojson(was.get(name)) ~ ', is '
                ~ tojson(is.get(name))) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set why = changes | join('; ') if changes else 'its SQL changed' if found else 'nobody noted its rules' -%}
    {%- set what = this.identifier ~ ' was built by other rules (' ~ why ~ ')' -%}
    {%- if var('on_changed_rules') == 'refuse' -%}
        {%- do exceptions.raise_compiler_error(
            what ~ '. Rebuild it and all below it: dbt build --full-refresh --select ' ~ this.identifier
            ~ '+ (or set on_changed_rules to rebuild; docs/settings.md).'
        ) -%}
    {%- endif -%}
    {%- do log(what ~ ': it is built anew', info=true) -%}
    {{ return(what) }}
{% endmacro %}
