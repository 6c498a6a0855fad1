import pytest

from pronk.doctor import BAD, GOOD, NOTE, check_security


@pytest.fixture
def keystore(tmp_path):
    for node in ("mpc_node", "gatekeeper_node"):
        folder = tmp_path / "enclaves" / "pronk" / node
        folder.mkdir(parents=True)
        (folder / "key.pem").touch()
    return str(tmp_path)


def found(**variables):
    finding = check_security({f"ROS_SECURITY_{name}": value for name, value in variables.items()})
    return finding.verdict, finding.detail, finding.advice


def test_without_keys_everybody_may_command_and_the_doctor_says_so():
    assert found() == (GOOD, "off: whoever reaches the network may command", "")


@pytest.mark.parametrize("word", ["True", "TRUE", "1", "yes", ""])
def test_a_word_that_ros_takes_for_no_is_noticed(word, keystore):
    verdict, detail, advice = found(ENABLE=word, STRATEGY="Enforce", KEYSTORE=keystore)
    assert (verdict, detail) == (NOTE, f"off: ROS_SECURITY_ENABLE is '{word}'")
    assert advice == "export ROS_SECURITY_ENABLE=true"


@pytest.mark.parametrize("strategy", ["enforce", "Permissive", ""])
def test_nodes_that_would_run_in_the_open_are_noticed(strategy, keystore):
    verdict, detail, advice = found(ENABLE="true", STRATEGY=strategy, KEYSTORE=keystore)
    assert (verdict, detail) == (NOTE, f"nodes without a key run in the open: strategy {strategy}")
    assert advice == "export ROS_SECURITY_STRATEGY=Enforce"


@pytest.mark.parametrize("keys", [{}, {"KEYSTORE": ""}, {"KEYSTORE": "no_such_folder"}])
def test_a_missing_keystore_is_named(keys):
    verdict, detail, _ = found(ENABLE="true", STRATEGY="Enforce", **keys)
    assert verdict == BAD and detail.startswith("no keystore: ")


def test_keys_are_counted(keystore):
    verdict, detail, _ = found(ENABLE="true", STRATEGY="Enforce", KEYSTORE=keystore)
    assert (verdict, detail) == (GOOD, f"enforced, 2 keys in {keystore}/enclaves")
