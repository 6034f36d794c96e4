"""Options of the commands, parsed from a command line, Python or a YAML file."""
