"""The subcommands of `cachewarden`, a module each, found by their names.

A module `plan.py` is the command `plan`; one whose name is a keyword of Python ends in an underscore. It has `HELP`,
one line; `configure(parser)`, which adds its arguments; and `run(arguments)`, which returns the exit code. Modules
whose names begin with an underscore are helpers. Only the module of the command that runs is imported, so that one
command's imports cost the others nothing.
"""
