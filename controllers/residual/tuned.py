"""Settings of the tuned learners, by name: the preset that each starts from and what differs.

`pronk tune locomotion` makes them anew: it draws equally many settings of every learner, runs them on cases and seeds
that no suite reports, and writes this file as `tuned.py` into the folder of its results.
"""

from typing import Any

TUNED: dict[str, tuple[str, dict[str, Any]]] = {
    "integrator": (
        "integrator_default",
        {
            "height_gain": 2500.0,
            "velocity_gain": 10.0,
            "attitude_gain": 24.0,
        },
    ),
    "l1_tuned": (
        "l1_published",
        {
            "force_cutoff": 15.0,
            "moment_cutoff": 40.0,
            "moment_second_cutoff": 80.0,
        },
    ),
    "rff_tuned": (
        "rff_published",
        {
            "learning_rate": 0.065,
            "kernel_std": 0.3,
            "moment_speed": 1.0,
            "skip_contact_changes": True,
        },
    ),
    "random_features": (
        "random_features_default",
        {
            "time_constant_s": 0.07,
            "kernel_std": 0.15,
            "constant_share": 0.8,
            "moment_speed": 1.0,
        },
    ),
    "bias": (
        "bias_default",
        {
            "force_time_constant_s": 0.15,
            "moment_time_constant_s": 0.05,
            "skip_contact_changes": False,
        },
    ),
    "kalman": (
        "kalman_default",
        {
            "force_time_constant_s": 0.1,
            "moment_time_constant_s": 0.1,
            "harmonics": (2, 4),
            "switch_noise": 3.0,
            "gate": 30.0,
        },
    ),
    "pronk": (
        "pronk_default",
        {
            "vertical_drift": 60.0,
            "lateral_drift": 8.0,
            "moment_drift": 1.2,
            "kernel_std": 0.5,
        },
    ),
    "rls_inertia": (
        "rls_inertia_default",
        {
            "time_constant_s": 0.1,
            "filter_s": 0.03,
            "acceleration_share": 1.0,
            "inertia_prior": 0.1,
        },
    ),
}
