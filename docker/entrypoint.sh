#!/usr/bin/env bash
# Makes ROS 2 and Pronk's packages known, then becomes the command.
set -eo pipefail
source "/opt/ros/${ROS_DISTRO}/setup.bash"
source /opt/pronk_ws/setup.bash
exec "$@"
