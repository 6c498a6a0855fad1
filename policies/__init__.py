"""Learning: policies that tune the controllers. Nothing here is imported by the controllers or the simulator."""
