"""The roster: accounts, roles, passwords and invites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflow_hub.errors import RosterError
from dataflow_hub.roster import Member, Roster

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "quatro palavras bem longas"


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    people = Roster(tmp_path / "roster.sqlite", first_uid=64_000)
    people.add("ana", "Ana Demo", "medallion", "student", "en")
    return people


def test_a_member_has_a_role_by_course(roster: Roster) -> None:
    """One person may grade one course and study another."""
    roster.add("ana", "Ana Demo", "mlops", "grader", "pt-BR")
    assert roster.roles("ana") == {"medallion": "student", "mlops": "grader"}
    assert roster.members("mlops") == [Member("ana", "Ana Demo", "grader", "pt-BR")]
    assert roster.role("streaming", "ana") is None


def test_a_uid_is_never_used_twice(roster: Roster) -> None:
    """A removed account's uid goes to nobody, not even to the same name."""
    first = roster.uid("ana")
    assert roster.remove("ana")
    roster.add("ana", "Another Ana", "medallion", "student", "en")
    roster.add("bruno", "Bruno", "medallion", "student", "en")
    assert len({first, roster.uid("ana"), roster.uid("bruno")}) == 3


def test_an_invite_works_once(roster: Roster) -> None:
    """The first use sets the password; the second is refused."""
    token = roster.invite("ana")
    assert roster.invited(token) == "ana"
    assert roster.accept_invite(token, PASSWORD) == "ana"
    assert roster.verify("ana", PASSWORD)
    with pytest.raises(RosterError, match="used or has expired"):
        roster.accept_invite(token, PASSWORD)


def test_a_new_invite_ends_the_old_one(roster: Roster) -> None:
    """A link sent to the wrong person is undone by making another."""
    old = roster.invite("ana")
    roster.invite("ana")
    assert roster.invited(old) is None


def test_an_invite_expires(roster: Roster) -> None:
    """After its hours a link does nothing."""
    assert roster.invited(roster.invite("ana", hours=-1)) is None


def test_neither_token_nor_password_is_kept_in_the_clear(roster: Roster, tmp_path: Path) -> None:
    """Whoever reads the file can log in as nobody."""
    token = roster.invite("ana")
    roster.accept_invite(roster.invite("ana"), PASSWORD)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept


def test_a_short_password_keeps_the_invite(roster: Roster) -> None:
    """A refused password does not use the link up."""
    token = roster.invite("ana")
    with pytest.raises(RosterError, match="10 to"):
        roster.accept_invite(token, "short")
    assert roster.invited(token) == "ana"


@pytest.mark.parametrize("name", ["Ana", "a", "../etc", "ana silva", "=cmd", "root", "ana_b", "x" * 33, "-ana", "ana..b"])
def test_a_name_that_could_not_be_a_folder_or_a_bucket_is_refused(roster: Roster, name: str) -> None:
    """Account names become folders, buckets and addresses."""
    with pytest.raises(RosterError):
        roster.add(name, "Name", "medallion", "student", "en")


def test_without_a_password_nobody_logs_in(roster: Roster) -> None:
    """An account whose invite was not used has no password, not an empty one."""
    assert not roster.verify("ana", "")
    assert not roster.verify("nobody-here", "")
