"""Holds every command of documentation and README to something that runs it, and to the programs as they are.

Blocks without a caption are run by `test_documentation.py`. What takes longer, or is only spoken of, has a row in
`RUN_BY` with the test that runs it in small; what nothing runs must say where it stands that it takes minutes, or needs
a robot, ROS 2 or Docker. In any case its words must be what its program takes: options, choices, and names of suites,
cases, methods, tasks, scenarios, launch files, arguments, services and profiles.
"""

import argparse
import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from command_runs import RUN_BY
from documented import CAPTIONS, PAGES, README, ROOT, SPAN, Command, blocks, commands, split

from controllers.errors import ControlError
from pronk import cli
from pronk.terminal import split_names

# What the continuous integration does as it stands: it sets everything up and runs all tests.
BY_INTEGRATION = ("make setup", "make test", "make lint", "make type")
# Words that only name a program's command, and the system's own programs where they are a remedy in a table.
SPOKEN_OF = ("pronk launch", "ros2 bag", "ros2 launch", "ros2 security", "ros2 service call", "ros2 topic echo")
SHAPES = ("pronk launch FILE ", "ros2 launch FILE ")
REMEDIES = ("pip install", "apt-get install", "export ROS_", ". .venv/bin/activate")
# Programs of the system in blocks that are marked.
SYSTEM = ("cp", "openssl", ".")
MARK = re.compile(r"minute|hour|needs (a robot|ROS 2|Docker)")
PLACEHOLDER = re.compile(r"\b(BAG|DIR|FILE)\b|…")

ALL = commands()
every_command = pytest.mark.parametrize("command", [pytest.param(c, id=f"{c.place} {c.words[0]}") for c in ALL])


def head(words):
    """The longest row of the table that a command begins with."""
    text = " ".join(words)
    fitting = [key for key in RUN_BY if text == key or text.startswith(f"{key} ")]
    return max(fitting, key=len, default=None)


def unheld(command):
    """Why nothing answers for a command, or None."""
    text = " ".join(command.words)
    if command.block is not None and command.path != README:
        # Blocks without a caption are run; the captions are agreed.
        return None if command.block.caption in ("", *CAPTIONS) else f"caption '{command.block.caption}'"
    if head(command.words) or text in (*BY_INTEGRATION, *SPOKEN_OF) or text.startswith((*REMEDIES, *SHAPES)):
        return None
    if any(text.startswith(f"{known} ") for known in BY_INTEGRATION) or MARK.search(command.text):
        return None
    return "nothing runs it, and nothing there says that it takes minutes or needs a robot, ROS 2 or Docker"


@every_command
def test_a_command_is_run_by_a_test_or_says_what_it_needs(command):
    assert unheld(command) is None, f"{command.place}: '{' '.join(command.words)}': {unheld(command)}"


@pytest.mark.parametrize("row", sorted(set(RUN_BY.values())), ids="::".join)
def test_a_test_that_runs_commands_exists(row):
    file, function = row
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_row_is_for_a_command_that_nobody_is_told():
    told = {head(command.words) for command in ALL}
    # Told where another part of the stack is described, or about to be.
    assert set(RUN_BY) - told <= {"pronk launch launch/full_stack_sim.launch.yaml", "python -m pronk.reference"}


@pytest.mark.parametrize("path", [*PAGES, README], ids=lambda path: path.name)
def test_every_code_block_is_of_a_kind_that_something_checks(path):
    for block in blocks(path):
        known = block.language in ("bash", "python", "yaml") or block.language.startswith(("{toctree}", "{include}"))
        assert known, f"{block.place}: nothing checks blocks of '{block.language}'"
        assert block.caption in ("", *CAPTIONS), f"{block.place}: caption '{block.caption}'"
    for number, line in enumerate(split(path)[1], 1):
        assert not re.match(r"(    |\t)\$ ", line), f"{path.name}:{number}: an indented block is not checked"


@pytest.mark.timeout(200)
def test_the_python_code_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    found = blocks(README, "python")
    assert found
    monkeypatch.chdir(tmp_path)
    for block in found:
        exec(compile(block.text, block.place, "exec"), {"__name__": "documentation"})
    # The load of 5 kg weighs 49 N; a learner that is off by half has not found it.
    force = [float(v) for v in re.findall(r"-?\d+\.\d*", capsys.readouterr().out)]
    assert len(force) == 3 and abs(force[2] + 49.0) < 25.0


# What each program makes of the words.


@cache
def targets():
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def check_make(words):
    goals = [word for word in words[1:] if "=" not in word]
    return [f"make has no target '{goal}'" for goal in goals if goal not in targets()]


def check_python(words):
    if words[1] == "-m":
        there = ROOT.joinpath(*words[2].split(".")).with_suffix(".py")
    else:
        there = ROOT / words[1]
    found = [] if there.is_file() else [f"{there.name} does not exist"]
    if words[1:3] == ("-m", "pronk.security"):
        known = set(re.findall(r'"(--[a-z]+)"', there.read_text(encoding="utf-8")))
        found += [f"unknown option {word}" for word in words[3:] if word.startswith("--") and word not in known]
    return found


def check_pytest(words):
    return [f"{word} does not exist" for word in words[1:] if not word.startswith("-") and not (ROOT / word).exists()]


def check_docker(words):
    tree = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    known = {profile for service in tree["services"].values() for profile in service["profiles"]}
    given = [after for word, after in pairwise(words) if word == "--profile"]
    files = [after for word, after in pairwise(words) if word == "-f"]
    found = [f"compose.yaml has no profile '{profile}'" for profile in given if profile not in known]
    return found + [f"{file} does not exist" for file in files if not (ROOT / file).is_file()]


def check_ros2(words):
    if " ".join(words) in SPOKEN_OF:
        return []
    if words[1:3] == ("service", "call"):
        services = pytest.importorskip("pronk_node_kit.topics").SERVICES
        name = words[3].rpartition("/")[2]
        if name not in services:
            return [f"there is no service '{name}'"]
        cls = services[name].type
        kind = f"{cls.__module__.partition('.')[0]}/srv/{cls.__name__}"
        return [] if words[4] == kind else [f"'{name}' is of type {kind}, not {words[4]}"]
    if words[1] == "launch":
        return check_launch(words[2:])
    if words[1] == "security":
        verbs = ("generate_artifacts", "create_keystore", "create_enclave", "create_permission")
        found = [] if words[2:3] == () or words[2] in verbs else [f"SROS2 has no verb '{words[2]}'"]
        policies = [ROOT / word for word in words if word.endswith(".xml")]
        found += [f"{policy.name} does not exist" for policy in policies if not policy.is_file()]
        enclaves = {word for word in words[2:] if word.startswith("/")}
        known = "".join(policy.read_text(encoding="utf-8") for policy in policies if policy.is_file())
        return found + [f"no policy has {enclave}" for enclave in enclaves if policies and f'"{enclave}"' not in known]
    return [] if words[1:] == ("run", "joy", "joy_node") else [f"nothing checks 'ros2 {words[1]}'"]


def check_launch(words):
    declared_arguments = pytest.importorskip("pronk_bringup.expansion").declared_arguments
    if PLACEHOLDER.search(words[0]) or words[0].startswith("-"):
        return []
    path = ROOT / words[0]
    if not path.is_file():
        return [f"{words[0]} does not exist"]
    given = dict(word.split(":=", 1) for word in words[1:] if ":=" in word)
    known = {argument.name: argument for argument in declared_arguments(path)}
    found = [f"{path.name} has no argument '{name}'" for name in given if name not in known]
    found += [f"unknown option {word}" for word in words[1:] if ":=" not in word and word != "--show-args"]
    if found or "--show-args" in words:
        return found
    return found + refused(expand_with, path, given) + refused(launch_names, path.name, given)


def expand_with(path, given):
    import tempfile

    from pronk_bringup.expansion import expand

    with tempfile.TemporaryDirectory() as folder:
        expand(path, given, Path(folder))


def launch_names(file, given):
    """Look up what an argument names; a launch file itself hands it on unseen."""
    from controllers.residual.catalog import LEARNERS
    from controllers.robot.catalog import load_robot
    from sim.scenarios import get_scenario
    from sim.team_scenarios import get_team_scenario
    from sim.world_tasks import find_tasks

    team = "multi_agent" in file or "full_stack" in file
    look_up = {
        "scenario": get_team_scenario if team else get_scenario,
        "robot": load_robot,
        "learner": lambda name: LEARNERS[name],
        "task": lambda task: find_tasks(given.get("world", "manipulation"), (task,)),
        "seed": int,
    }
    for name, value in given.items():
        look_up.get(name, str)(value)


def refused(call, *arguments):
    """What an error of the product says, or nothing."""
    from pronk_bringup.errors import LaunchError

    try:
        call(*arguments)
    except (ControlError, LaunchError, LookupError, ValueError) as error:
        return [str(error)]
    return []


def check_pronk(words):
    if len(words) == 2 and words[1].startswith("-"):
        return [] if words[1] in ("--help", "-h") else [f"unknown option {words[1]}"]
    if words[1] == "launch":
        return check_launch(words[2:]) if len(words) > 2 else []
    rest = list(words[1:])
    if len(rest) > 1 and rest[1] in cli.TWO_WORDS.get(rest[0], ()):
        rest[:2] = [" ".join(rest[:2])]
    parser = cli._parser()
    if len(rest) == 1:
        # The command is only named; some want more than their name.
        known = next(a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        return [] if rest[0] in known else [f"pronk has no command '{rest[0]}'"]
    complaints = []
    parser_errors(parser, complaints)
    try:
        options = parser.parse_args(rest)
    except SystemExit:
        return complaints or ["misuse"]
    return refused(pronk_names, rest[0], options)


def parser_errors(parser, complaints):
    """Have a parser and those below it keep what they complain of."""

    def keep(message):
        complaints.append(message)
        raise SystemExit(2)

    parser.error = keep
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                parser_errors(below, complaints)


def pronk_names(command, options):
    """Look up the names that a command is given, as it does itself once it runs."""
    from evaluation.suite import parse_seeds

    if getattr(options, "seeds", None):
        parse_seeds(options.seeds)
    methods = split_names(getattr(options, "methods", None)) or ()
    {
        "eval": locomotion_names if getattr(options, "subject", "") == "locomotion" else navigation_names,
        "report adaptation": locomotion_names,
        "scenario": scenario_names,
        "eval planner": planner_names,
        "eval rl": rl_names,
        "train rl": rl_names,
        "train sail": sail_names,
        "eval sail": sail_names,
        "collect": collection_names,
    }.get(command, lambda options, methods: None)(options, methods)


def locomotion_names(options, methods):
    from evaluation.adaptation_report import find_case
    from evaluation.locomotion_suites import get_suite
    from evaluation.suite import only, plan_trials

    if options.cases is None:
        suite = get_suite(options.suite)
        if getattr(options, "only", None):
            only(suite, split_names(options.only))
        if getattr(options, "case", None):
            find_case(suite, options.case)
    else:
        suite = get_suite("smoke")
    plan_trials(suite, methods or None, None)


def navigation_names(options, methods):
    from evaluation.navigation_runner import plan_batches
    from evaluation.navigation_suites import get_navigation_suite, only_cases

    suite = get_navigation_suite(options.suite)
    if options.only:
        suite = only_cases(suite, split_names(options.only))
    plan_batches(suite, methods or None)


def scenario_names(options, methods):
    from controllers.residual.catalog import LEARNERS
    from sim.scenarios import get_scenario

    if options.cases is None:
        get_scenario(options.name, options.robot)
    assert options.learner in LEARNERS


def planner_names(options, methods):
    pytest.importorskip("torch")
    from evaluation.planner import PlannerSuite
    from sim.world_tasks import find_tasks

    given = {"methods": methods} if methods else {}
    PlannerSuite(options.world, find_tasks(options.world, split_names(options.tasks)), **given)


def rl_names(options, methods):
    pytest.importorskip("torch")
    from evaluation.rl import RlMethod
    from policies.rl.setups import RlSetup

    for method in methods:
        RlMethod.parse(method)
    for task in split_names(getattr(options, "tasks", None)) or [options.task]:
        RlSetup(task)


def sail_names(options, methods):
    from sim.world_tasks import find_tasks

    find_tasks("manipulation", split_names(getattr(options, "tasks", None) or options.task))


def collection_names(options, methods):
    from sim.behaviours import BEHAVIOURS
    from sim.collection import PLANNED
    from sim.world_tasks import find_tasks

    find_tasks(options.world, split_names(options.tasks))
    assert options.behaviour in (*BEHAVIOURS, PLANNED)


CHECKS = {
    "pronk": check_pronk,
    "make": check_make,
    "python": check_python,
    "pytest": check_pytest,
    "docker": check_docker,
    "ros2": check_ros2,
}


def complaints_of(words):
    """What is wrong with a command, as far as its program can tell without running it."""
    if words[0] in CHECKS:
        return CHECKS[words[0]](words)
    known = words[0] in SYSTEM or " ".join(words).startswith((*REMEDIES, "export RMW_"))
    return [] if known else [f"nothing checks commands of '{words[0]}'"]


@every_command
def test_a_command_is_what_its_program_takes(command):
    assert complaints_of(command.words) == [], command.place


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("make demos", "make has no target 'demos'"),
        ("python -m pronk.secrets", "secrets.py does not exist"),
        ("python -m pronk.security --name x", "unknown option --name"),
        ("pytest tests/ros/test_none.py", "tests/ros/test_none.py does not exist"),
        ("docker compose -f docker/compose.yaml --profile moon up", "compose.yaml has no profile 'moon'"),
        ("ros2 service call /fly std_srvs/srv/Trigger", "there is no service 'fly'"),
        ("ros2 service call /arm std_srvs/srv/Empty", "'arm' is of type std_srvs/srv/Trigger, not std_srvs/srv/Empty"),
        ("ros2 security create_key keystore x", "SROS2 has no verb 'create_key'"),
        ("pronk launch launch/moon.launch.yaml", "launch/moon.launch.yaml does not exist"),
        ("pronk launch launch/go2_sim.launch.yaml colour:=red", "go2_sim.launch.yaml has no argument 'colour'"),
        ("pronk launch launch/go2_sim.launch.yaml scenario:=moon", "unknown scenario 'moon'"),
        ("pronk launch launch/go2_sim.launch.yaml robot:=cat", "unknown robot 'cat'"),
        ("pronk launch launch/multi_agent_sim.launch.yaml scenario:=go2_payload", "unknown team scenario"),
        ("pronk launch launch/go2_hardware.launch.yaml backend:=fake", "'fake'"),
        ("pronk fly", "pronk has no command 'fly'"),
        ("pronk eval swimming --out x", "invalid choice: 'swimming'"),
        ("pronk eval locomotion --suite moon", "unknown suite 'moon'"),
        ("pronk eval locomotion --suite smoke --methods magic", "unknown method 'magic'"),
        ("pronk eval locomotion --suite smoke --only moon", "unknown case of suite 'smoke' 'moon'"),
        ("pronk eval locomotion --seeds a:b", "seeds must have the form A:B"),
        ("pronk eval navigation --suite random --methods magic", "unknown navigation method 'magic'"),
        ("pronk eval planner --tasks moon", "unknown task of the world 'manipulation' 'moon'"),
        ("pronk eval rl --methods shaped:magic", "unknown source of progress"),
        ("pronk scenario moon --out x", "unknown scenario 'moon'"),
        ("pronk report adaptation --suite payload --case moon", "unknown case of suite 'payload' 'moon'"),
        ("pronk bench --fast", "unrecognized arguments: --fast"),
        ("brew install pronk", "nothing checks commands of 'brew'"),
    ],
)
def test_a_wrong_command_is_found(text, complaint):
    assert any(complaint in found for found in complaints_of(tuple(text.split()))), complaints_of(tuple(text.split()))


def test_a_command_that_nothing_answers_for_is_found():
    lonely = Command(README, 1, ("pronk", "dance", "--long"), None, "`pronk dance --long` dances")
    assert unheld(lonely).startswith("nothing runs it")
    marked = Command(README, 1, lonely.words, None, "`pronk dance --long` dances for an hour")
    assert unheld(marked) is None


def test_options_and_arguments_in_running_text_exist():
    parameters = (ROOT / "docs" / "reference" / "parameters.md").read_text(encoding="utf-8")
    arguments = (ROOT / "docs" / "reference" / "launch.md").read_text(encoding="utf-8")
    options = {
        "--show-args",
        *re.findall(r"--[a-z-]+", "".join(path.read_text() for path in (ROOT / "pronk").glob("*.py"))),
    }
    wrong = []
    for path in (*PAGES, README):
        for number, line in enumerate(split(path)[1], 1):
            for span in SPAN.finditer(line):
                option, argument = re.match(r"--[a-z-]+", span[1]), re.match(r"(\w+):=", span[1])
                if option and option[0] not in options:
                    wrong.append(f"{path.name}:{number}: {span[1]}")
                if argument and f"| `{argument[1]}` |" not in parameters + arguments:
                    wrong.append(f"{path.name}:{number}: {span[1]}")
    assert wrong == []
