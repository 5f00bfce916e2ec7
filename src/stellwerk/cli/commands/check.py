"""``stellwerk check``."""

from __future__ import annotations

import click

from stellwerk.cli.jobs import finish, run_local
from stellwerk.cli.local import check_local, load_local
from stellwerk.cli.output import clean, print_json
from stellwerk.cli.session import Session, read_running, service_folder, with_session
from stellwerk.client.bundle import pack_folder


@click.command()
@click.argument("folder", default=".")
@click.option("--local", "only_local", is_flag=True, help="Do not ask the server, even if one runs.")
@with_session
def check(session: Session, folder: str, only_local: bool) -> None:
    """Check a service without training it.

    First here, without running its code: manifest, contract, columns, functions, files. Then, when a server runs
    and a token is set, there: its environment is made, its data is loaded and held against the contract.

    \b
    Examples:
      stellwerk check churn
      stellwerk check churn --local

    \b
    Exit code: 0 all is well, 5 the data breaks the contract, 1 anything else
    """
    service = load_local(service_folder(folder))
    found = check_local(service)
    packed = pack_folder(service.folder, service.data_files)
    found.append(f"bundle: {len(packed.names)} files, {len(packed.data) / 1024:.0f} KiB"
                 + "".join(f", beside it {file.name}" for file in packed.data_files))
    remote = not only_local and session.token is not None and (
        session.url is not None or read_running(session.home) is not None)
    if not session.as_json:
        for line in found:
            click.echo(click.style("✓ ", fg="green") + clean(line))
    if remote:
        with session.client() as client:
            job = run_local(client, service, "check")
        finish(session, job)
    if session.as_json:
        print_json({"service": service.manifest.service, "checked": found, "server": False})
    elif not only_local:
        click.echo("  data and environment were not checked: no server runs here, or no token is set")
