"""Safety filters for robots that share a plane, safe for whatever tunes them."""
