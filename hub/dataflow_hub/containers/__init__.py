"""Containers: the engine that builds and runs them, and what goes into the lab's images."""
