"""Settings come from file and environment; a wrong one is named with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.infra.settings import Home, Settings, load_settings
from stellwerk.kernel.errors import BadInput


def test_defaults_hold_without_a_file(tmp_path: Path) -> None:
    assert load_settings(Home(tmp_path)).job_seconds == Settings().job_seconds


def test_the_environment_comes_after_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stellwerk.toml").write_text('hosts = "ml.example, localhost"\njob_seconds = 5\nmetrics_public = true\n')
    monkeypatch.setenv("STELLWERK_JOB_SECONDS", "7")
    settings = load_settings(Home(tmp_path))
    assert settings.job_seconds == 7
    assert settings.metrics_public is True
    assert settings.host_list == ("ml.example", "localhost")


@pytest.mark.parametrize(("text", "field"), [
    ("job_secs = 5", "job_secs"), ('job_seconds = "soon"', "job_seconds"), ('metrics_public = "maybe"', "metrics_public"),
])
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "stellwerk.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        load_settings(Home(tmp_path))
    assert caught.value.field == field
    assert caught.value.allowed


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "stellwerk.toml").write_text("= =")
    with pytest.raises(BadInput, match=r"stellwerk\.toml"):
        load_settings(Home(tmp_path))


def test_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    assert home.keys_dir.stat().st_mode & 0o077 == 0
    assert home.path.stat().st_mode & 0o077 == 0
