"""Artifacts: a look inside that runs nothing, downloads, and whose they are."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from stellwerk.features.identity import add_person, grant
from stellwerk.kernel.actor import SYSTEM
from tests.pages import Sample, Visit, Visitor
from tools.sample_tracking import SampleRuns, picture


@pytest.fixture
def address(tracked: Sample) -> str:
    return f"/runs/{tracked.ids['trial 0']}"


def keep(tracked: Sample, path: str, data: bytes) -> None:
    SampleRuns(tracked.home.installation, "ben").artifact(tracked.ids["trial 0"], path, data)


def test_the_tree_and_each_kind_of_preview(ben: Visitor, address: str) -> None:
    tree = ben.get(f"{address}/artifacts").text
    assert "7 files, " in tree
    assert "<summary>plots" in tree
    table = ben.get(f"{address}/artifacts?path=tables/thresholds.csv").text
    assert '<th scope="col">precision</th>' in table
    assert "<td>0.89</td>" in table
    assert 'aria-current="page">thresholds.csv</a>' in table
    model = ben.get(f"{address}/artifacts?path=model/MLmodel").text
    assert "loader_module: mlflow.sklearn" in model
    laid_out = ben.get(f"{address}/artifacts?path=config.json").text
    assert "  &#34;schedule&#34;: {\n    &#34;warmup&#34;: 5" in laid_out
    nothing = ben.get(f"{address}/artifacts?path=model/model.skops").text
    assert "It is not text" in nothing
    assert "Download</a>" in nothing


def test_markup_in_files_is_shown_and_never_run(ben: Visitor, address: str) -> None:
    for path, shown in (("report.html", "&lt;script&gt;document.title=1&lt;/script&gt;"), ("notes.txt", "&lt;b&gt;No")):
        page = ben.get(f"{address}/artifacts?path={path}").text
        assert shown in page
        assert "<script>document" not in page
    assert ben.get(f"{address}/image?path=report.html").status_code == 400


def test_images_come_as_what_their_bytes_are(ben: Visitor, tracked: Sample, address: str) -> None:
    assert f'<img src="{address}/image?path=plots/calibration.png" alt="plots/calibration.png">' in ben.get(
        f"{address}/artifacts?path=plots/calibration.png").text
    answer = ben.get(f"{address}/image?path=plots/calibration.png")
    assert answer.content == picture()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for path, data in (("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"),
                       ("false.png", b"<html><script>1</script>"), ("empty.png", b"")):
        keep(tracked, path, data)
        assert ben.get(f"{address}/image?path={path}").status_code == 400
        assert "<img src=" not in ben.get(f"{address}/artifacts?path={path}").text
    # A name says nothing: an image under another name is one.
    keep(tracked, "plot.data", picture())
    assert ben.get(f"{address}/image?path=plot.data").headers["content-type"] == "image/png"


def test_downloads_are_attachments_in_a_sandbox(ben: Visitor, tracked: Sample, address: str) -> None:
    answer = ben.get(f"{address}/file?path=report.html")
    assert answer.content == b"<script>document.title=1</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="report.html"'
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    keep(tracked, 'odd "name\u00e9;.txt', b"x")
    odd = ben.get(f"{address}/file?path=odd%20%22name%C3%A9%3B.txt").headers["content-disposition"]
    assert odd.startswith("attachment; filename*=utf-8''odd%20%22name")


def test_paths_that_lead_elsewhere_are_refused(ben: Visitor, address: str) -> None:
    for path in ("../../etc/passwd", "..", "a/../b", "%2e%2e/x", "a//b", "C:/x", "a\\b", "x\x00y"):
        for part in ("artifacts", "file", "image"):
            answer = ben.get(f"{address}/{part}?path={quote(path, safe='')}")
            assert answer.status_code in (400, 404), (part, path)
            assert "root:" not in answer.text


def test_files_and_folders_that_are_none(ben: Visitor, address: str) -> None:
    assert ben.get(f"{address}/file?path=nothing.txt").status_code == 404
    assert ben.get(f"{address}/artifacts?path=model").status_code == 400
    assert ben.get(f"{address}/file").status_code == 422
    assert ben.get(f"/runs/{'0' * 32}/artifacts").status_code == 404


def test_files_of_another_team_are_not_there(tracked: Sample, visit: Visit, address: str) -> None:
    with tracked.home.installation.database.write(SYSTEM) as work:
        add_person(work, "mia")
        grant(work, "mia", "viewer", "claims")
    mia = visit("mia")
    for part in ("artifacts?path=notes.txt", "file?path=notes.txt", "image?path=plots/calibration.png"):
        assert mia.get(f"{address}/{part}").status_code == 404
