"""Names from outside become paths only when they are plain."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow_hub.exchange.model import Limits
from dataflow_hub.exchange.names import check_files, check_path, check_paths, check_word
from dataflow_hub.exchange.refusals import RefusedError

BAD_PATHS = [
    "", ".", "..", "../x", "a/../b", "/etc/passwd", "a//b", "a/", "a\0b", "a\\b", "a\nb", "C:\\x", " a", "a ", "\u202eabc", "\ud800",
    "e\u0301", "x" * 201, "a/" * 9 + "a", "\u2028", "./a", "a/./b", "~root\x7f",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_PATHS)
def test_a_name_that_climbs_hides_or_breaks_lines_is_refused(name: str) -> None:
    """Absolute, climbing, controlling, unnormalised and overlong names never reach the disk."""
    with pytest.raises(RefusedError):
        check_path(name)


@pytest.mark.parametrize("name", ["bronze.ipynb", "data/região.csv", "relatório final.md", "a/b/c/d.py", ".hidden"])
def test_ordinary_names_in_any_language_are_taken(name: str) -> None:
    """Accents and spaces are ordinary."""
    assert check_path(name) == name


@given(st.text(max_size=50))
def test_any_accepted_name_stays_inside_its_folder(name: str) -> None:
    """Whatever text comes: refused, or strictly below the folder and readable back."""
    try:
        check_path(name)
    except RefusedError:
        return
    path = Path("/store/x") / name
    assert path.is_relative_to("/store/x")
    assert path != Path("/store/x")
    assert ".." not in PurePosixPath(name).parts
    assert PurePosixPath(name).as_posix() == name
    assert name.isprintable()


@given(st.text(max_size=30))
def test_any_accepted_word_is_one_folder_name(word: str) -> None:
    """Courses, lessons, users and ids are one path part that hides nothing."""
    try:
        check_word("course", word)
    except RefusedError:
        return
    assert Path(word).name == word
    assert not word.startswith(".")
    assert word.isascii()


@pytest.mark.parametrize("names", [["a", "A"], ["a", "a/b"], ["x/y", "X"]])
def test_names_that_collide_on_some_file_system_are_refused(names: list[str]) -> None:
    """Two names must be two files everywhere."""
    with pytest.raises(RefusedError):
        check_paths(names)


def test_nothing_at_all_is_no_submission() -> None:
    """An empty folder is a mistake, said as one."""
    with pytest.raises(RefusedError, match="nothing"):
        check_files({}, Limits())
