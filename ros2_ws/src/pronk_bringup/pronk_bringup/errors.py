"""What can go wrong before anything is started."""


class LaunchError(Exception):
    """A launch file or its arguments are wrong; the message says where and what is allowed."""
