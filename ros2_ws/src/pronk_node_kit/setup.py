"""Package description for colcon."""

from setuptools import setup

PACKAGE = "pronk_node_kit"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    maintainer="Pronk maintainers",
    maintainer_email="maintainers@pronk.invalid",
    description="What Pronk's nodes need of ROS: parameters, topic table, conversions, diagnostics, spinning.",
    license="Apache-2.0",
)
