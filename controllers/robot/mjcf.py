"""Just enough of MJCF to read a quadruped: defaults, bodies, inertias, joints, motors.

Anything that would change the numbers but is not understood is refused, never ignored.
"""

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, MissingModel
from controllers.rotations import matrix_from_quaternion

Array = npt.NDArray[np.float64]
Element = ElementTree.Element

# All of these set attributes of one and the same actuator default.
_ACTUATORS = ("general", "motor", "position", "velocity", "intvelocity", "damper", "cylinder", "muscle", "adhesion")
_OTHER_ORIENTATIONS = ("axisangle", "xyaxes", "zaxis", "euler")


@dataclass(frozen=True)
class Inertial:
    """Mass properties of one rigid body.

    Attributes:
        mass: [kg].
        com: Centre of mass in the body's frame, shape (3,) [m].
        inertia: About the centre of mass, along the body's axes, shape (3, 3) [kg·m²].
    """

    mass: float
    com: Array
    inertia: Array


@dataclass(frozen=True)
class Joint:
    """One hinge.

    Attributes:
        name: Name of the joint.
        axis: Axis in the body's frame, shape (3,).
        lower: Lower stop [rad]; -pi where the model has none.
        upper: Upper stop [rad]; pi where the model has none.
        damping: Viscous friction [N·m·s/rad].
        armature: Rotor inertia seen at the joint [kg·m²].
        frictionloss: Dry friction [N·m].
    """

    name: str
    axis: Array
    lower: float
    upper: float
    damping: float
    armature: float
    frictionloss: float


class MjcfModel:
    """A parsed MJCF file with its defaults resolved."""

    def __init__(self, path: Path) -> None:
        """Read and index the file.

        Args:
            path: The MJCF file.

        Raises:
            MissingModel: There is no such file.
            InvalidValue: The file is not MJCF.
        """
        if not path.is_file():
            raise MissingModel(f"robot model not found: {path}")
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as error:
            raise InvalidValue(f"{path} is not well-formed XML: {error}") from error
        if root.tag != "mujoco":
            raise InvalidValue(f"{path} must have a <mujoco> root element, got <{root.tag}>")
        self._path = path
        self._root = root
        compiler = root.find("compiler")
        options = {} if compiler is None else compiler.attrib
        self._degrees = options.get("angle", "degree") == "degree"
        self._autolimits = options.get("autolimits", "true") == "true"
        # class name -> kind of element -> attributes, with those of the parent classes filled in.
        self._defaults: dict[str, dict[str, dict[str, str]]] = {"main": {}}
        for top in root.findall("default"):
            self._read_defaults(top, top.get("class", "main"), {})
        self._parent: dict[Element, Element] = {child: parent for parent in root.iter() for child in parent}

    def _read_defaults(self, element: Element, name: str, inherited: dict[str, dict[str, str]]) -> None:
        own = {kind: dict(attributes) for kind, attributes in inherited.items()}
        for child in element:
            if child.tag != "default":
                kind = "actuator" if child.tag in _ACTUATORS else child.tag
                own.setdefault(kind, {}).update(child.attrib)
        self._defaults[name] = own
        for child in element.findall("default"):
            self._read_defaults(child, child.attrib["class"], own)

    def _attributes(self, element: Element) -> dict[str, str]:
        kind = "actuator" if element.tag in _ACTUATORS else element.tag
        name = element.get("class")
        ancestor = self._parent.get(element)
        while name is None and ancestor is not None:
            name = ancestor.get("childclass")
            ancestor = self._parent.get(ancestor)
        name = name or "main"
        if name not in self._defaults:
            raise InvalidValue(
                f"{self._path}: <{element.tag}> has unknown class '{name}'; "
                f"defined: {', '.join(sorted(self._defaults))}"
            )
        return {**self._defaults[name].get(kind, {}), **element.attrib}

    def body(self, name: str) -> Element:
        """Find a body.

        Args:
            name: Name of the body.

        Returns:
            Its element.

        Raises:
            InvalidValue: The model has no such body.
        """
        for body in self._root.iter("body"):
            if body.get("name") == name:
                return body
        names = ", ".join(sorted(body.get("name", "unnamed") for body in self._root.iter("body")))
        raise InvalidValue(f"{self._path}: no body '{name}'; bodies: {names}")

    def floating_base(self) -> Element:
        """Find the body that floats freely.

        Returns:
            Its element.

        Raises:
            InvalidValue: No body, or more than one, has a free joint.
        """
        found = [body for body in self._root.iter("body") if body.find("freejoint") is not None]
        found += [b for b in self._root.iter("body") if any(j.get("type") == "free" for j in b.findall("joint"))]
        if len(found) != 1:
            raise InvalidValue(f"{self._path}: exactly one body must have a free joint, got {len(found)}")
        return found[0]

    def offset(self, body: Element) -> Array:
        """Read where a body's frame stands in its parent's; the two must be parallel.

        Args:
            body: A body's element.

        Returns:
            Origin in the parent's frame, shape (3,) [m].

        Raises:
            InvalidValue: The frame is turned against its parent's.
        """
        if not np.allclose(self._orientation(body), np.eye(3), rtol=0.0, atol=1e-9):
            raise InvalidValue(f"{self._path}: body '{body.get('name')}' must be parallel to its parent")
        return self._vector(body.attrib, "pos", "0 0 0", 3)

    def inertial(self, body: Element) -> Inertial:
        """Read a body's mass properties.

        Args:
            body: A body's element.

        Returns:
            The mass properties, zero for a body whose geoms are all massless.

        Raises:
            InvalidValue: The body leaves its mass to be inferred from its geoms.
        """
        element = body.find("inertial")
        if element is None:
            masses = [self._attributes(geom).get("mass") for geom in body.findall("geom")]
            if any(mass is None or float(mass) != 0.0 for mass in masses):
                raise InvalidValue(
                    f"{self._path}: body '{body.get('name')}' must have an <inertial> element or massless geoms"
                )
            return Inertial(0.0, np.zeros(3), np.zeros((3, 3)))
        com = self._vector(element.attrib, "pos", "0 0 0", 3)
        if "fullinertia" in element.attrib:
            xx, yy, zz, xy, xz, yz = self._vector(element.attrib, "fullinertia", "", 6)
            principal = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        else:
            principal = np.diag(self._vector(element.attrib, "diaginertia", "", 3))
        rotation = self._orientation(element)
        return Inertial(float(element.attrib["mass"]), com, rotation @ principal @ rotation.T)

    def joint(self, body: Element) -> Joint:
        """Read the one hinge of a body.

        Args:
            body: A body's element.

        Returns:
            The hinge.

        Raises:
            InvalidValue: The body has not exactly one hinge through its origin.
        """
        elements = body.findall("joint")
        if len(elements) != 1:
            raise InvalidValue(f"{self._path}: body '{body.get('name')}' must have 1 joint, got {len(elements)}")
        attributes = self._attributes(elements[0])
        name = attributes.get("name", "")
        if attributes.get("type", "hinge") != "hinge":
            raise InvalidValue(f"{self._path}: joint '{name}' must be a hinge, got {attributes['type']}")
        if self._vector(attributes, "pos", "0 0 0", 3).any():
            raise InvalidValue(f"{self._path}: joint '{name}' must sit at its body's origin, got {attributes['pos']}")
        lower, upper = -math.pi, math.pi
        limited = attributes.get("limited", "auto")
        if limited == "true" or (limited == "auto" and self._autolimits and "range" in attributes):
            lower, upper = self._vector(attributes, "range", "", 2) * (math.pi / 180.0 if self._degrees else 1.0)
        return Joint(
            name=name,
            axis=self._vector(attributes, "axis", "0 0 1", 3),
            lower=float(lower),
            upper=float(upper),
            damping=float(attributes.get("damping", "0").split()[0]),
            armature=float(attributes.get("armature", "0")),
            frictionloss=float(attributes.get("frictionloss", "0")),
        )

    def torque_limits(self) -> dict[str, float]:
        """Read what the motors can do, whatever their order in the file.

        Returns:
            Largest torque of each joint that has a motor [N·m]: the smaller of control range and force range.

        Raises:
            InvalidValue: A motor has neither range.
        """
        limits: dict[str, float] = {}
        for motor in self._root.findall("actuator/*"):
            attributes = self._attributes(motor)
            gear = float(attributes.get("gear", "1").split()[0])
            bounds = []
            for kind in ("ctrl", "force"):
                enabled = attributes.get(f"{kind}limited", "auto")
                if f"{kind}range" in attributes and (enabled == "true" or (enabled == "auto" and self._autolimits)):
                    bounds.append(float(np.abs(self._vector(attributes, f"{kind}range", "", 2)).min()) * abs(gear))
            if not bounds:
                raise InvalidValue(f"{self._path}: motor '{attributes.get('name')}' has no ctrlrange and no forcerange")
            limits[attributes["joint"]] = min(bounds)
        return limits

    def sphere(self, body: Element) -> tuple[str, float]:
        """Read the one sphere of a foot.

        Args:
            body: The foot's element.

        Returns:
            Name of the geom and its radius [m].

        Raises:
            InvalidValue: There is not exactly one sphere, or it is off the body's origin.
        """
        spheres = [a for a in map(self._attributes, body.findall("geom")) if a.get("type", "sphere") == "sphere"]
        name = body.get("name")
        if len(spheres) != 1:
            raise InvalidValue(f"{self._path}: body '{name}' must have 1 sphere, got {len(spheres)}")
        if self._vector(spheres[0], "pos", "0 0 0", 3).any():
            raise InvalidValue(f"{self._path}: the sphere of body '{name}' must sit at its origin")
        return spheres[0].get("name", ""), float(spheres[0]["size"].split()[0])

    def site_position(self, body: Element, name: str) -> Array:
        """Read where a site of a body is; the site must be parallel to the body.

        Args:
            body: A body's element.
            name: Name of the site.

        Returns:
            Position in the body's frame, shape (3,) [m].

        Raises:
            InvalidValue: The body has no such site, or it is turned.
        """
        for site in body.findall("site"):
            if site.get("name") == name:
                if not np.allclose(self._orientation(site), np.eye(3), rtol=0.0, atol=1e-9):
                    raise InvalidValue(f"{self._path}: site '{name}' must be parallel to body '{body.get('name')}'")
                return self._vector(site.attrib, "pos", "0 0 0", 3)
        raise InvalidValue(f"{self._path}: body '{body.get('name')}' has no site '{name}'")

    def _orientation(self, element: Element) -> Array:
        for kind in _OTHER_ORIENTATIONS:
            if kind in element.attrib:
                raise InvalidValue(f"{self._path}: <{element.tag}> orientation must be given as quat, got {kind}")
        return matrix_from_quaternion(self._vector(element.attrib, "quat", "1 0 0 0", 4))

    def _vector(self, attributes: dict[str, str], key: str, default: str, length: int) -> Array:
        text = attributes.get(key, default)
        try:
            values = np.array([float(word) for word in text.split()])
        except ValueError as error:
            raise InvalidValue(f"{self._path}: {key} must be {length} numbers, got '{text}'") from error
        if len(values) != length:
            raise InvalidValue(f"{self._path}: {key} must be {length} numbers, got '{text}'")
        return values
