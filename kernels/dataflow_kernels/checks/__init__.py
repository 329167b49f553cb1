"""Checks: what a lesson asks of a table, told to the student in their own language."""

from dataflow_kernels.checks.bench import ArtefactError, Bench
from dataflow_kernels.checks.outcome import Outcome, Text
from dataflow_kernels.checks.registry import visible
from dataflow_kernels.checks.runner import CheckFailed, check

__all__ = ["ArtefactError", "Bench", "CheckFailed", "Outcome", "Text", "check", "visible"]
