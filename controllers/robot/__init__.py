"""Robots: their state and commands, their models, kinematics and dynamics."""
