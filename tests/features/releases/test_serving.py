"""What a contract limits, a request is held against: every limit reaches the gateway in the column's own type."""

from __future__ import annotations

from stellwerk.dataplane.snapshot import Field
from stellwerk.features.releases.serving import serving
from stellwerk.manifest import parse_manifest
from stellwerk.protocols.odcs import parse_contract

MANIFEST = """service: small
title: Small
purpose: Tell.
team: lending
risk: minimal
data:
  rows: {contract: rows.odcs.yaml, source: data/rows.csv}
target: good
train: service:train
"""
CONTRACT = """kind: DataContract
apiVersion: v3.2.0
schema:
  - name: rows
    properties:
      - {name: grade, logicalType: integer, enum: [{value: 1}, {value: 5}]}
      - {name: share, logicalType: number, required: true, logicalTypeOptions: {minimum: 0, maximum: 1}}
      - {name: code, logicalType: string, enum: [{value: "1"}],
         logicalTypeOptions: {minLength: 1, maxLength: 4, pattern: "[0-9]+"}}
      - {name: good, logicalType: string}
"""


def test_every_limit_reaches_the_gateway() -> None:
    made = serving(parse_manifest(MANIFEST, "s"), parse_contract(CONTRACT, "c"), {"columns": {}},
                   {"onnx": "0" * 64, "background": "0" * 64})
    assert [Field(**entry) for entry in made["inputs"]] == [
        Field(name="grade", type="integer", nullable=True, enum=[1, 5]),
        Field(name="share", type="number", minimum=0.0, maximum=1.0),
        Field(name="code", type="string", nullable=True, enum=["1"], pattern="[0-9]+", min_length=1, max_length=4)]
