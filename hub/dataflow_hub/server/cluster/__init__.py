"""The way to a cluster: what Kubernetes and Swarm are told, rendered from the lab's settings and catalogue, and their spawners.

Rendered and checked, never run: there is no cluster among the machines that this is developed on.
"""
