"""What the DAGs, the plugins and the command line share: settings, landing files, simulator, gate, publishing."""
