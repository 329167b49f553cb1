"""Seeded, dirty, realistic data and the ledger that knows the truth about it."""
