"""The loop in which a planner gets better on a new task from its own rollouts (SAIL, SILVR: arXiv 2506.06658)."""
