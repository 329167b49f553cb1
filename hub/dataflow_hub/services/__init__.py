"""The platform services: one catalogue of data, and the backend that runs them."""
