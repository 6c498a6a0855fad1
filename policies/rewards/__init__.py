"""Process rewards: step labels of demonstrations, progress from hops, and shaping that leaves the optimum alone."""
