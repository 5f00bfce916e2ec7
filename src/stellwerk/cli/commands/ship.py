"""``stellwerk ship`` and ``stellwerk train``: bring the folder, follow the job, say what it came to."""

from __future__ import annotations

import click

from stellwerk.cli.jobs import finish, run_job
from stellwerk.cli.session import Session, service_folder, with_session


@click.command()
@click.argument("folder", default=".")
@click.option("--again", is_flag=True, help="Train even if code, data and parameters are unchanged.")
@with_session
def ship(session: Session, folder: str, again: bool) -> None:
    """Take a service as far as its rules allow, to live.

    Packs the folder, checks data against the contract, trains, evaluates, judges the gates, and releases when
    nothing more is asked for. Ctrl-C stops the job; a lost connection does not.

    \b
    Examples:
      stellwerk ship churn
      stellwerk ship churn --json | jq .result.waits_for
      stellwerk ship churn || [ $? = 3 ]   # in a pipeline: waiting for a person is no failure

    \b
    Exit code:
      0  live
      3  waits for a person
      4  a gate failed or is undecided
      5  the data breaks the contract
      1  anything else
    """
    finish(session, run_job(session, service_folder(folder), "ship", again=again))


@click.command()
@click.argument("folder", default=".")
@click.option("--again", is_flag=True, help="Train even if code, data and parameters are unchanged.")
@with_session
def train(session: Session, folder: str, again: bool) -> None:
    """Train and evaluate a service without releasing it.

    \b
    Examples:
      stellwerk train churn
      stellwerk train churn --again        # the same inputs once more: are the bytes the same?

    \b
    Exit code: 0 trained and evaluated, 4 a gate failed or is undecided, 5 the data breaks the contract, 1 anything else
    """
    finish(session, run_job(session, service_folder(folder), "train", again=again))
