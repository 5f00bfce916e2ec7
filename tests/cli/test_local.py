from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "mortgage-decisions"


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_example_passes(call):
    said = call("check", str(EXAMPLE), "--local")
    assert said.code == 0, said.err
    assert "functions: service:train, service:load_applications" in said.out
    assert call("check", str(EXAMPLE), "--local", "--json").json["service"] == "mortgage-decisions"


def test_a_good_service_passes_without_a_server_and_says_what_was_not_checked(call, folder):
    said = call("check", str(folder))
    assert said.code == 0, said.err
    assert "beside it data/rows.csv" in said.out
    assert "not checked" in said.out


@pytest.mark.parametrize(("file", "old", "new", "words"), [
    ("stellwerk.yaml", "train: service:train", "train: service:trian", ["trian", "Did you mean service:train?"]),
    ("stellwerk.yaml", "train: service:train", "train: servce:train", ["servce", "service"]),
    ("stellwerk.yaml", "target: good", "target: goood", ["goood", "Did you mean good?"]),
    ("stellwerk.yaml", "protected: [group]", "protected: [gruop]", ["gruop", "Did you mean group?"]),
    ("stellwerk.yaml", "subject: id", "subject: identity", ["identity"]),
    ("stellwerk.yaml", "contract: rows.odcs.yaml", "contract: row.odcs.yaml", ["row.odcs.yaml", "does not exist"]),
    ("stellwerk.yaml", "source: data/rows.csv", "source: data/row.csv", ["data/row.csv", "does not exist"]),
    ("stellwerk.yaml", "target: good", "target: good\nenvironment: none.lock", ["none.lock", "does not exist"]),
    ("service.py", "def train(", "def train((", ["service.py line", "is no Python"]),
    ("rows.odcs.yaml", "logicalType: integer", "logicalType: intger", ["intger", "integer"]),
])
def test_a_fault_is_named_with_what_is_allowed(call, folder, file, old, new, words):
    edit(folder / file, old, new)
    said = call("check", str(folder), "--local")
    assert said.code == 1
    assert all(word in said.err for word in words), said.err


def test_all_faults_of_a_file_are_listed_with_their_lines(call, folder):
    edit(folder / "stellwerk.yaml", "train: service:train", "trian: service:train")
    edit(folder / "stellwerk.yaml", "target: good", "target: good\nlimits: {memory: 2G}")
    said = call("check", str(folder), "--local")
    lines = (folder / "stellwerk.yaml").read_text().splitlines()
    where = 1 + next(number for number, line in enumerate(lines) if line.startswith("trian"))
    assert "(and 2 more)" in said.err
    assert f"line {where}: trian: is not known here, found trian" in said.err
    assert "Did you mean train?" in said.err


def test_what_is_not_acted_on_yet_is_said(call, folder):
    edit(folder / "stellwerk.yaml", "target: good", "target: good\nmonitor: {window: 1d}\nretrain: {on: [drift]}")
    said = call("check", str(folder), "--local")
    assert said.code == 0, said.err
    assert "not acted on yet: monitor, retrain" in said.out


def test_a_contract_that_is_no_text(call, folder):
    (folder / "rows.odcs.yaml").write_bytes(b"kind: \xff")
    said = call("check", str(folder), "--local")
    assert "rows.odcs.yaml is not UTF-8: byte 6." in said.err
    (folder / "rows.odcs.yaml").unlink()
    (folder / "rows.odcs.yaml").mkdir()
    assert "does not exist" in call("check", str(folder), "--local").err


def test_the_code_of_a_service_is_not_run_by_looking_at_it(call, folder):
    (folder / "service.py").write_text("raise SystemExit('ran')\n" + (folder / "service.py").read_text())
    assert call("check", str(folder), "--local").code == 0


def test_a_function_may_be_imported_or_assigned(call, folder):
    (folder / "model.py").write_text((folder / "service.py").read_text())
    (folder / "service.py").write_text("from model import train\n")
    assert call("check", str(folder), "--local").code == 0
    (folder / "service.py").write_text("import model\ntrain = model.train\n")
    assert call("check", str(folder), "--local").code == 0


def test_with_a_server_its_check_follows(call, folder, server):
    server.routes["POST", "/api/v1/services/small/jobs"] = lambda *parts: (
        403, {"error_code": "forbidden", "message": "You may not."})
    from stellwerk.client.bundle import pack_folder

    packed = pack_folder(folder, ["data/rows.csv"])
    for digest in (packed.sha256, packed.data_files[0].sha256):
        server.routes["HEAD", f"/api/v1/objects/{digest}"] = lambda *parts: (200, b"")
    said = call("check", str(folder))
    assert said.code == 1
    assert "✓ manifest" in said.out
    assert "You may not." in said.err
