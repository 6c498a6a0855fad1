"""Model-predictive walking for quadrupeds."""
