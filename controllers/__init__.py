"""Control algorithms of Pronk: no ROS, no simulator, no learning framework."""
