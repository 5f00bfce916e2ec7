"""What is shown of a file, by what its bytes are."""

from __future__ import annotations

import io
import json

import pytest

from stellwerk.features.artifacts import Artifact
from stellwerk.features.tracking_pages.preview import IMAGE_BYTES, TEXT_BYTES, Preview, folders, image_type, preview


def of(name: str, data: bytes, size: int | None = None) -> Preview:
    return preview(Artifact(name, "0" * 64, len(data) if size is None else size, 0), io.BytesIO(data))


@pytest.mark.parametrize(("start", "kind"), [
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"), (b"RIFF\0\0\0\0WAVE", None), (b"<svg>", None), (b"", None), (b"BM", None)])
def test_images_by_their_first_bytes(start: bytes, kind: str | None) -> None:
    assert image_type(start) == kind


def test_kinds_of_preview() -> None:
    assert of("a.png", b"\x89PNG\r\n\x1a\n...").kind == "image"
    assert of("a.png", b"no image").kind == "nothing"
    assert of("a.png", b"\x89PNG\r\n\x1a\n...", IMAGE_BYTES + 1).why == "The image is too large to be shown here."
    assert of("a.txt", b"").why == "The file is empty."
    assert of("a.bin", b"\x00\x01").kind == "nothing"
    assert of("a.txt", b"\xff\xfe").kind == "nothing"
    assert of("a.py", "größer".encode()).text == "größer"
    assert of("a.txt", b"\xef\xbb\xbfmarked").text == "marked"


def test_long_text_is_cut_between_characters() -> None:
    found = of("a.txt", b"x" * (TEXT_BYTES - 1) + "é".encode() + b"more")
    assert found.kind == "text"
    assert found.cut
    assert found.text == "x" * (TEXT_BYTES - 1)
    assert not of("a.txt", b"x" * TEXT_BYTES).cut


def test_tables_of_csv_and_of_clients() -> None:
    found = of("a.csv", b'name,value\r\n"a, b",1\nshort\nlong,2,3\n')
    assert (found.kind, found.head) == ("table", ["name", "value", ""])
    assert found.rows == [["a, b", "1", ""], ["short", "", ""], ["long", "2", "3"]]
    assert of("a.tsv", b"a\tb\n1\t2\n").rows == [["1", "2"]]
    many = of("a.csv", b"n\n" + b"1\n" * 500)
    assert (len(many.rows), many.cut) == (200, True)
    logged = of("t.json", json.dumps({"columns": ["q", "n"], "data": [["x", 1], [None, {"a": 2}]]}).encode())
    assert (logged.head, logged.rows) == (["q", "n"], [["x", "1"], ["null", '{"a": 2}']])
    assert of("a.csv", b'"' + b"x" * 200_000).kind == "text"


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "1" * 10_000, '{"columns": 1, "data": 2}', '{"a": NaN}', "é"])
def test_odd_json_is_shown_all_the_same(text: str) -> None:
    assert of("a.json", text.encode()).kind == "text"


def test_a_tree_of_files() -> None:
    found = [Artifact(path, "", 10, 0) for path in ("a.txt", "m/MLmodel", "m/data/x", "m/data/y")]
    root = folders(found)
    assert (root.count, root.size, [file.path for file in root.files]) == (4, 40, ["a.txt"])
    assert root.folders["m"].folders["data"].path == "m/data"
    assert root.folders["m"].count == 3
