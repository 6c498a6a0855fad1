"""Nodes that keep robots apart."""

import pronk_node_kit  # noqa: F401  (limits threads before numpy is loaded)
