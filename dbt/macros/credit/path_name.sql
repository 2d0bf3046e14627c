{#- A channel's name as a part of a text of several, joined by ` > ` or ` + `: the sign is doubled inside a name, so
    that the text can be taken apart again whatever a user calls a channel. -#}
{% macro path_name(channel, sign) %}replace({{ channel }}, '{{ sign }}', '{{ sign * 2 }}'){% endmacro %}
