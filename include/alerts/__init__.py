"""Alerts: one as a run fails, is late or finds nothing new to read, and one when that is over.

Airflow's processes only put down what happened (outbox.py, called by plugins/alerts.py) and start a process that does
the rest (deliver.py): it reads what there is to say (compose.py, conditions.py) and sends it (channels.py). So a slow
or dead server is in no run's way, and what could not be sent waits on disk.

An alert is a text whose first line is its title, with a coloured circle before it.
"""

from __future__ import annotations

RED, GREEN, YELLOW = "\N{LARGE RED CIRCLE}", "\N{LARGE GREEN CIRCLE}", "\N{LARGE YELLOW CIRCLE}"
