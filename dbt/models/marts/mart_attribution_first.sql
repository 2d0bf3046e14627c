-- One row a conversion: first click, the earliest touchpoint of the window, direct or not.
{{ config(
    meta={
        'replaces': 'person_id', 'since': 'conversion_date',
        'also': 'stale_lookback', 'then': 'remember_first_event',
    },
    partition_by=by_day('conversion_date'),
) }}
{{ single_touch('position') }}
