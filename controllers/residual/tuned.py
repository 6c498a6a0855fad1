"""Settings of the tuned learners, by name: the preset that each starts from and what differs.

`pronk tune locomotion` makes them anew: it draws equally many settings of every learner, runs them on cases and seeds
that no suite reports, and writes this file as `tuned.py` into the folder of its results.
"""

from typing import Any

TUNED: dict[str, tuple[str, dict[str, Any]]] = {
    "integrator": (
        "integrator_default",
        {
            "height_gain": 1110.0,
            "velocity_gain": 15.2,
            "attitude_gain": 15.2,
        },
    ),
    "l1_tuned": (
        "l1_published",
        {
            "force_cutoff": 34.0,
            "moment_cutoff": 73.4,
            "moment_second_cutoff": 182.0,
        },
    ),
    "rff_tuned": (
        "rff_whitened",
        {
            "learning_rate": 0.0428,
            "kernel_std": 0.0177,
            "moment_speed": 5.11,
            "skip_contact_changes": False,
        },
    ),
    "random_features": (
        "random_features_default",
        {
            "time_constant_s": 0.0518,
            "kernel_std": 0.164,
            "constant_share": 0.466,
            "moment_speed": 3.29,
        },
    ),
    "bias": (
        "bias_default",
        {
            "force_time_constant_s": 0.092,
            "moment_time_constant_s": 0.0296,
            "skip_contact_changes": False,
        },
    ),
    "kalman": (
        "kalman_default",
        {
            "force_time_constant_s": 0.0682,
            "moment_time_constant_s": 0.0688,
            "harmonics": (2, 4),
            "switch_noise": 1.11,
            "gate": 4.47,
        },
    ),
    "pronk": (
        "pronk_default",
        {
            "vertical_drift": 50.3,
            "lateral_drift": 14.7,
            "moment_drift": 1.15,
            "kernel_std": 0.533,
        },
    ),
    "rls_inertia": (
        "rls_inertia_default",
        {
            "time_constant_s": 0.0983,
            "filter_s": 0.0222,
            "acceleration_share": 0.144,
            "inertia_prior": 0.0568,
        },
    ),
}
