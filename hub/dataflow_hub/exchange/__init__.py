"""The assignment exchange: identity from the hub, server time, deadlines, immutable submissions, signed receipts."""
