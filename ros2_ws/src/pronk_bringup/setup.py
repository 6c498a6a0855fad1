"""Package description for colcon."""

from glob import glob
from pathlib import Path

from setuptools import setup

PACKAGE = "pronk_bringup"
NODES = [Path(name).stem for name in sorted(glob(f"{PACKAGE}/*_node.py"))]

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        (f"share/{PACKAGE}/launch", glob("launch/*.launch.yaml")),
        (f"share/{PACKAGE}/launch/params", glob("launch/params/*.yaml")),
        (f"share/{PACKAGE}/launch/recording", glob("launch/recording/*.yaml")),
        (f"share/{PACKAGE}/launch/security", glob("launch/security/*")),
        (f"share/{PACKAGE}/launch/views", glob("launch/views/*")),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    maintainer="Pronk maintainers",
    maintainer_email="maintainers@pronk.invalid",
    description="Starts Pronk: launch files, the local launch runner, the bag recorder.",
    license="Apache-2.0",
    # The name of a script is that of its module, so that launch files mean the same to every launcher.
    entry_points={"console_scripts": [f"{name} = {PACKAGE}.{name}:main" for name in NODES]},
)
