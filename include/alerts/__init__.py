"""Alerts: who is on call learns once that a run failed, is late or has nothing new to read, and once that it is over.

Airflow's processes only put down what happened (outbox.py, called by plugins/alerts.py) and start a process that does
the rest (deliver.py): it reads what there is to say (facts.py, compose.py) and sends it (channels.py). So a slow or
dead server is in nobody's way, and what could not be sent waits on disk.
"""
