from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from pronk_bringup.errors import LaunchError
from pronk_bringup.substitutions import Scope, split_command_line, substitute


@pytest.fixture
def scope():
    variables = {"robot": "go2", "name": "robot", "yes": "true", "no": "false", "two words": "x", "spaced": "a b"}
    return Scope(Path("/launch/sim.launch.yaml"), variables, {"HOME": "/home/me"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("$(var robot)", "go2"),
        ("a/$(var robot)_b.yaml", "a/go2_b.yaml"),
        ("$(var $(var name))", "go2"),
        ("$(var absent fallback)", "fallback"),
        ("$(var absent '')", ""),
        ("$(var 'two words')", "x"),
        ('$(var "two words")', "x"),
        ("$(env HOME)", "/home/me"),
        ("$(env ABSENT /tmp/$(var robot))", "/tmp/go2"),
        ("$(dirname)/params", "/launch/params"),
        ("$(filename)", "/launch/sim.launch.yaml"),
        ("$(not $(var yes))", "false"),
        ("$(and $(var yes) $(var no))", "false"),
        ("$(or $(var yes) $(var no))", "true"),
        ("$(equals $(var robot) go2)", "true"),
        ("$(equals 1.0 1)", "true"),
        ("$(equals TRUE 1)", "true"),
        ("$(not-equals $(var robot) go1)", "true"),
        ("$(if $(var no) a b)", "b"),
        ("$(if $(var no) a)", ""),
        (r"\$(var robot)", "$(var robot)"),
        ("costs $5", "costs $5"),
    ],
)
def test_substitutions_are_replaced(scope, text, expected):
    assert substitute(text, scope) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$(eval 1)", r"unknown substitution '\$\(eval\)'; supported: and, dirname, env, .*var"),
        ("$(var absent)", r"unknown launch variable 'absent'; known here: name, no, robot"),
        ("$(env ABSENT)", r"environment variable 'ABSENT' is not set"),
        ("$(var robot", r"missing closing parenthesis in '\$\(var robot'"),
        ("$(var  robot)", r"exactly one space"),
        ("$(var 'robot)", r"missing closing '"),
        ("$(dirname x)", r"'\$\(dirname\)' takes 0 arguments, got 1"),
        ("$(var)", r"'\$\(var\)' takes 1-2 arguments, got 0"),
        ("$(not maybe)", r"must be one of true, 1, false, 0; got 'maybe'"),
        ("$(find-pkg-share no_such_package)", r"package 'no_such_package' not found"),
    ],
)
def test_bad_substitutions_are_explained(scope, text, message):
    with pytest.raises(LaunchError, match=message):
        substitute(text, scope)


def test_packages_are_found_in_their_source_folder(scope):
    share = Path(substitute("$(find-pkg-share pronk_bringup)", scope))
    assert (share / "package.xml").is_file()
    assert (share / "launch").is_dir()


def test_packages_are_found_in_the_ament_prefix_first(scope, tmp_path, monkeypatch):
    folder = tmp_path / "share" / "pronk_bringup"
    folder.mkdir(parents=True)
    (folder / "package.xml").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    assert substitute("$(find-pkg-share pronk_bringup)", scope) == str(folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--a 1  --b", ["--a", "1", "--b"]),
        ("--name=$(var spaced) x", ["--name=a b", "x"]),
        ("'one argument' two", ["one argument", "two"]),
        ("''", [""]),
        ("", []),
    ],
)
def test_command_lines_are_split_before_they_are_filled_in(scope, text, expected):
    assert split_command_line(text, scope) == expected
