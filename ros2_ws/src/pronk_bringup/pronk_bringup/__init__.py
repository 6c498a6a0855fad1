"""Starts Pronk: the local launch runner and the bag recorder."""

import pronk_node_kit  # noqa: F401  (limits threads before numpy is loaded)
