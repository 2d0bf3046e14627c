{#- dbt's own macro, for this materialization: whether the table keeps its rows in this run. One that was built by other
    rules than today's is built anew, as by --full-refresh; where `on_changed_rules` is refuse the run stops and says
    so. -#}
{% macro is_incremental() %}
    {%- if not execute or model.config.materialized != 'replace_keys' -%}{{ return(false) }}{%- endif -%}
    {%- set table = load_cached_relation(this) -%}
    {%- if table is none or not table.is_table or should_full_refresh() -%}{{ return(false) }}{%- endif -%}
    {#- asked many times in a run of a model: answered once -#}
    {%- set answers = graph.setdefault('changed_rules', {}) -%}
    {%- set question = invocation_id ~ model.unique_id -%}
    {%- if question not in answers -%}{%- do answers.update({question: changed_rules()}) -%}{%- endif -%}
    {{ return(answers[question] is none) }}
{% endmacro %}

{#- What changed since the table was built, in words; none where nothing did. -#}
{% macro changed_rules() %}
    {%- set found, now = rules_of_tables().get(this.identifier), rules() -%}
    {%- if found and found.version == local_md5(tojson(now, sort_keys=true)) -%}{{ return(none) }}{%- endif -%}
    {%- set before = fromjson(found.detail, {}) if found else {} -%}
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

{#- By which rules each table was built last, asked once for all models of a run. -#}
{% macro rules_of_tables() %}
    {%- set answers = graph.setdefault('rules_of_tables', {}) -%}
    {%- if invocation_id not in answers -%}
        {%- set found = {} -%}
        {%- for row in run_query(
            "select model, version, detail from " ~ journal() ~ " where entry = 'built' order by seq"
        ).rows -%}
            {%- do found.update({row[0]: {'version': row[1], 'detail': row[2]}}) -%}
        {%- endfor -%}
        {%- do answers.update({invocation_id: found}) -%}
    {%- endif -%}
    {{ return(answers[invocation_id]) }}
{% endmacro %}
