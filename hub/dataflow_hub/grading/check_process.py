"""The inside of the check sandbox: judges artefacts with the lesson's checks. No student code is here; truth comes on stdin."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dataflow_hub.errors import GradingError
from dataflow_hub.grading.cases import evaluate

CHECKS, ARTEFACTS = "/checks", "/artefacts"


def main() -> int:
    """Read the truth, write the outcomes as one JSON line; end with 6 and the reason on stderr when a check broke."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    truth = json.load(sys.stdin)
    try:
        outcomes = evaluate(Path(CHECKS), Path(ARTEFACTS), truth)
    except GradingError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    answers.write(json.dumps([outcome.to_dict() for outcome in outcomes]) + "\n")
    answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
