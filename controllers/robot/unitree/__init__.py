"""The low-level interface of the Unitree Go2, as its vendor publishes it: no vendor package, no ROS."""
