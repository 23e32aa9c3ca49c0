"""The `vital` command.

`commands` holds one file per command, which imports what it needs when it is run, so that ``--help``
is quick; `views` show a run; the other modules are what several commands share.
"""
