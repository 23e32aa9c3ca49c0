"""``python -m vital_cli``: the `vital` command of this very Python."""

from vital_cli.main import main

main()
