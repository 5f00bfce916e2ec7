import hashlib
import io
import os
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.client import bundle
from stellwerk.client.bundle import pack_folder
from stellwerk.client.commit import commit_of, without_secrets
from stellwerk.features.services.bundle import read_bundle
from stellwerk.kernel.errors import BadInput, TooLarge


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "churn"
    (root / "contracts").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "stellwerk.yaml").write_text("service: churn\n")
    (root / "service.py").write_text("def train(data, params): ...\n")
    (root / "contracts" / "c.yaml").write_text("x: 1\n")
    (root / "data" / "churn.csv").write_text("a,b\n1,2\n")
    return root


def names(packed):
    with tarfile.open(fileobj=io.BytesIO(packed.data)) as archive:
        return archive.getnames()


def test_the_same_files_give_the_same_bytes_whatever_their_times_modes_and_order(folder, tmp_path):
    first = pack_folder(folder)
    other = tmp_path / "copy"
    other.mkdir()
    for name in ("data", "contracts"):
        (other / name).mkdir()
    for name in reversed(first.names):
        (other / name).write_bytes((folder / name).read_bytes())
        (other / name).chmod(0o755)
        os.utime(other / name, (1, 1))
    assert pack_folder(other).data == first.data
    assert first.sha256 == hashlib.sha256(first.data).hexdigest()


def test_a_changed_byte_changes_the_digest(folder):
    before = pack_folder(folder).sha256
    (folder / "service.py").write_text("def train(data, params):  ...\n")
    assert pack_folder(folder).sha256 != before


def test_hidden_files_caches_and_environments_stay_outside(folder):
    for name in (".git/config", "__pycache__/service.pyc", ".env", "venv/pyvenv.cfg", "venv/lib/x.py", "a.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("secret")
    assert names(pack_folder(folder)) == ["contracts/c.yaml", "data/churn.csv", "service.py", "stellwerk.yaml"]


def test_data_files_named_as_sources_go_beside_the_bundle(folder):
    packed = pack_folder(folder, ["data/churn.csv"])
    assert "data/churn.csv" not in packed.names
    assert [(file.name, file.sha256) for file in packed.data_files] == [
        ("data/churn.csv", hashlib.sha256(b"a,b\n1,2\n").hexdigest())]


def test_the_server_reads_what_was_packed(folder):
    (folder / ("d" * 90)).mkdir()
    (folder / ("d" * 90) / "ünï.txt").write_text("long and not ASCII")
    packed = pack_folder(folder)
    read = read_bundle(packed.data)
    assert sorted(read.files) == sorted(packed.names)
    assert read.files["service.py"] == (folder / "service.py").read_bytes()


@pytest.mark.parametrize("make", [
    lambda root: (root / "link").symlink_to("/etc/passwd"),
    lambda root: (root / "link").symlink_to(root / "service.py"),
    lambda root: (root / "folder").symlink_to("/etc"),
    lambda root: os.mkfifo(root / "pipe"),
])
def test_links_and_devices_are_refused_by_name(folder, make):
    make(folder)
    with pytest.raises(BadInput, match="no plain file") as caught:
        pack_folder(folder)
    assert caught.value.hint


def test_names_that_cannot_be_stored_are_refused(folder):
    (folder / "a\\b").write_text("")
    with pytest.raises(BadInput, match="cannot be stored"):
        pack_folder(folder)
    (folder / "a\\b").unlink()
    (folder / os.fsdecode(b"\xff.py")).write_text("")
    with pytest.raises(BadInput, match="not UTF-8"):
        pack_folder(folder)


def test_caps_on_size_name_the_file_and_the_way_out(folder, monkeypatch):
    monkeypatch.setattr(bundle, "FILE_BYTES", 30)
    (folder / "big.csv").write_text("x" * 31)
    with pytest.raises(TooLarge, match=r"big\.csv") as caught:
        pack_folder(folder)
    assert "source" in caught.value.hint
    assert pack_folder(folder, ["big.csv"]).data_files[0].name == "big.csv"
    monkeypatch.setattr(bundle, "BUNDLE_FILES", 2)
    with pytest.raises(TooLarge, match="2 files"):
        pack_folder(folder, ["big.csv"])


@pytest.mark.parametrize(("source", "words"), [("../outside.csv", "outside"), ("/etc/passwd", "outside"),
                                               ("data/none.csv", "does not exist")])
def test_a_source_is_a_file_below_the_folder(folder, source, words):
    (folder.parent / "outside.csv").write_text("")
    with pytest.raises(BadInput, match=words):
        pack_folder(folder, [source])


def test_a_folder_without_manifest_is_no_service(tmp_path):
    with pytest.raises(BadInput, match=r"has no stellwerk\.yaml"):
        pack_folder(tmp_path)


@given(st.dictionaries(st.text("abc.é", min_size=1, max_size=6).filter(lambda name: not name.startswith(".")),
                       st.binary(max_size=50), max_size=6))
def test_any_flat_folder_survives_the_way_to_the_server(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("bundle")
    (root / "stellwerk.yaml").write_text("x")
    for name, content in files.items():
        (root / name).write_bytes(content)
    read = read_bundle(pack_folder(root).data)
    assert read.files == {**files, "stellwerk.yaml": b"x"}


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
                   check=True, capture_output=True)


def test_the_commit_is_recorded_with_whether_the_folder_differs_from_it(folder):
    assert commit_of(folder) is None
    git(folder, "init")
    assert commit_of(folder) is None
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    clean = commit_of(folder)
    assert len(clean["id"]) == 40
    assert (clean["dirty"], clean["remote"]) == (False, None)
    (folder / "new.py").write_text("")
    git(folder, "remote", "add", "origin", "https://me:secret@git.example.org:8443/team/churn.git?token=x")
    changed = commit_of(folder)
    assert changed == {"id": clean["id"], "dirty": True, "remote": "https://git.example.org:8443/team/churn.git"}


def test_a_change_elsewhere_in_the_repository_is_not_a_change_of_the_service(folder):
    git(folder.parent, "init")
    git(folder.parent, "add", ".")
    git(folder.parent, "commit", "-m", "first")
    (folder.parent / "elsewhere").write_text("")
    assert commit_of(folder)["dirty"] is False


@pytest.mark.parametrize(("remote", "shown"), [
    ("git@git.example.org:team/churn.git", "git@git.example.org:team/churn.git"),
    ("ssh://u:p@h/x", "ssh://h/x"), ("/srv/git/churn", "/srv/git/churn")])
def test_passwords_in_a_remote_are_not_recorded(remote, shown):
    assert without_secrets(remote) == shown
