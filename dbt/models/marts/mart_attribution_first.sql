-- One row a conversion: first click, the earliest touchpoint of the window, direct or not.
{{ config(
    meta={'replaces': 'person_id', 'logs': 'conversion_date', 'also': 'stale_lookback'},
    indexes=[{'columns': ['person_id']}, {'columns': ['conversion_date']}],
    post_hook='{{ remember_first_event() }}',
) }}
{{ single_touch('position') }}
