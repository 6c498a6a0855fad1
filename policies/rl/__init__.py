"""Reinforcement learning from one demonstration, with sparse success and shaped progress as reward."""
