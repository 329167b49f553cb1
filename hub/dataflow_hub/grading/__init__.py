"""Grading: a submission runs in one sandbox, is judged in another, and its marks go into nbgrader's gradebook."""
