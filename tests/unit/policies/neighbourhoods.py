"""Neighbourhoods for the tests of the navigation policy."""

import numpy as np

from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.graph import perceive
from controllers.safety.obstacles import Obstacles, disc
from policies.navigation.network import NetworkConfig, initial

DT = 0.1
SENSING = SensingConfig(10.0, dt=DT)
POWER = NetworkConfig(pair=0, node_answers=0, edge_answers=2)


def crowd(seed, robots=6):
    """Positions, goals, velocities and discs at random, none in touch with another."""
    rng = np.random.default_rng(seed)
    place = np.array([[x, y] for x in range(5) for y in range(5)]) * 1.5
    place = place[rng.permutation(len(place))] + rng.uniform(-0.2, 0.2, (len(place), 2))
    goal, velocity = rng.uniform(-4.0, 9.0, (robots, 2)), rng.uniform(-0.6, 0.6, (robots, 2))
    return place[:robots], goal, velocity, place[robots : robots + 3]


def look(position, goal, velocity, discs=(), stall=0.7, sensing=SENSING, radius=0.3, speed=1.0):
    agents = Agents.of([position], [goal], radius, speed, velocity[None])
    walls = Obstacles.of([[disc(tuple(point), 0.2) for point in discs]]) if len(discs) else None
    return perceive(sensing, agents, walls, np.full((1, len(position)), stall))


def trained(config=None, seed=3, scale=0.4):
    """Parameters that answer something to everything."""
    rng = np.random.default_rng(seed)
    parameters = initial(NetworkConfig() if config is None else config, seed)
    return {name: value + scale * rng.standard_normal(value.shape) for name, value in parameters.items()}


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
