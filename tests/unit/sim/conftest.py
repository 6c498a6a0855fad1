import pytest
from simulated_robot import ideal_robot


@pytest.fixture
def standing():
    return ideal_robot()
