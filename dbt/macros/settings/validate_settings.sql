{#- Settings that cannot work are refused before any work: variable, value, what is allowed. -#}
{% macro validate_settings() %}
    {%- if execute -%}
        {%- do require_number('session_timeout_minutes', 1, 1440) -%}
        {%- do require_number('lookback_days', 0, 3650) -%}
        {%- do require_number('max_future_minutes', 0, 100000) -%}
        {%- do require_number('max_late_days', 0, 36500) -%}
        {%- do require_number('max_rejected_share', 0, 1) -%}
        {%- do validate_models() -%}
        {%- do require_number('max_age_hours', 0, 876000) -%}
        {%- do require_number('max_devices_per_user', 1, 1000000000) -%}
        {%- do require_number('volume_days', 1, 365) -%}
        {%- do require_numbers('volume_range', ['lowest', 'highest']) -%}
        {%- do require_numbers('volume_least', ['events', 'conversions']) -%}
        {%- if var('retention_days') is not none -%}
            {%- do require_number('retention_days', (var('lookback_days') + 1) | int, 36500) -%}
        {%- endif -%}
        {%- if var('max_new_days') is not none -%}
            {%- do require_number('max_new_days', 1, 36500) -%}
        {%- endif -%}
        {%- for name in ['conversion_events', 'own_domains', 'referral_exclusions'] -%}
            {%- do require_names(name, required=(name == 'conversion_events')) -%}
        {%- endfor -%}
        {%- for name in ['ignored_user_ids', 'ignored_order_ids'] -%}
            {%- do require_texts(name) -%}
        {%- endfor -%}
        {%- if var('trust_ga4_session_source') is not boolean -%}
            {%- do refuse('trust_ga4_session_source', 'true or false') -%}
        {%- endif -%}
        {%- if var('order_scope') not in ['person', 'shop'] -%}
            {%- do refuse('order_scope', 'person or shop') -%}
        {%- endif -%}
        {%- if var('on_changed_rules') not in ['rebuild', 'refuse'] -%}
            {%- do refuse('on_changed_rules', 'rebuild or refuse') -%}
        {%- endif -%}
        {%- for name in ['start_date', 'end_date'] if var(name) -%}
            {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', var(name) | string) -%}
                {%- do refuse(name, 'a date as YYYY-MM-DD, or null') -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if var('start_date') and var('end_date') and var('start_date') | string > var('end_date') | string -%}
            {%- do refuse('start_date', 'a date not after end_date (' ~ var('end_date') ~ ')') -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
