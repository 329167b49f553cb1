"""What a student is told of a home that holds too much, and when its server is stopped."""

import time
from pathlib import Path

import pytest

from dataflow_hub.roster import open_roster
from dataflow_hub.sandbox.disk import Size
from dataflow_hub.server import home_guard, home_size
from dataflow_hub.settings import Lab, load_lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = load_lab(state=tmp_path, environ={"DATAFLOW__SANDBOX__HOME_MIB": "1", "DATAFLOW__SANDBOX__HOME_STOP_MIB": "100"})
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


def test_who_was_stopped_is_told_so_until_the_next_start(lab: Lab) -> None:
    home_size.keep(lab, "ana", Size(3 << 30, 12), stopped=True)
    assert home_size.was_stopped(lab, "ana")
    assert "3,0 GB" in home_size.notice(lab, "ana")
    assert "Nothing was deleted" in home_size.notice(lab, "ana", "en")
    home_size.measure(lab, "ana")
    assert not home_size.was_stopped(lab, "ana")
    assert not home_size.notice(lab, "ana")


def test_what_an_earlier_version_kept_is_no_error(lab: Lab) -> None:
    kept = lab.workspace.run / "home-sizes" / "ana"
    kept.parent.mkdir(parents=True)
    kept.write_text("123")
    assert home_size.kept(lab, "ana") == Size()


MIB = 1 << 20


@pytest.mark.parametrize(
    ("now", "at_start", "scarce", "stopped"),
    [
        (Size(99 * MIB), Size(), False, False),  # more than is hers, and the disk has room: she is told, not stopped
        (Size(101 * MIB), Size(), False, True),
        (Size(99 * MIB), Size(), True, True),  # the disk has none
        (Size(MIB), Size(), True, False),  # who is within the own size never pays for others
        (Size(200 * MIB), Size(200 * MIB), True, False),  # came back to make room
        (Size(210 * MIB), Size(200 * MIB), True, False),  # a kernel's own small files
        (Size(250 * MIB), Size(200 * MIB), True, True),  # came back and goes on
        (Size(0, 200_001), Size(), False, True),  # places for files end as well
        (Size(0, 200_001), Size(0, 200_000), False, False),
        (Size(0, 400_001), Size(0, 400_001), False, True),  # nobody knows whether it grows
    ],
)
def test_a_server_is_stopped_when_its_home_grows_beyond_its_size(lab: Lab, now: Size, at_start: Size, scarce: bool, stopped: bool) -> None:
    assert home_guard.goes_beyond(lab, now, at_start, scarce=scarce) is stopped


class Hub:
    """The servers that run, and what became of them."""

    def __init__(self, *running: str) -> None:
        self.servers = list(running)
        self.asked = 0

    def running(self) -> list[str]:
        self.asked += 1
        return list(self.servers)

    def stop(self, user: str) -> None:
        self.servers.remove(user)


def test_homes_are_counted_now_and_then_and_at_once_when_the_disk_is_nearly_full(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, scarce = Hub("ana"), False
    monkeypatch.setattr(home_guard, "is_scarce", lambda _: scarce)
    guard = home_guard.Guard(lab, hub)  # type: ignore[arg-type]
    guard.look()
    guard.look()
    assert (hub.asked, hub.servers) == (1, ["ana"])
    (lab.workspace.homes / "ana" / "big").write_bytes(b"x" * (40 * MIB))
    scarce = True
    monkeypatch.setattr("time.monotonic", lambda later=time.monotonic: later() + 1)
    guard.look()
    assert (hub.asked, hub.servers) == (2, [])
    assert home_size.was_stopped(lab, "ana")


def test_a_disk_with_less_than_the_reserve_is_scarce(lab: Lab) -> None:
    settings = lab.settings.model_copy(update={"sandbox": lab.settings.sandbox.model_copy(update={"disk_reserve_mib": 10**9})})
    assert home_guard.is_scarce(Lab(settings, lab.workspace))
    settings = lab.settings.model_copy(update={"sandbox": lab.settings.sandbox.model_copy(update={"disk_reserve_mib": 0})})
    assert not home_guard.is_scarce(Lab(settings, lab.workspace))
