"""Evaluates the cores on recorded bags, open loop: what they would have estimated, predicted and commanded."""
