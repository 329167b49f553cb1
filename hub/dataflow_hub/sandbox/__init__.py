"""One sandbox, two users: students' servers and grading. Bubblewrap, own uids and control groups as root, user namespaces otherwise."""

from dataflow_hub.sandbox.availability import available
from dataflow_hub.sandbox.box import Box, Limits, runtime_mounts
from dataflow_hub.sandbox.process import Finished, Process, command, run, start

__all__ = ["Box", "Finished", "Limits", "Process", "available", "command", "run", "runtime_mounts", "start"]
