"""The hub's configuration: all of it is `dataflow_hub.server`; what a site changes goes into <state>/jupyterhub_config.d/*.py."""

from dataflow_hub.server import configure, require_isolation
from dataflow_hub.settings import load_lab

c = get_config()  # noqa: F821 - given by JupyterHub
lab = load_lab()
lab.workspace.prepare()
require_isolation(lab)  # or no hub
configure(c, lab)

for site in sorted((lab.workspace.state / "jupyterhub_config.d").glob("*.py")):
    load_subconfig(str(site))  # noqa: F821 - likewise
