"""A whole transfer: bring, prove, note the outcome."""

from __future__ import annotations

from stellwerk.cli.transfer.bring import Bringer, Wishes, experiments_of
from stellwerk.cli.transfer.meter import Meter
from stellwerk.cli.transfer.prove import Prover
from stellwerk.cli.transfer.registered import bring_registered, prove_registered, without_files
from stellwerk.cli.transfer.report import Report
from stellwerk.cli.transfer.source import Source
from stellwerk.cli.transfer.target import Target
from stellwerk.client.http import Client
from stellwerk.protocols.transfer import wire


def transfer(source: Source, client: Client, wishes: Wishes) -> Report:
    """Bring all that a source holds and prove it; raises StellwerkError where it cannot go on."""
    with Meter() as meter:
        target = Target(client, meter.note)
        brought = Bringer(source, target, wishes, meter).bring()
        bring_registered(source, target, brought, wishes, meter)
        meter.end_stage()
        proof = Prover(source, target, brought, wishes, meter).prove()
        prove_registered(source, target, brought, wishes, proof)
        meter.end_stage()
        names = {one.source_id: one.name for one in experiments_of(source, wishes.prefix, [])}
        report = Report(source.label, brought, proof, names,
                        [*source.left_out(), *without_files(source, wishes.prefix)])
        target.post("/close", wire.Close(
            transfer=brought.transfer, counts={kind: here for kind, (_, here) in proof.counts.items()},
            differences=len(proof.differences) + len(brought.refused)))
    return report
