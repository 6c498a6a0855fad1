import numpy as np
import pytest
from simulated_robot import ideal_robot, impedance

from controllers.errors import InvalidValue
from sim.disturbances import Wrench
from sim.friction import FrictionPatches, FrictionSchedule, UniformFriction

ROBOTS = ("go2", "go1", "aliengo")


def foot_contacts(backend):
    feet = set(backend._index.feet.tolist())
    contacts = [backend.data.contact[i] for i in range(backend.data.ncon)]
    return [c for c in contacts if feet & set(c.geom.tolist())]


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("value", [0.3, 1.2])
def test_the_configured_friction_holds_at_every_contact_of_every_robot(robot, value):
    backend = ideal_robot(robot, friction=UniformFriction(value))
    backend.write(impedance(backend))
    for _ in range(50):
        backend.advance()
    contacts = foot_contacts(backend)
    assert len(contacts) >= 4
    for contact in contacts:
        assert contact.friction[:2] == pytest.approx([value, value])
        assert contact.dim == 3
        assert contact.solref.tolist() == [0.01, 1.0]


@pytest.mark.parametrize(("ratio", "slips"), [(0.25, False), (0.35, True)])
def test_a_standing_robot_slips_when_pulled_harder_than_friction_holds(ratio, slips):
    # The pull acts at the height of the feet, so that it does not shift load between them.
    backend = ideal_robot(friction=UniformFriction(0.3))
    weight = 9.81 * backend.model.body_subtreemass[1]
    pull = Wrench((ratio * weight, 0.0, 0.0), at_s=1.0, point_m=(0.0, 0.0, -0.28))
    backend.set_disturbances((pull,))
    backend.write(impedance(backend, 200.0, 5.0))
    # Half a second is left for the legs to give way elastically.
    for _ in range(750):
        backend.advance()
    before = backend.ground_truth().foot_position_world
    for _ in range(250):
        backend.advance()
    slid = backend.ground_truth().foot_position_world[:, 0] - before[:, 0]
    assert (slid.min() > 0.1) if slips else (np.abs(slid).max() < 0.001)


def test_patches_alternate_along_x():
    patches = FrictionPatches(width_m=0.5, values=(0.5, 0.1), start_m=1.0, before=0.8)
    assert [patches.coefficient(x, 0.0) for x in (-3.0, 0.99, 1.1, 1.6, 2.1, 7.6)] == [0.8, 0.8, 0.5, 0.1, 0.5, 0.1]


def test_each_foot_has_the_friction_of_its_strip():
    patches = FrictionPatches(width_m=0.2, values=(0.5, 0.1), start_m=0.0, before=0.9)
    backend = ideal_robot(friction=patches)
    backend.write(impedance(backend))
    for _ in range(20):
        backend.advance()
    contacts = foot_contacts(backend)
    assert len(contacts) >= 4
    assert {c.friction[0] for c in contacts} == {0.5, 0.9}
    for contact in contacts:
        assert contact.friction[0] == patches.coefficient(contact.pos[0], 0.0)


def test_a_schedule_changes_friction_at_its_times():
    schedule = FrictionSchedule((0.0, 0.1), (0.8, 0.2))
    assert [schedule.coefficient(0.0, t) for t in (0.0, 0.099, 0.1, 5.0)] == [0.8, 0.8, 0.2, 0.2]
    backend = ideal_robot(friction=schedule)
    backend.write(impedance(backend))
    for _ in range(40):
        backend.advance()
    assert {c.friction[0] for c in foot_contacts(backend)} == {0.8}
    for _ in range(20):
        backend.advance()
    assert {c.friction[0] for c in foot_contacts(backend)} == {0.2}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UniformFriction(0.0), r"UniformFriction coefficients must lie in \(0, 5\], got 0.0"),
        (lambda: FrictionSchedule((0.0,), (0.5, 0.4)), "needs as many values as times, got 2 and 1"),
        (lambda: FrictionSchedule((1.0, 2.0), (0.5, 0.4)), r"must start at 0 and increase, got \(1.0, 2.0\)"),
        (lambda: FrictionPatches(width_m=0.0), r"width_m must be > 0, got 0.0"),
        (lambda: FrictionPatches(values=()), "must hold at least one coefficient, got none"),
        (lambda: FrictionPatches(values=(0.5, 9.0)), r"must lie in \(0, 5\], got 9.0"),
        (lambda: FrictionPatches(start_m=float("inf")), "start_m must be finite, got inf"),
    ],
)
def test_impossible_friction_is_refused(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()
