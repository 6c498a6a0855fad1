"""The planner: from pictures of what should happen to what to do."""
