"""nbgrader's configuration in a student's server: `from dataflow_kernels.exchange.config import configure; configure(get_config())`."""

from __future__ import annotations

from typing import Any

from dataflow_kernels.exchange.base import LabExchange
from dataflow_kernels.exchange.fetching import LabExchangeFetchAssignment, LabExchangeFetchFeedback
from dataflow_kernels.exchange.listing import LabExchangeList
from dataflow_kernels.exchange.submitting import LabExchangeSubmit


def configure(c: Any, course: str = "") -> None:
    """Set nbgrader's exchange classes to the lab's; `course` is for a server that serves one course only."""
    c.ExchangeFactory.exchange = LabExchange
    c.ExchangeFactory.list = LabExchangeList
    c.ExchangeFactory.fetch_assignment = LabExchangeFetchAssignment
    c.ExchangeFactory.fetch_feedback = LabExchangeFetchFeedback
    c.ExchangeFactory.submit = LabExchangeSubmit
    c.CourseDirectory.course_id = course  # "" is every course that the student is in
    c.NbGrader.logfile = ""  # nbgrader would leave a log file in whatever folder it runs in
