"""Topics of the Unitree Go2 as the vendor names them: absolute, whatever the namespace of the node.

The types come from the vendor's workspace where it is sourced, else from the packages of the same name here; nothing
but the nodes that talk to the robot imports this module.
"""

from unitree_api.msg import Request, Response
from unitree_go.msg import LowCmd, LowState

from controllers.robot.unitree.motion_mode import SPORT, SWITCHER
from pronk_node_kit.topics import COMMAND, REPORT, Quality, Topic

NEWEST = Quality(1, False, False, "only the newest reading counts, and any publisher can be heard")

LOW_STATE_TOPIC = Topic("/lowstate", LowState, NEWEST, "robot", "all sensors")
LOW_COMMAND_TOPIC = Topic("/lowcmd", LowCmd, COMMAND, "go2_node", "all motors")
DRY_RUN_TOPIC = Topic("lowcmd_dry_run", LowCmd, COMMAND, "go2_node", "what would be sent to all motors")

REQUEST_TOPICS = {
    service: Topic(f"/api/{service}/request", Request, REPORT, "go2_node", "calls of a service of the robot")
    for service in (SWITCHER, SPORT)
}
RESPONSE_TOPICS = {
    service: Topic(f"/api/{service}/response", Response, REPORT, "robot", "answers of a service of the robot")
    for service in (SWITCHER, SPORT)
}
