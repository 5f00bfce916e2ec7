"""The command ``stellwerk``. Nothing heavy is imported before a command needs it."""


def main() -> None:
    """Run the command line."""
    from stellwerk.cli.app import run

    run()
