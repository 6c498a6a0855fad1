"""Unitree AlienGo."""

from controllers.robot.spec import RobotSpec

ALIENGO = RobotSpec(
    name="aliengo",
    model="aliengo/aliengo.xml",
    # The Go2's height scaled by leg length: 0.30 m * 0.500 / 0.426.
    standing_height=0.352,
    # Feet under the hips with the calves 0.05 rad short of their stop.
    lying_height=0.130,
    # Joint limits of Unitree's URDF (unitree_ros, aliengo_description); its torques are peaks, the model's are lower.
    velocity_limit=(20.0, 20.0, 16.0),
    # Measured in simulation while trotting, regression of the feet's depth on their load (0.5 mm off on average).
    foot_compliance=2.6e-5,
)
