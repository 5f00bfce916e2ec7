"""The page of one run, its live part, and its forms."""

from __future__ import annotations

import html
import re

import pytest

from stellwerk.features import experiments, logged_models, runs
from stellwerk.features.identity import actor_named
from stellwerk.kernel.actor import Actor
from tests.pages import Sample, Visit, Visitor
from tools.sample_tracking import SampleRuns, register


@pytest.fixture
def actor(tracked: Sample) -> Actor:
    with tracked.home.installation.database.read() as connection:
        return actor_named(connection, "ben")


def test_the_verdict_names_the_metric_that_readers_ask_for(ben: Visitor, tracked: Sample) -> None:
    page = ben.get(f"/runs/{tracked.ids['trial 12']}").text
    assert re.search(r"Finished after 2 min 20 s with <strong>val_auc 0\.\d+</strong>; no run of the experiment has a "
                     r"higher one\.", page)
    failed = ben.get(f"/runs/{tracked.ids['trial 13']}").text
    assert "Failed after 2 min 25 s with <strong>val_auc" in failed
    running = ben.get(f"/runs/{tracked.ids['open run']}").text
    assert re.search(r"Under way for .*; <strong>val_loss is 0\.\d+</strong> at step 37\.", running)
    assert "without a metric." in ben.get(f"/runs/{tracked.ids['parent']}").text


def test_all_that_a_run_logged(ben: Visitor, tracked: Sample) -> None:
    run = tracked.ids["trial 0"]
    page = ben.get(f"/runs/{run}").text
    for words in ('<th scope="row">solver</th><td>adam</td>', "val_auc: from 0.", " in 60 points",
                  f'href="/runs/{tracked.ids["parent"]}">sweep of solvers</a>', "applications", "9f21c0de",
                  f'href="/runs/{run}/artifacts?path=plots/calibration.png"', "loan_to_value",
                  '<th scope="row">stage</th><td>search</td>', "/models/mortgage-notebook/versions/1",
                  f'mlflow.get_run(&#34;{run}&#34;)'):
        assert words in page, words
    # Tags of clients are folded away.
    assert "mlflow.parentRunId" in page.split('id="client-tags"')[-1] or "mlflow.parentRunId" not in page


def test_hostile_content_is_text(ben: Visitor, tracked: Sample) -> None:
    page = ben.get(f"/runs/{tracked.ids['nasty']}").text
    assert "&lt;img src=x onerror=document.title=1&gt;" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for markup in ("<img src=x", "<script>alert", "<b>x</b>"):
        assert markup not in page


def test_nested_runs_stand_on_the_page_of_their_parent(ben: Visitor, tracked: Sample) -> None:
    page = ben.get(f"/runs/{tracked.ids['parent']}").text
    assert page.count('<th scope="row"><a href="/runs/') == 24
    compare = re.search(r'href="(/runs/compare\?[^"]+)">Compare nested runs', page)
    assert compare
    assert "24 runs compared" in ben.get(html.unescape(compare.group(1))).text


def test_the_live_part_comes_only_when_it_differs(ben: Visitor, tracked: Sample, actor: Actor) -> None:
    run = tracked.ids["open run"]
    page = ben.get(f"/runs/{run}").text
    found = re.search(rf'data-poll="/runs/{run}/live" data-seen="(\w+)"', page)
    assert found
    assert ben.get(f"/runs/{run}/live?seen={found.group(1)}").status_code == 204
    tracked.home.installation.tracking.write(lambda st: runs.log(
        st, actor, run, points=[runs.Point("val_loss", experiments.now_ms(), 38, 0.25, 0)]))
    fresh = ben.get(f"/runs/{run}/live?seen={found.group(1)}")
    assert fresh.status_code == 200
    assert "0.25" in fresh.text
    assert 'id="live" data-poll' in fresh.text
    seen = re.search(r'data-seen="(\w+)"', fresh.text)
    assert seen
    # The end of a run is a change, too.
    tracked.home.installation.tracking.write(lambda st: runs.update_run(st, actor, run, status="FINISHED", end_time=9))
    ended = ben.get(f"/runs/{run}/live?seen={seen.group(1)}")
    assert ended.status_code == 200
    assert "data-poll" not in ended.text
    assert "data-poll" not in ben.get(f"/runs/{run}").text


def test_curves_by_address(ben: Visitor, tracked: Sample) -> None:
    page = ben.get(f"/runs/{tracked.ids['trial 0']}?m=train_loss&smooth=0.8").text
    assert 'id="curve-0"' in page
    assert 'id="curve-1"' not in page
    assert "Smoothed with weight 0.8" in page


def test_renaming_deleting_restoring(ben: Visitor, tracked: Sample) -> None:
    address = f"/runs/{tracked.ids['trial 5']}"
    ben.get(address)
    answer = ben.post(f"{address}/rename", name="  best so far ")
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert "<h1>best so far</h1>" in ben.get(address).text
    for name in ("", "   ", "x" * 251, "a\x00b", "a\nb\x07"):
        refused = ben.post(f"{address}/rename", name=name)
        assert refused.status_code == 400, name
        assert 'id="refused"' in refused.text
    assert ben.post(f"{address}/delete").status_code == 303
    page = ben.get(address).text
    assert "</svg><span>deleted</span>" in page
    assert "Rename run" not in page
    # A deleted run takes no changes.
    assert ben.post(f"{address}/rename", name="other").status_code == 409
    assert ben.post(f"{address}/restore").status_code == 303
    assert "Delete run" in ben.get(address).text


def test_forms_need_the_token_of_the_session_and_the_right_to_write(ben: Visitor, visit: Visit, tracked: Sample) -> None:
    address = f"/runs/{tracked.ids['trial 5']}"
    ben.csrf = "forged"
    assert ben.post(f"{address}/delete").status_code == 403
    vera = visit("vera")
    page = vera.get(address).text
    assert "Delete run" not in page
    assert vera.post(f"{address}/delete").status_code == 403
    assert "Delete run" in ben.get(address).text


def test_runs_that_are_none(ben: Visitor) -> None:
    for run, status in (("0" * 32, 404), ("x", 404), ("compare%2F..", 404), ("%3Cscript%3E", 422), ("a%00b", 422)):
        answer = ben.get(f"/runs/{run}")
        assert answer.status_code == status, run
        assert "<script>" not in answer.text.replace('<script type="module"', "")


def test_models_that_a_run_made_lead_to_their_files(ben: Visitor, tracked: Sample, actor: Actor) -> None:
    run, experiment = tracked.ids["trial 2"], int(tracked.ids["experiment"])
    sample = SampleRuns(tracked.home.installation, "ben")
    made = tracked.home.installation.tracking.write(lambda st: logged_models.create_model(
        st, actor, experiment, name="scorer", source_run_id=run))
    tracked.home.installation.tracking.write(lambda st: runs.log_outputs(st, actor, run, [(made.id, 3)]))
    sample.artifact(made.id, "MLmodel", b"flavors: {}\n")
    page = ben.get(f"/runs/{run}").text
    assert f'/runs/{run}/artifacts?model={made.id}">scorer</a>' in page
    files = ben.get(f"/runs/{run}/artifacts?model={made.id}&path=MLmodel").text
    assert "flavors: {}" in files
    assert ben.get(f"/runs/{run}/artifacts?model=m-{'0' * 32}").status_code == 404


def test_a_services_training_leads_to_service_version_and_data(ben: Visitor, visit: Visit, tracked: Sample) -> None:
    home = tracked.home
    number = home.ship("mortgage-decisions", "Mortgage pre-decision")
    with home.installation.database.read() as connection:
        from stellwerk.features.models import get_version
        run = str(get_version(connection, "mortgage-decisions", number)["run_id"])
    sample = SampleRuns(home.installation, "ben")
    sample.run(int(tracked.ids["experiment"]), "training", minutes_ago=1, run_id=run, params={"C": 1.0})
    sample.artifact(run, "model/MLmodel", b"flavors: {}\n")
    register(sample, "mortgage-decisions", run, ())
    page = ben.get(f"/runs/{run}").text
    for words in ('<a href="/services/mortgage-decisions">Mortgage pre-decision</a>',
                  '<a href="/services/mortgage-decisions/versions/1">version 1</a>', "2,380 rows", "asked for by"):
        assert words in page, words
    version = ben.get("/models/mortgage-decisions/versions/1").text
    assert '<a href="/services/mortgage-decisions/versions/1">Mortgage pre-decision, version 1</a>' in version
    assert "trained by it" in version
    assert "2,380 rows" in version
    assert "Mortgage pre-decision, version 1" in ben.get("/models/mortgage-decisions").text
