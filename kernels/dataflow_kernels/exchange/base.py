"""What the student's exchange classes share."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.abc import Exchange
from traitlets import Bool

from dataflow_kernels.environ import process_environment
from dataflow_kernels.errors import KernelError
from dataflow_kernels.exchange.client import Client


class LabExchange(Exchange):  # type: ignore[misc]
    """nbgrader's exchange over the lab's own service. Making one opens no connection; `start` does."""

    path_includes_course = Bool(default_value=False, help="Put assignments in <course>/<assignment> instead of <assignment>.").tag(
        config=True
    )

    @property
    def client(self) -> Client:
        """The connection that the environment describes."""
        return Client.from_environment()

    @property
    def language(self) -> str:
        """The student's language, "en" or "pt-BR"."""
        return process_environment().get("DATAFLOW_LANGUAGE", "en")

    @property
    def home(self) -> Path:
        """Where receipts are kept."""
        return Path.home()

    def folder(self, course: str, lesson: str) -> Path:
        """Give the folder that an assignment has or will have."""
        root = Path(self.assignment_dir).absolute()
        return root / course / lesson if self.path_includes_course else root / lesson

    @contextmanager
    def friendly(self) -> Iterator[None]:
        """Turn errors that a student can act on into nbgrader's own kind, logged."""
        try:
            yield
        except KernelError as error:
            self.log.error("%s", error)  # noqa: TRY400 - the text is for the student; frames would bury it
            raise ExchangeError(str(error)) from None
        except OSError as error:
            self.log.error("%s", error)  # noqa: TRY400
            message = f"Your files could not be read or written: {error}"
            raise ExchangeError(message) from None

    def named(self) -> tuple[str, str]:
        """Give the course and assignment that were asked for; nbgrader's ExchangeError when one is missing."""
        course, lesson = self.coursedir.course_id, self.coursedir.assignment_id
        if not course or not lesson:
            self.fail("Name the course and the assignment: nbgrader <command> ASSIGNMENT --course COURSE")
        return course, lesson

    def init_src(self) -> None:
        """Nothing to prepare: the service checks."""

    def init_dest(self) -> None:
        """Nothing to prepare."""

    def copy_files(self) -> None:
        """Nothing to copy."""


def decoded(files: Mapping[str, str]) -> dict[str, bytes]:
    """Give file contents that came as base64."""
    return {name: base64.b64decode(text) for name, text in files.items()}
