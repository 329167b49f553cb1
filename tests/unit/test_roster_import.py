"""Importing a class from a CSV file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflow_hub.errors import RosterError
from dataflow_hub.operations import roster
from dataflow_hub.roster import open_roster
from dataflow_hub.settings import Lab, load_lab

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = load_lab(state=tmp_path / "state", environ={})
    lab.workspace.prepare()
    return lab


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def test_each_new_person_gets_a_link_with_the_token_in_the_fragment(lab: Lab, tmp_path: Path) -> None:
    """A fragment is sent to no server, so it stays out of every log."""
    invites = roster.import_csv(lab, "medallion", _file(tmp_path, "username,name,role,language\nana,Ana Ção,student,pt-BR\n"))
    assert [invite.user for invite in invites] == ["ana"]
    assert invites[0].url.startswith(f"{lab.public_url}/hub/invite#")
    assert roster.members(lab, "medallion")[0].full_name == "Ana Ção"


def test_links_of_a_class_still_work_after_its_import_into_a_second_course(lab: Lab, tmp_path: Path) -> None:
    """The links that were sent out first are good until one of a person's is used; then none is."""
    file = _file(tmp_path, "username,name,role\nana,Ana,student\n")
    tokens = [roster.import_csv(lab, course, file)[0].url.partition("#")[2] for course in ("medallion", "mlops")]
    accounts = open_roster(lab)
    assert [accounts.invited(token) for token in tokens] == ["ana", "ana"]
    accounts.accept_invite(tokens[0], "quatro palavras bem simples")
    assert [accounts.invited(token) for token in tokens] == [None, None]


def test_a_spreadsheets_semicolons_are_read(lab: Lab, tmp_path: Path) -> None:
    """Spreadsheets in Brazil write semicolons."""
    roster.import_csv(lab, "medallion", _file(tmp_path, "username;name;role\nana;Ana;grader\n"))
    assert roster.members(lab, "medallion")[0].role == "grader"


def test_every_wrong_line_is_named_and_nobody_is_added(lab: Lab, tmp_path: Path) -> None:
    """All or nothing, with the reasons."""
    lines = ["ana,Ana,student,en", "Bad Name,B,student,en", "bia,=HYPERLINK(),student,en", "caio,Caio,boss,en", "ana,Ana,student,en"]
    text = "\n".join(["username,name,role,language", *lines])
    with pytest.raises(RosterError) as caught:
        roster.import_csv(lab, "medallion", _file(tmp_path, text))
    for line, words in ((3, "user name"), (4, "formula"), (5, "not a role"), (6, "twice")):
        assert any(f"line {line}:" in reason and words in reason for reason in caught.value.why.splitlines())
    assert roster.members(lab, "medallion") == []


def test_a_missing_column_is_named(lab: Lab, tmp_path: Path) -> None:
    """The message says which column and how the first line looks."""
    with pytest.raises(RosterError, match="name, role"):
        roster.import_csv(lab, "medallion", _file(tmp_path, "username\nana\n"))


def test_the_admin_link_is_given_until_it_was_used(lab: Lab) -> None:
    """There is no default password: a first administrator comes by a one-time link."""
    from dataflow_hub.roster import open_roster

    link = roster.admin_link(lab)
    assert link is not None
    open_roster(lab).accept_invite(link.partition("#")[2], "quatro palavras bem longas")
    assert roster.admin_link(lab) is None
