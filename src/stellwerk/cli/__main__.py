"""``python -m stellwerk.cli``: the command ``stellwerk`` where it is not on the path."""

from stellwerk.cli import main

main()
