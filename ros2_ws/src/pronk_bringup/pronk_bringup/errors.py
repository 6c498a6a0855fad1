"""What can go wrong with launch files and bags."""


class LaunchError(Exception):
    """A launch file or its arguments are wrong; the message says where and what is allowed."""


class BagError(Exception):
    """A bag cannot be written where asked, or is not a bag."""
