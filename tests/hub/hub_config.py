"""The hub of binder/hub as it is, but anybody may come in, under the user who runs it (students are no accounts of the machine)."""

from __future__ import annotations

import json
import os

load_subconfig(os.environ["CLASS_CONFIG"])  # type: ignore[name-defined]  # noqa: F821 - what JupyterHub puts here
c = get_config()  # type: ignore[name-defined]  # noqa: F821
folder = os.environ["CLASS_FOLDER"]
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = folder + "/{username}"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["CLASS_TOKEN"]}]
c.JupyterHub.load_roles = [
    {"name": "test", "services": ["test"], "scopes": ["admin:users", "admin:servers", "access:servers", "list:users"]}
]
c.JupyterHub.cookie_secret_file = folder + "/cookie"
c.ConfigurableHTTPProxy.pid_file = folder + "/proxy.pid"
c.ConfigurableHTTPProxy.command = json.loads(os.environ["CLASS_PROXY"])
c.ConfigurableHTTPProxy.api_url = os.environ["CLASS_PROXY_API"]
c.JupyterHub.hub_port = int(os.environ["CLASS_HUB_PORT"])
c.JupyterHub.log_level = "WARN"
c.Spawner.args = [*c.Spawner.args, "--ServerApp.log_level=ERROR", "--allow-root"]
