import gzip
import re
from pathlib import Path

import pytest

from stellwerk.uikit.assets import FOLDER, load_assets, own_assets


def test_the_address_changes_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    first = load_assets(tmp_path)
    assert first.url("a.js") == f"/static/{first.version}/a.js"
    assert first.version == load_assets(tmp_path).version
    (tmp_path / "a.js").write_text("2")
    assert load_assets(tmp_path).version != first.version
    with pytest.raises(KeyError):
        first.url("../a.js")


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.css").write_text(folder)
    with pytest.raises(ValueError, match=r"a\.css"):
        load_assets(tmp_path / "x", tmp_path / "y")


def test_packed_content_is_the_content() -> None:
    asset = own_assets().files["base.css"]
    assert gzip.decompress(asset.packed) == asset.data


def test_modules_import_only_files_that_are_there() -> None:
    for script in FOLDER.glob("*.js"):
        for name in re.findall(r'(?:from|import\()\s*"\./([^"]+)"', script.read_text()):
            assert (FOLDER / name).is_file(), f"{script.name} imports {name}"


def test_nothing_comes_from_elsewhere() -> None:
    for file in [*FOLDER.glob("*.*"), *(FOLDER.parent / "templates").rglob("*.html")]:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text.replace("https://vega.github.io", "")), file


def test_no_inline_style_or_script() -> None:
    for file in Path(FOLDER.parents[1]).rglob("templates/**/*.html"):
        text = file.read_text()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text), file
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script or 'type="application/json"' in script, file


def test_style_sheets_take_colours_from_the_tokens() -> None:
    for file in ("base.css", "components.css"):
        text = (FOLDER / file).read_text()
        assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(|hsl\(", text), file
        used = set(re.findall(r"var\((--[a-z0-9-]+)", text))
        known = set(re.findall(r"^\s*(--[a-z0-9-]+):", (FOLDER / "tokens.css").read_text(), re.MULTILINE))
        assert used <= known, used - known
