"""A bundle is read without trusting its names, and changes of words change no code."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.features.services.bundle import MANIFEST, Bundle, read_bundle
from stellwerk.kernel.errors import BadInput, StellwerkError, TooLarge


def packed(members: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def test_files_come_back(tmp_path: object) -> None:
    bundle = read_bundle(packed([(MANIFEST, b"service: x"), ("src/a.py", b"pass")]))
    assert bundle.manifest_text == "service: x"
    assert set(bundle.hashes) == {MANIFEST, "src/a.py"}


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\\b", "c:/x", "x" * 300])
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(BadInput):
        read_bundle(packed([(name, b"")]))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_only_plain_files_are_taken(kind: bytes) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("link")
        info.type = kind
        info.linkname = "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(BadInput):
        read_bundle(stream.getvalue())


def test_a_doubled_name_is_refused() -> None:
    with pytest.raises(BadInput, match="twice"):
        read_bundle(packed([("a", b"1"), ("a", b"2")]))


def test_a_huge_member_is_refused_before_it_is_read() -> None:
    data = bytearray(packed([("a", b"")]))
    header = tarfile.TarInfo("a")
    header.size = 1 << 30
    data[:512] = header.tobuf()[:512]
    with pytest.raises(TooLarge):
        read_bundle(bytes(data))


@given(st.binary(max_size=2000))
def test_noise_never_breaks_the_reader(data: bytes) -> None:
    try:
        read_bundle(data)
    except StellwerkError as error:
        assert error.status in (400, 413)


def test_a_missing_or_unreadable_manifest_is_named() -> None:
    with pytest.raises(BadInput, match=MANIFEST):
        assert Bundle({}).manifest_text
    with pytest.raises(BadInput, match="UTF-8"):
        assert Bundle({MANIFEST: b"\xff"}).manifest_text


def test_words_about_a_service_are_not_its_code() -> None:
    plain = Bundle({MANIFEST: b"a", "service.py": b"x"})
    assert plain.code_digest == Bundle({MANIFEST: b"b", "service.py": b"x", "README.md": b"words",
                                        "tests/test_x.py": b"t"}).code_digest
    assert plain.code_digest != Bundle({MANIFEST: b"a", "service.py": b"y"}).code_digest
