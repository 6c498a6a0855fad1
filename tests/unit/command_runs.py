"""The test that runs each documented command in small."""

# The longest beginning that fits counts.
RUN_BY = {
    "make demo": ("tests/ros/test_live_run.py", "test_a_live_run_ends_by_itself_with_success_and_a_robot_on_its_feet"),
    "make demo-planner": (
        "tests/unit/planner/test_planner_evaluation.py",
        "test_what_was_imagined_stands_beside_what_was",
    ),
    "make docs": (
        "tests/unit/test_documentation.py",
        "test_the_site_is_built_without_warnings_and_loads_nothing_from_elsewhere",
    ),
    "pronk bench": ("tests/unit/pronk/test_bench.py", "test_the_trot_of_the_bench_meets_pushes_and_a_payload"),
    "pronk collect": (
        "tests/unit/sim/test_collection.py",
        "test_a_collection_counts_and_a_second_call_adds_only_what_is_new",
    ),
    "pronk demo-planner": (
        "tests/unit/planner/test_planner_evaluation.py",
        "test_what_was_imagined_stands_beside_what_was",
    ),
    "pronk doctor": ("tests/unit/test_documentation.py", "test_the_commands_of_a_page_run"),
    "pronk drill": ("tests/ros/test_drill.py", "test_a_few_faults_end_in_the_states_that_are_defined_for_them"),
    "pronk eval locomotion": (
        "tests/unit/evaluation/test_locomotion_evaluation.py",
        "test_a_suite_leaves_results_tables_curves_and_plots",
    ),
    "pronk eval navigation": (
        "tests/unit/evaluation/test_navigation_evaluation.py",
        "test_a_scene_file_is_evaluated_to_tables_pictures_and_json",
    ),
    "pronk eval planner": (
        "tests/unit/planner/test_planner_evaluation.py",
        "test_methods_are_compared_on_the_same_episodes_and_a_table_tells_success",
    ),
    "pronk eval rewards": (
        "tests/unit/rewards/test_reward_suite.py",
        "test_the_learned_judges_run_through_all_that_is_asked",
    ),
    "pronk distil": (
        "tests/unit/sail/test_distilled.py",
        "test_a_finished_loop_is_distilled_by_the_command",
    ),
    "pronk eval rl": (
        "tests/unit/rl/test_rl_evaluation.py",
        "test_a_comparison_writes_results_tables_and_curves_and_goes_on_where_it_was",
    ),
    "pronk eval sail": (
        "tests/unit/sail/test_sail_report.py",
        "test_loops_of_several_tasks_run_one_after_the_other_and_are_summed_up",
    ),
    "pronk gate": (
        "tests/unit/planner/test_inverse_command.py",
        "test_a_gate_tells_what_perfect_plans_are_worth_with_weights_that_were_just_trained",
    ),
    "pronk train inverse": (
        "tests/unit/planner/test_inverse_command.py",
        "test_inverse_dynamics_learns_from_neighbours_alone_where_it_is_told_to",
    ),
    "pronk fuzz": ("tests/unit/pronk/test_fuzz.py", "test_no_parser_falls_over_damaged_input"),
    "pronk launch launch/full_stack_sim.launch.yaml": (
        "tests/ros/test_full_stack_launch.py",
        "test_two_robots_are_told_look_and_are_led_and_the_run_ends_by_itself",
    ),
    "pronk launch launch/go2_hardware.launch.yaml": (
        "tests/ros/test_go2_launch.py",
        "test_the_hardware_launch_walks_a_fake_robot_and_lays_it_down",
    ),
    "pronk launch launch/go2_sim.launch.yaml": (
        "tests/ros/test_live_run.py",
        "test_a_live_run_ends_by_itself_with_success_and_a_robot_on_its_feet",
    ),
    "pronk launch launch/multi_agent_sim.launch.yaml": (
        "tests/ros/test_multi_agent_launch.py",
        "test_four_robots_stand_up_in_one_world_and_the_run_ends_by_itself",
    ),
    "pronk launch launch/replay.launch.yaml": (
        "tests/ros/test_player.py",
        "test_what_is_played_is_what_was_recorded_with_the_time_of_the_readings",
    ),
    "pronk launch launch/video_planner_sim.launch.yaml": (
        "tests/ros/test_world_node.py",
        "test_a_task_runs_from_an_instruction_to_table_bag_and_video",
    ),
    "pronk replay": (
        "tests/unit/replay/test_replay.py",
        "test_the_command_writes_results_beside_the_bag_and_says_that_they_are_open_loop",
    ),
    "pronk report": ("tests/unit/evaluation/test_run_report.py", "test_a_good_run_gives_a_table_metrics_and_a_plot"),
    "pronk report adaptation": (
        "tests/unit/evaluation/test_adaptation_report.py",
        "test_a_trial_is_told_and_drawn_for_each_method",
    ),
    "pronk report sail": (
        "tests/unit/sail/test_sail_report.py",
        "test_the_command_tells_finished_loops_and_names_the_others",
    ),
    "pronk report suite": (
        "tests/unit/evaluation/test_adaptation_report.py",
        "test_reports_are_made_again_from_results_and_curves",
    ),
    "pronk scenario": ("tests/unit/test_documentation.py", "test_the_commands_of_a_page_run"),
    "pronk train navigation": (
        "tests/unit/policies/test_navigation_training.py",
        "test_kept_weights_tell_how_they_were_made_and_can_be_used",
    ),
    "pronk train reward": (
        "tests/unit/rewards/test_reward_training.py",
        "test_a_training_that_was_stopped_ends_with_the_same_weights",
    ),
    "pronk train rl": (
        "tests/unit/rl/test_rl_training.py",
        "test_it_learns_the_corridor_from_no_demonstration_and_keeps_its_curve",
    ),
    "pronk train sail": (
        "tests/unit/sail/test_sail_loop.py",
        "test_a_loop_that_is_killed_anywhere_ends_up_with_the_same_files",
    ),
    "pronk tune locomotion": (
        "tests/unit/evaluation/test_tuning.py",
        "test_every_method_gets_the_same_runs_on_the_same_seeds",
    ),
    "pronk view": ("tests/unit/view/test_page.py", "test_the_command_says_where_the_page_is"),
    "pronk watch": ("tests/ros/test_watch.py", "test_the_dashboard_hears_traffic_states_and_health_of_one_robot"),
    "pytest tests/ros/test_lockstep.py": (
        "tests/ros/test_lockstep.py",
        "test_the_processes_walk_exactly_as_the_cores_alone",
    ),
    "ros2 service call /arm": (
        "tests/ros/test_gatekeeper_node.py",
        "test_a_stop_is_latched_until_released_and_armed_again",
    ),
    "python -m pronk.reference": ("tests/unit/test_documentation.py", "test_the_reference_is_what_the_code_says"),
    "python -m pronk.security": ("tests/ros/test_security_policy.py", "test_a_policy_is_what_the_table_of_grants_says"),
    "python ros2_ws/build_messages.py": (
        "tests/ros/test_workspace.py",
        "test_messages_are_not_built_again_without_need",
    ),
}
