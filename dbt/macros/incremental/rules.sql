{#- What the rows of a model follow from besides the events: settings, seeds, and the SQL of the model, of all above it
    and of the macros they use. A change of any makes the table what no increment would make it, so each build notes
    its rules in the journal (entry `built`) and the next run compares them. -#}
{% macro rules() %}
    {%- set nodes, macros, texts, settings, seeds = [], [], [], {}, {} -%}
    {%- do add_nodes(model.unique_id, nodes) -%}
    {%- for node in nodes | sort(attribute='unique_id') -%}
        {%- if node.resource_type == 'seed' -%}
            {%- do seeds.update({node.name: node.checksum.checksum}) -%}
        {%- else -%}
            {%- do texts.append(node.raw_code ~ tojson(node.config.meta, sort_keys=true)) -%}
            {%- do add_macros(node.depends_on.macros, macros) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do texts.extend(macros | sort(attribute='unique_id') | map(attribute='macro_sql')) -%}
    {%- set code = modules.re.sub('(?s){#.*?#}|--[^\n]*|\\s+', ' ', texts | join('\n')) -%}
    {%- for name in modules.re.findall("\\bvar\\(['\"](\\w+)", code) | unique | sort -%}
        {%- do settings.update({name: var(name, none)}) -%}
    {%- endfor -%}
    {%- for name in modules.re.findall("\\benv_var\\(['\"](\\w+)", code) | unique | sort -%}
        {%- do settings.update({name: env_var(name, '')}) -%}
    {%- endfor -%}
    {%- for name in modules.re.findall("\\bhome_setting\\(['\"](\\w+)", code) | unique | sort -%}
        {%- do settings.update({name: home_setting(name)}) -%}
    {%- endfor -%}
    {{ return({'settings': settings, 'seeds': seeds, 'code': local_md5(code.split() | join(' '))}) }}
{% endmacro %}

{#- Journals by which rules the model is built now. -#}
{% macro note_rules() %}
    {%- set now = tojson(rules(), sort_keys=true) %}
    insert into {{ journal() }} (batch_id, entry, model, version, seq, detail)
    select
        '{{ invocation_id }}', 'built', '{{ this.identifier }}', '{{ local_md5(now) }}',
        (select coalesce(max(seq), 0) + 1 from {{ journal() }} where entry = 'built'),
        '{{ now | replace("\\", "") | replace("'", "") }}';
{% endmacro %}

{#- The node and all above it. -#}
{% macro add_nodes(id, found) %}
    {%- if id in graph.nodes and graph.nodes[id] not in found -%}
        {%- do found.append(graph.nodes[id]) -%}
        {%- for parent in graph.nodes[id].depends_on.nodes -%}{%- do add_nodes(parent, found) -%}{%- endfor -%}
    {%- endif -%}
{% endmacro %}

{#- The project's macros among these and all that they call. How rows are replaced is no rule of what they say. -#}
{% macro add_macros(ids, found) %}
    {%- for id in ids if id.startswith('macro.' ~ project_name ~ '.') -%}
        {%- set called = context[id.split('.')[-1]].macro -%}
        {%- if called not in found and not called.original_file_path.startswith('macros/incremental/') -%}
            {%- do found.append(called) -%}
            {%- do add_macros(called.depends_on.macros, found) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
