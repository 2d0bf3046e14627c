"""The dashboard inside Airflow: what each channel earned and why, and how the pipeline is.

Reads the published marts alone (`marts`), so that it never waits for a run nor holds one up. `filters` and the modules
of questions (`channels`, `journeys`, `conversions`, `health`) are pure but for that; `app` is the web side, behind
Airflow's login (`access`); `report` writes the same pages as one file.
"""
