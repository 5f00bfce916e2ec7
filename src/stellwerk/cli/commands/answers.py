"""``stellwerk approve`` and ``stellwerk reject``: a person's yes or no on exactly what is shown."""

from __future__ import annotations

from typing import Any

import click

from stellwerk.cli.output import clean, print_json, short
from stellwerk.cli.session import Session, with_session
from stellwerk.cli.versions import print_version
from stellwerk.client.http import segment
from stellwerk.kernel.errors import Conflict


def _answer(session: Session, service: str, version: int, verdict: str, reason: str, digest: str | None,
            **more: Any) -> None:
    path = f"/services/{segment(service)}/versions/{version}"
    with session.client() as client:
        if digest is None:
            digest = _seen(client.get(path), service, version)
        detail = client.post(f"{path}/approvals", {"verdict": verdict, "reason": reason, "digest": digest, **more})
    if session.as_json:
        print_json(detail)
        return
    click.echo(f"{'approved' if verdict == 'approve' else 'rejected'}: {clean(service)} version {version}, "
               f"digest {short(digest)}")
    print_version(detail, brief=True)


def _seen(detail: dict[str, Any], service: str, version: int) -> str:
    revision = detail.get("revision")
    if revision is None:
        raise Conflict(f"Version {version} of {service} has not been evaluated, so there is nothing to sign.",
                       field="version", value=version, hint=f"stellwerk ship {service}")
    digest: str = revision["digest"]
    return digest


@click.command()
@click.argument("service")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--reason", required=True, metavar="WORDS", help="What you looked at and why you agree.")
@click.option("--digest", metavar="HEX", help="Sign only if the version still has this digest.")
@click.option("--accept-undecided", multiple=True, metavar="GATE", help="Accept this undecided gate; needs --until.")
@click.option("--until", metavar="DATE", help="Until when an undecided gate is accepted.")
@with_session
def approve(session: Session, service: str, version: int, reason: str, digest: str | None,
            accept_undecided: tuple[str, ...], until: str | None) -> None:
    """Approve a version, with a reason.

    Signs the digest of version, evaluation, gates, threshold and manifest as they stand now.

    \b
    Examples:
      stellwerk approve churn 2 --reason "Calibration and both groups looked at, intervals clear of the limits"
      stellwerk approve churn 2 --reason "Small group, watched weekly" \\
        --accept-undecided "selection_rate_ratio by region" --until 2027-03-31
    """
    if accept_undecided and until is None:
        raise click.UsageError("--accept-undecided needs --until DATE")
    _answer(session, service, version, "approve", reason, digest, accept_undecided=list(accept_undecided), until=until)


@click.command()
@click.argument("service")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--reason", required=True, metavar="WORDS", help="What must change.")
@click.option("--digest", metavar="HEX", help="Sign only if the version still has this digest.")
@with_session
def reject(session: Session, service: str, version: int, reason: str, digest: str | None) -> None:
    """Reject a version, with a reason.

    \b
    Example:
      stellwerk reject churn 2 --reason "Trained on last year's prices"
    """
    _answer(session, service, version, "reject", reason, digest)
