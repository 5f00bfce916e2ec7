"""What was acknowledged is there after the writing process was killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stellwerk.dataplane.decision_log.reader import Reader

ROOT = Path(__file__).parents[3]
ROUNDS = 25
WRITING = """
import os, random, sys
from pathlib import Path
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.kernel.errors import Unavailable
from tests.dataplane.decision_log.records import record
writer = Writer(Path(sys.argv[1]), 0, segment_bytes=int(sys.argv[2]), waiting=64)
modes = sys.argv[3].split(",")
while True:
    made = writer.new_id()
    def done(error, made=made):
        if error is None:
            os.write(1, made.encode() + b"\\n")
    try:
        mode = random.choice(modes)
        writer.append(record(made, mode=mode), mode, done)
    except Unavailable:
        pass
"""


@pytest.mark.slow
@pytest.mark.parametrize(("modes", "segment_bytes"), [("sync", 1 << 30), ("buffered", 1), ("sync,buffered", 1 << 16)])
def test_every_acknowledged_decision_survives_kill_9(tmp_path: Path, modes: str, segment_bytes: int) -> None:
    draw = random.Random(f"{modes} {segment_bytes}")
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        child = subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path), str(segment_bytes), modes],
                                 stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert child.stdout is not None
        with child, child.stdout as said:
            for _ in range(draw.choice([1, 2, draw.randrange(3, 60), draw.randrange(60, 600)])):
                line = said.readline()
                assert line, "the writing process ended by itself"
                acknowledged.append(line.decode().strip())
            child.send_signal(signal.SIGKILL)
            # What it said before it died counts as well; a line that was cut short was not said.
            acknowledged += [line.decode().strip() for line in said if line.endswith(b"\n")]
    reader = Reader(tmp_path)
    lost = [each for each in acknowledged if reader.by_id(each) is None]
    assert lost == []
    positions = {each: reader.position_of(each) for each in random.Random(1).sample(acknowledged, 60)}
    leaves = reader.leaves(0, 0, 1 << 30)
    assert len(leaves) >= len(acknowledged)
    for each, position in positions.items():
        assert position is not None
        assert each.encode() in leaves[position[1]]
