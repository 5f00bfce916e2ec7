import json

from hypothesis import given
from hypothesis import strategies as st

from stellwerk.apps.child_logs import ChildLog, RotatingFile


def test_a_full_file_is_renamed_and_only_so_many_are_kept(tmp_path):
    file = RotatingFile(tmp_path / "a.log", limit=20, keep=2)
    for number in range(10):
        file.write(b"line %d 0123456789" % number)
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert (tmp_path / "a.log").read_bytes() == b"line 9 0123456789\n"
    assert (tmp_path / "a.log.2").read_bytes() == b"line 7 0123456789\n"


def test_a_file_goes_on_where_it_stopped(tmp_path):
    for _ in range(3):
        file = RotatingFile(tmp_path / "a.log", limit=12, keep=5)
        file.write(b"12345")
        file.close()
    assert (tmp_path / "a.log.1").read_bytes() == b"12345\n12345\n"


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_a_child_writes_and_however_it_is_cut_each_line_is_json(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("log") / "a.log"
    log = ChildLog("a", path, show=lambda text: None)
    for piece in pieces:
        log.feed(piece)
    log.close()
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_warnings_are_shown_without_control_characters(tmp_path):
    shown = []
    log = ChildLog("a", tmp_path / "a.log", show=shown.append)
    log.feed(b'{"level": "error", "message": "bad \\u001b[31mred"}\n{"level": "info", "message": "quiet"}\n')
    log.close()
    assert shown == ["a: bad  [31mred"]


def test_a_line_cut_into_pieces_is_one_line(tmp_path):
    log = ChildLog("a", tmp_path / "a.log", show=lambda text: None)
    for piece in (b'{"level": "in', b'fo", "message":', b' "x"}\n'):
        log.feed(piece)
    log.close()
    assert json.loads((tmp_path / "a.log").read_text()) == {"level": "info", "message": "x"}
