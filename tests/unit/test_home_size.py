"""What a student is told of a home that holds too much."""

from pathlib import Path

import pytest

from dataflow_hub.roster import open_roster
from dataflow_hub.server import home_size
from dataflow_hub.settings import Lab, load_lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = load_lab(state=tmp_path, environ={"DATAFLOW__SANDBOX__HOME_MIB": "1"})
    lab.workspace.prepare()
    open_roster(lab).add("ana", "Ana", "medallion", "student", "pt-BR")
    (lab.workspace.homes / "ana").mkdir(parents=True)
    return lab


def test_nobody_is_told_of_a_home_within_its_size(lab: Lab) -> None:
    (lab.workspace.homes / "ana" / "small").write_bytes(b"x" * 1000)
    assert not home_size.notice(lab, "ana")
    assert not home_size.measure(lab, "ana")


def test_a_first_start_has_no_home_to_measure(lab: Lab) -> None:
    """It kept every new student out."""
    (lab.workspace.homes / "ana").rmdir()
    assert not home_size.measure(lab, "ana")


def test_a_large_home_is_told_of_in_its_owners_language_until_it_is_smaller(lab: Lab) -> None:
    big = lab.workspace.homes / "ana" / "deep" / "big"
    big.parent.mkdir()
    big.write_bytes(b"x" * (3 << 20))
    assert "Apague" in home_size.measure(lab, "ana")
    assert "Please delete" in home_size.notice(lab, "ana", "en")
    big.unlink()
    assert not home_size.measure(lab, "ana")
    assert not home_size.notice(lab, "ana")


def test_what_a_link_points_at_and_a_hole_in_a_file_are_not_counted(lab: Lab, tmp_path: Path) -> None:
    """Another's folder behind a link is not the student's, and a sparse file takes no disk."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "big").write_bytes(b"x" * (3 << 20))
    (lab.workspace.homes / "ana" / "link").symlink_to(other)
    with (lab.workspace.homes / "ana" / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert not home_size.measure(lab, "ana")
