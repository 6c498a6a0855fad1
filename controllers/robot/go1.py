"""Unitree Go1."""

from controllers.robot.spec import RobotSpec

GO1 = RobotSpec(
    name="go1",
    model="go1/go1.xml",
    # Same leg length as the Go2, hence the same height.
    standing_height=0.30,
    # Feet under the hips with the calves 0.07 rad short of their stop.
    lying_height=0.105,
    # Rated motor, 23.7 N·m at 30.1 rad/s: Unitree's URDF (unitree_ros, go1_description); the calf has it behind 1.5:1.
    # The model declares 45.43 N·m of control range for all joints and a force range of 23.7 N·m for all.
    velocity_limit=(30.1, 30.1, 20.06),
    torque_limit=(23.7, 23.7, 35.55),
    # Measured in simulation while trotting, regression of the feet's depth on their load (0.5 mm off on average).
    foot_compliance=3.6e-5,
)
