"""The student's side of DataFlow Lab: everything that enters a student's sandbox or image."""
