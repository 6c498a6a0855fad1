"""Nodes that look at pictures: planner and judge."""

import pronk_node_kit  # noqa: F401  (limits threads before numpy is loaded)
