"""``python -m merklelog``: the command line."""

from merklelog.cli.main import main

main()
