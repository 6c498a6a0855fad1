"""Writes the policies of SROS2 and the governance of a real Go2 under launch/security from the table of grants.

`ros2 security generate_artifacts` makes keys and signed permissions of a policy. The formats are that of SROS2's
policies, version 0.2.0 (https://design.ros2.org/articles/ros2_access_control_policies.html), and that of governance
documents in OMG's DDS Security 1.1, section 9.4.1.2.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from controllers.errors import InvalidValue, UnknownName
from pronk.grants import EVENTS, EVERY_NODES_SERVICES, GRANTS, LOGS, ON_SIMULATED_TIME, VENDOR_TOPICS, Grant
from pronk_node_kit.topics import CLOCK_TOPIC, DIAGNOSTICS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "launch" / "security"
VERSION = "0.2.0"
ENCLAVES = "/pronk"
GOVERNANCE = "go2.governance.xml"
HEAD = "<!-- Written by 'python -m pronk.security' from pronk/grants.py; a test fails when it is out of date. -->\n"
# The vendor's robots are on this one.
DOMAIN = 0
_NAMESPACE = re.compile(r"/|(/[A-Za-z_][A-Za-z0-9_]*)+")


def policy(stack: str, namespace: str = "/", enclaves: str = ENCLAVES) -> str:
    """Write the policy of a stack: one enclave for each process, as each process has one identity on the network.

    Args:
        stack: Name of a launch file, such as "go2_hardware" or "multi_agent_sim".
        namespace: Absolute namespace of the stack.
        enclaves: Absolute path of the enclaves in the keystore.

    Returns:
        XML.

    Raises:
        UnknownName: There is no such stack.
        InvalidValue: Namespace or path is not absolute, or holds what ROS does not allow in names.
    """
    if stack not in GRANTS:
        raise UnknownName("stack", stack, GRANTS)
    for kind, value in (("namespace", namespace), ("path of enclaves", enclaves)):
        if not _NAMESPACE.fullmatch(value):
            raise InvalidValue(f"{kind} must be '/' or names that begin with '/', such as '/robot_1'; got '{value}'")
    root = ElementTree.Element("policy", version=VERSION)
    every = ElementTree.SubElement(root, "enclaves")
    for grant in GRANTS[stack]:
        enclave = ElementTree.SubElement(every, "enclave", path=f"{enclaves.rstrip('/')}/{grant.path}")
        profiles = ElementTree.SubElement(enclave, "profiles")
        place = f"{namespace.rstrip('/')}/{grant.place}" if grant.place else namespace
        profile = ElementTree.SubElement(profiles, "profile", ns=place, node=grant.node)
        _fill(profile, grant, grant.node in ON_SIMULATED_TIME[stack])
    return _text(root)


def governance() -> str:
    """Write which topics of a domain with a real Go2 are protected: all but the vendor's, whose computer has no keys.

    Participants without keys may join, but meet open topics only; everything else stays encrypted and subject to
    permissions.

    Returns:
        XML, unsigned.
    """
    root = ElementTree.Element("dds")
    rules = ElementTree.SubElement(root, "domain_access_rules")
    rule = ElementTree.SubElement(rules, "domain_rule")
    # Cyclone DDS 0.10 reads no ranges.
    _add(ElementTree.SubElement(rule, "domains"), {"id": str(DOMAIN)})
    _add(rule, {"allow_unauthenticated_participants": "true", "enable_join_access_control": "true"})
    # The whole message cannot be protected where the vendor's computer is to read some of them.
    _add(
        rule,
        {
            "discovery_protection_kind": "ENCRYPT",
            "liveliness_protection_kind": "ENCRYPT",
            "rtps_protection_kind": "NONE",
        },
    )
    topics = ElementTree.SubElement(rule, "topic_access_rules")
    # The first rule that fits a topic counts.
    for name in (*VENDOR_TOPICS, ""):
        protected = "false" if name else "true"
        kind = "NONE" if name else "ENCRYPT"
        one = ElementTree.SubElement(topics, "topic_rule")
        _add(one, {"topic_expression": f"rt{name}" if name else "*"})
        for what in ("discovery_protection", "liveliness_protection", "read_access_control", "write_access_control"):
            _add(one, {f"enable_{what}": protected})
        _add(one, {"metadata_protection_kind": kind, "data_protection_kind": kind})
    return _text(root)


def _add(parent: ElementTree.Element, values: dict[str, str]) -> None:
    for tag, value in values.items():
        ElementTree.SubElement(parent, tag).text = value


def _text(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{HEAD}{ElementTree.tostring(root, encoding="unicode")}\n'


def _fill(profile: ElementTree.Element, grant: Grant, simulated_time: bool) -> None:
    clock = (CLOCK_TOPIC.name,) if simulated_time else ()
    own = tuple(f"~/{name}" for name in EVERY_NODES_SERVICES)
    for kind, right, granted in (
        ("topic", "publish", (*grant.publish, DIAGNOSTICS.name, LOGS, EVENTS)),
        ("topic", "subscribe", (*grant.subscribe, *clock)),
        ("service", "reply", (*grant.reply, *own)),
        ("service", "request", grant.request),
        ("action", "execute", grant.execute),
        ("action", "call", grant.call),
    ):
        if granted:
            parent = ElementTree.SubElement(profile, f"{kind}s", {right: "ALLOW"})
            for name in sorted(set(granted)):
                ElementTree.SubElement(parent, kind).text = name


def main(arguments: Sequence[str] | None = None) -> int:
    """Write policies and governance to files.

    Args:
        arguments: Words of the command line; None for those of the process.

    Returns:
        Exit code: 0, or 2 where a name is not allowed.
    """
    parser = argparse.ArgumentParser(description="Write the policies of SROS2 from the table of grants.")
    parser.add_argument(
        "--namespace", default="/", help="namespace of the stack, such as /robot_1; default: %(default)s"
    )
    parser.add_argument("--enclaves", default=ENCLAVES, help="path of its enclaves; default: %(default)s")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="default: launch/security")
    options = parser.parse_args(arguments)
    out: Path = options.out
    try:
        texts = {stack: policy(stack, options.namespace, options.enclaves) for stack in GRANTS}
    except InvalidValue as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    out.mkdir(parents=True, exist_ok=True)
    for stack, text in texts.items():
        (out / f"{stack}.policy.xml").write_text(text, encoding="utf-8")
    (out / GOVERNANCE).write_text(governance(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
