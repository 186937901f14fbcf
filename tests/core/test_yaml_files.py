"""Files that people edit are read quickly, and say the same as if they were read slowly."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from nexus_import.core import yaml_files
from nexus_import.core.yaml_files import UnreadableFile, YamlFile

INCLUDE = Path(__file__).resolve().parents[2] / "include"
FILES = sorted(INCLUDE.rglob("*.yaml"))
MISTAKES = ["key: [1, 2", "key: a: b", "\tkey: 1", "key: @name", "key: 'open", "- 1\nkey: 2", "key: &a [*b]", "a: !x 1"]


def read_slowly(path: Path, monkeypatch: pytest.MonkeyPatch) -> YamlFile:
    with monkeypatch.context() as patch:
        patch.setattr(yaml_files, "_QUICK_LOADER", yaml.SafeLoader)
        return YamlFile.read(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INCLUDE)))
def test_our_own_files_read_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert YamlFile.read(path) == read_slowly(path, monkeypatch)


@pytest.mark.parametrize("text", MISTAKES)
def test_mistake_is_told_in_the_words_of_the_slow_parser(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mistaken.yaml"
    path.write_text(text)
    with pytest.raises(UnreadableFile) as slow:
        read_slowly(path, monkeypatch)
    with pytest.raises(UnreadableFile) as quick:
        YamlFile.read(path)
    assert str(quick.value) == str(slow.value)


def test_keys_that_are_merged_in_keep_their_lines_and_are_no_repetition(tmp_path: Path) -> None:
    path = tmp_path / "merged.yaml"
    path.write_text("base: &base\n  one: 1\n  two: 2\nother:\n  <<: *base\n  two: 3\n")
    read = YamlFile.read(path)
    assert read.content["other"] == {"one": 1, "two": 3}
    assert read.places.where("other.two") == "merged.yaml line 6: other.two"
    assert read.repeated == ()


def test_empty_file_has_no_content(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert YamlFile.read(path).content is None
