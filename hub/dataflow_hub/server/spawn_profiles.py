"""The sizes of server that a student chooses from; whoever chooses nothing gets the usual one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from dataflow_hub.errors import SettingsError
from dataflow_hub.sandbox import Limits
from dataflow_hub.sandbox.box import server_limits
from dataflow_hub.settings import Sandbox

QUERY = "opt-profile"  # of the address that starts a server: /hub/spawn?opt-profile=light


@dataclass(frozen=True)
class Profile:
    """A size of server: its image where it is a container, and its memory and processors as parts of what `[sandbox]` gives."""

    name: str
    image: str
    memory: float
    cores: float

    def limits(self, settings: Sandbox) -> Limits:
        """Give what such a server may use."""
        usual = server_limits(settings)
        return replace(usual, memory_mib=ceil(usual.memory_mib * self.memory), cpu_cores=usual.cpu_cores * self.cores)


USUAL = Profile("spark", "lessons", memory=1, cores=1)
PROFILES = (
    Profile("light", "notebook", memory=0.5, cores=0.5),
    USUAL,
    Profile("streaming", "lessons", memory=1.25, cores=1),
    Profile("mlops", "lessons", memory=1, cores=2),
)


def find_profile(name: str) -> Profile:
    """Give the profile called `name`.

    Raises
    ------
    SettingsError
        There is none.
    """
    for each in PROFILES:
        if each.name == name:
            return each
    raise SettingsError(f"There is no profile {name}.", fix=f"One of: {', '.join(each.name for each in PROFILES)}.")


class Choosable:
    """A spawner's part that heeds what a student chose. JupyterHub keeps the choice for starts that name none."""

    user_options: dict[str, Any]

    def options_from_query(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """Give the choice in the address that was opened; raises SettingsError for one that there is not."""
        return {"profile": find_profile(query.get("profile", [USUAL.name])[-1]).name}

    @property
    def profile(self) -> Profile:
        """What was chosen; the usual one where that is no longer there: an old choice must not keep anybody out."""
        return next((each for each in PROFILES if each.name == self.user_options.get("profile")), USUAL)
