"""The student's side of the assignment exchange: nbgrader's exchange classes over HTTP."""
