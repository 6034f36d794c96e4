"""Options of the commands: parsed once, from a command line, Python or a YAML file."""
