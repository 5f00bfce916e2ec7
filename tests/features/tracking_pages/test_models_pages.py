"""Registered models: the list, one model, one version."""

from __future__ import annotations

import re

import pytest

from stellwerk.features.identity import add_person, grant
from stellwerk.features.tracking_pages import models_pages
from stellwerk.kernel.actor import SYSTEM
from tests.pages import Sample, Visit, Visitor, visit_of
from tools.sample_tracking import SampleRuns, register


def test_the_list(ben: Visitor, tracked: Sample) -> None:
    register(SampleRuns(tracked.home.installation, "ben"), "aaa scoring", tracked.ids["trial 1"], ())
    page = ben.get("/models").text
    assert "2 registered models, 1 with an alias." in page
    assert re.findall(r'<th scope="row"><a href="/models/([^"]+)">', page) == ["aaa%20scoring", "mortgage-notebook"]
    assert 'challenger <span class="faint">2</span>' in page
    assert re.findall(r'<th scope="row"><a href="/models/([^"]+)">', ben.get("/models?sort=-newest").text)[0] == (
        "mortgage-notebook")
    assert "No model has “zzz” in its name." in ben.get("/models?q=zzz").text
    assert ben.get("/models?format=csv").text.splitlines()[2].split(",")[:3] == ["mortgage-notebook", "lending", "2"]


def test_one_model_with_its_versions(ben: Visitor, tracked: Sample) -> None:
    page = ben.get("/models/mortgage-notebook").text
    assert "<strong>candidate</strong> is version 1, <strong>challenger</strong> is version 2" in page
    assert page.index("Version 2</a>") < page.index("Version 1</a>")
    assert f'<a href="/runs/{tracked.ids["trial 0"]}">trial-00</a>' in page
    assert "no service" in page
    assert ben.get("/models/nothing").status_code == 404
    assert ben.get("/models/mortgage-notebook?below=x").status_code == 400


def test_versions_by_page(ben: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_pages, "_PAGE", 1)
    page = ben.get("/models/mortgage-notebook").text
    assert "Version 1</a>" not in page
    older = ben.get("/models/mortgage-notebook?below=2").text
    assert "Version 1</a>" in older
    assert "Older" not in older
    assert "No version lies below 1." in ben.get("/models/mortgage-notebook?below=1").text


def test_one_version_from_data_to_services(ben: Visitor, tracked: Sample) -> None:
    page = ben.get("/models/mortgage-notebook/versions/2").text
    for words in ("applications", "9f21c0de", f'<a href="/runs/{tracked.ids["trial 0"]}">trial-00</a>',
                  "challenger", "shadow", "No service stands on it", "models:/mortgage-notebook/2",
                  f'/runs/{tracked.ids["trial 0"]}/artifacts?path=model/MLmodel', "artifact of the run"):
        assert words in page, words
    assert "notes.txt" not in page
    assert ben.get("/models/mortgage-notebook/versions/9").status_code == 404
    assert ben.get("/models/mortgage-notebook/versions/0").status_code == 422


def test_hostile_names_are_text(ben: Visitor, tracked: Sample) -> None:
    name = "<b onclick=x>é & \"model\""
    register(SampleRuns(tracked.home.installation, "ben"), name, tracked.ids["nasty"], ("nasty",))
    for address in ("/models", "/models/%3Cb%20onclick%3Dx%3E%C3%A9%20%26%20%22model%22",
                    "/models/%3Cb%20onclick%3Dx%3E%C3%A9%20%26%20%22model%22/versions/1"):
        page = ben.get(address)
        assert page.status_code == 200
        assert "<b onclick" not in page.text
        assert "&lt;b onclick=x&gt;é &amp; &#34;model&#34;" in page.text


def test_models_of_another_team_are_not_there(tracked: Sample, visit: Visit) -> None:
    with tracked.home.installation.database.write(SYSTEM) as work:
        add_person(work, "mia")
        grant(work, "mia", "viewer", "claims")
    mia = visit("mia")
    assert "No registered model yet" in mia.get("/models").text
    assert mia.get("/models/mortgage-notebook").status_code == 404
    assert mia.get("/models/mortgage-notebook/versions/1").status_code == 404


def test_an_empty_home_names_the_line(empty: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "mlflow.register_model(" in visit_of(empty, monkeypatch)("ben").get("/models").text
