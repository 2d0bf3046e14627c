-- One row a conversion: first click, the earliest touchpoint of the window, direct or not.
{{ config(
    meta={'replaces': 'person_id', 'logs': 'conversion_date', 'also': 'stale_lookback', 'then': 'remember_first_event'},
    indexes=[{'columns': ['person_id']}, {'columns': ['conversion_date']}],
    partition_by=by_day('conversion_date'),
) }}
{{ single_touch('position') }}
