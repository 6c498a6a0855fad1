"""Unitree Go2."""

from controllers.robot.spec import RobotSpec

GO2 = RobotSpec(
    name="go2",
    model="go2/go2.xml",
    # Walking height used in the published experiments with this robot's model.
    standing_height=0.30,
    # Feet under the hips with the calves 0.05 rad short of their stop.
    lying_height=0.12,
    # Joint limits of Unitree's URDF (unitree_ros, go2_description); its torques are the model's.
    velocity_limit=(30.1, 30.1, 15.70),
    # Measured in simulation while trotting, regression of the feet's depth on their load (0.5 mm off on average).
    foot_compliance=2.6e-5,
)
