"""Simulated worlds: physics, disturbances, scenarios, pictures."""
