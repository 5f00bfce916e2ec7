"""The command line itself: commands are loaded when called, errors become one readable message."""

from __future__ import annotations

import importlib
import os
import sys
from types import TracebackType

import click

from stellwerk import __version__
from stellwerk.cli.output import print_error
from stellwerk.kernel.errors import StellwerkError, Unavailable

# name: (module below cli.commands, attribute, one line of help); the order is the way of a service
COMMANDS = {
    "up": ("up", "up", "Start Stellwerk: server, worker and gateway."),
    "new": ("new", "new", "Write a new service from a data file."),
    "check": ("check", "check", "Check a service without training it."),
    "train": ("ship", "train", "Train and evaluate a service without releasing it."),
    "ship": ("ship", "ship", "Take a service as far as its rules allow, to live."),
    "versions": ("versions", "versions", "List the versions of a service."),
    "approve": ("answers", "approve", "Approve a version, with a reason."),
    "reject": ("answers", "reject", "Reject a version, with a reason."),
    "release": ("release", "release", "Let an approved version answer requests."),
    "rollback": ("release", "rollback", "Go back to an earlier version at once."),
    "decide": ("decide", "decide", "Ask a live service for one decision."),
    "decisions": ("decisions", "decisions", "List the decisions of a service, newest first."),
    "show": ("show", "show", "Show a service, a version, or one decision."),
    "import": ("bring_in", "import_", "Take over what an MLflow server or another installation holds."),
    "export": ("export", "export", "Write a run, an experiment or a registered model as a plain folder."),
    "verify": ("verify", "verify", "Prove that nothing on record was changed."),
    "status": ("status", "status", "Show what runs and, with a token, which services are live."),
    "user": ("user", "user", "Manage people, roles and sign-in links."),
    "token": ("token", "token", "Manage API tokens."),
}
_EPILOG = """\b
The way of a service:
  stellwerk up
  stellwerk new churn --data churn.csv --target churned
  stellwerk ship churn
  stellwerk decide churn --input age=42 --input plan=basic

\b
Where things are (each also an option of every command):
  STELLWERK_URL          address of the server
  STELLWERK_GATEWAY_URL  address of the gateway
  STELLWERK_TOKEN        token to act with
  STELLWERK_HOME         home folder, ~/.stellwerk by default

Exit code: 0 when all went well, else 1; ship, train and check say more (see their help)."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the way of a service."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"stellwerk.cli.commands.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context,
                        args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one names the closest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            raise click.UsageError(f"There is no command {args[0]!r}."
                                   + (f" Did you mean {near[0]}?" if near else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their line of help, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Stellwerk takes machine learning services from data to governed, live decisions."""


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if os.environ.get("STELLWERK_DEBUG"):
        sys.__excepthook__(kind, error, trace)
        return
    print_error(StellwerkError(
        f"Stellwerk failed where it should not: {kind.__name__}: {error}",
        hint="Please report this; STELLWERK_DEBUG=1 before the command shows where it happened."), as_json=False)


def invoke(arguments: list[str]) -> int:
    """Run a command line and return its exit code; every expected error is printed, none is raised."""
    as_json = "--json" in arguments
    try:
        code = cli.main(args=arguments, prog_name="stellwerk", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except StellwerkError as error:
        print_error(error, as_json=as_json)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 0
    except click.UsageError as error:
        _print_usage(error, as_json)
    except click.ClickException as error:
        print_error(StellwerkError(error.format_message()), as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; Python must not complain about it again at exit.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print_error(Unavailable(f"{place}{error.strerror or error}"), as_json=as_json)
    return 1


def _print_usage(error: click.UsageError, as_json: bool) -> None:
    path = error.ctx.command_path if error.ctx else "stellwerk"
    body = StellwerkError(error.format_message(), hint=f"{path} --help shows how it is used.")
    body.code = "usage"
    print_error(body, as_json=as_json)


def run(arguments: list[str] | None = None) -> None:
    """Run a command line and leave with its exit code."""
    sys.excepthook = _unexpected
    sys.exit(invoke(sys.argv[1:] if arguments is None else arguments))
