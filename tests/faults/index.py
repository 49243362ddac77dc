"""FAULTS.md section 5, fault by fault: which tests show it, or why none can here. ``test_index.py`` holds this to the truth.

``python -m tests.faults.index`` prints the table.
"""

from __future__ import annotations

#: Folders and modules, so that the lines below are short.
DEATH, KINDS, ISOLATION = (
    "tests/sandbox/test_death.py",
    "tests/sandbox/test_kinds.py",
    "tests/sandbox/test_isolation.py",
)
DOCTOR, VM, FLOODS = "tests/sandbox/test_doctor.py", "tests/sandbox/test_vm.py", "tests/test_floods.py"
INTERRUPTS, PROTOCOL, HERE = "tests/test_interrupts.py", "tests/agent/test_protocol.py", "tests/faults"

#: Fault → its tests as ``file::function``.
SHOWN: dict[int, tuple[str, ...]] = {
    1: (f"{DEATH}::test_200_namespaces_and_stubborn_processes", f"{VM}::test_death"),
    2: (f"{DEATH}::test_death_at_random_moments", f"{DEATH}::test_300_deaths_at_random_moments"),
    3: (f"{DEATH}::test_death_in_the_first_moments",),
    4: (f"{DEATH}::test_death_of_a_stopped_launcher_and_init", f"{VM}::test_death"),
    5: (f"{DEATH}::test_death_of_a_stopped_launcher_and_init", f"{VM}::test_death"),
    6: (f"{DEATH}::test_a_living_fork_does_not_keep_the_lab",),
    7: (f"{DEATH}::test_a_lab_outlives_the_thread_that_made_it", f"{INTERRUPTS}::test_a_lab_made_in_a_short_thread_lives_on"),
    8: (f"{DEATH}::test_death_by_signal",),
    9: (f"{DEATH}::test_exec_ends_the_lab",),
    10: (f"{INTERRUPTS}::test_interrupt_restart_and_shutdown_of_a_kernel",),
    11: (f"{HERE}/test_a_death.py::test_011_many_kernels_killed_together", f"{HERE}/test_a_death.py::test_011_twenty_kernels_killed_together"),
    12: (f"{DEATH}::test_dropping_a_lab_ends_it",),
    13: (f"{HERE}/test_a_death.py::test_013_a_hub_kills_the_group",),
    14: (f"{HERE}/test_a_death.py::test_014_a_pid_1_that_does_not_reap",),
    15: (f"{DEATH}::test_death_of_the_lab_side_is_told",),
    16: (f"{DEATH}::test_death_of_the_lab_side_is_told", f"{VM}::test_the_next_command_says_that_the_lab_has_ended"),
    17: (f"{DEATH}::test_signals_from_inside_do_not_reach_pid_1",),
    18: (f"{DEATH}::test_signals_from_inside_do_not_reach_pid_1",),
    19: (f"{VM}::test_memory_is_what_was_asked_for",),
    20: (f"{HERE}/test_b_lab_side.py::test_020_a_bug_in_the_agent_ends_one_request",),
    21: (f"{HERE}/test_b_lab_side.py::test_021_an_agent_that_does_not_answer",),
    22: (f"{HERE}/test_b_lab_side.py::test_022_a_stopped_agent_goes_on",),
    23: ("tests/test_source.py::test_nothing_enters_the_lab_from_outside",),
    24: (f"{INTERRUPTS}::test_an_interrupt_ends_what_runs_and_keeps_the_lab", f"{INTERRUPTS}::test_the_output_until_then_is_shown"),
    25: (f"{INTERRUPTS}::test_interrupts_at_random_moments",),
    26: (f"{INTERRUPTS}::test_ten_interrupts_within_a_second",),
    27: (f"{HERE}/test_c_cells.py::test_027_an_interrupt_while_two_hundred_namespaces_are_made",),
    28: (f"{INTERRUPTS}::test_an_interrupt_ends_what_runs_and_keeps_the_lab", "tests/agent/test_process.py::test_what_ignores_signals_is_killed"),
    29: (f"{INTERRUPTS}::test_daemons_of_an_interrupted_cell_end_and_declared_jobs_live",),
    30: (f"{INTERRUPTS}::test_standard_input_is_at_its_end",),
    31: (f"{HERE}/test_c_cells.py::test_031_programs_that_want_the_whole_screen",),
    32: (f"{INTERRUPTS}::test_a_cell_that_nbclient_gives_up_leaves_nothing", f"{INTERRUPTS}::test_jupyter_execute_fails_when_a_cell_takes_too_long"),
    33: (f"{INTERRUPTS}::test_threads_use_one_lab_at_once",),
    34: (
        f"{HERE}/test_c_cells.py::test_034_a_cancelled_task_ends_its_command", f"{HERE}/test_c_cells.py::test_034_an_interrupt_of_a_cell_that_awaits",
        f"{HERE}/test_c_cells.py::test_034_cancelled_at_any_moment", f"{HERE}/test_c_cells.py::test_034_what_it_raises_and_gives",
    ),
    35: (f"{DEATH}::test_a_fork_neither_uses_nor_ends_the_lab", f"{INTERRUPTS}::test_a_forked_child_cannot_use_the_lab_nor_end_it"),
    36: (f"{FLOODS}::test_output_is_bounded_and_says_so",),
    37: (f"{FLOODS}::test_bytes_that_are_no_text", f"{HERE}/test_c_cells.py::test_037_one_line_of_a_hundred_megabytes"),
    38: (f"{FLOODS}::test_a_fork_bomb_stays_inside", f"{FLOODS}::test_a_fork_bomb_ends_with_its_cell"),
    39: (f"{FLOODS}::test_a_nested_user_namespace_has_no_more_processes",),
    40: (f"{FLOODS}::test_three_hundred_namespaces_against_a_limit_of_twenty",),
    41: (f"{FLOODS}::test_root_of_the_lab_cannot_raise_limits", f"{FLOODS}::test_a_nested_user_namespace_raises_nothing"),
    42: (f"{FLOODS}::test_the_labs_own_folders_are_small", f"{ISOLATION}::test_what_is_written_elsewhere_goes_with_the_lab"),
    43: (f"{FLOODS}::test_an_agent_out_of_descriptors_says_so_and_recovers",),
    44: (f"{FLOODS}::test_thirty_labs_one_after_the_other_leave_nothing", f"{FLOODS}::test_three_hundred_labs_one_after_the_other_leave_nothing",
         "tests/test_a_day.py::test_a_thousand_times"),
    45: (f"{FLOODS}::test_a_notebook_with_more_than_a_thousand_open_files",),
    46: (f"{DOCTOR}::test_a_limit_of_zero_is_named", f"{KINDS}::test_a_limit_of_zero_is_named"),
    47: (f"{FLOODS}::test_a_memory_hog_fails_and_the_lab_goes_on", f"{VM}::test_memory_is_what_was_asked_for"),
    48: (f"{HERE}/test_d_floods.py::test_048_many_neighbours_are_told", f"{HERE}/test_d_floods.py::test_048_however_they_came",
         f"{HERE}/test_d_floods.py::test_048_also_while_those_of_others_go"),
    49: (f"{HERE}/test_e_host.py::test_049_a_tour_of_commands_leaves_the_machine_as_it_was",),
    50: (f"{ISOLATION}::test_nothing_of_the_machine_can_be_written", f"{ISOLATION}::test_pid_1_is_nobody_of_the_machine"),
    51: (f"{ISOLATION}::test_taking_mounts_away_uncovers_nothing",),
    52: (f"{ISOLATION}::test_no_way_into_the_machine_s_namespaces",),
    53: (f"{ISOLATION}::test_descriptors_of_pid_1",),
    54: (f"{ISOLATION}::test_sockets_of_the_machine_are_out_of_reach",),
    55: (f"{ISOLATION}::test_no_new_privileges",),
    56: (f"{ISOLATION}::test_system_v_and_posix_objects_stay_inside",),
    57: (f"{ISOLATION}::test_a_disk_of_the_machine_is_not_held",),
    58: (f"{ISOLATION}::test_names_of_namespaces_do_not_mount_anything_outside",),
    59: (f"{ISOLATION}::test_only_the_notebook_s_folder_is_writable", f"{ISOLATION}::test_home_is_scratch"),
    60: (f"{ISOLATION}::test_two_labs_with_the_same_names", "tests/hub/test_hub.py::test_a_class"),
    61: (f"{ISOLATION}::test_command_lines_seen_by_others_tell_nothing",),
    62: (f"{HERE}/test_f_input.py::test_062_names_are_data",),
    63: (f"{HERE}/test_f_input.py::test_063_names_made_by_a_script_are_data",),
    64: (
        "tests/tables/test_display.py::test_names_are_data_in_html_and_text", "tests/topology/test_picture.py::test_a_description_with_the_worst_names_stays_an_attribute",
    ),
    65: ("tests/topology/test_dot.py::test_any_name_is_only_shown", "tests/topology/test_dot.py::test_no_name_is_syntax"),
    66: ("tests/test_changes.py::test_names_cannot_draw_on_the_screen", "tests/tables/test_display.py::test_names_are_data_in_html_and_text"),
    67: (
        f"{PROTOCOL}::test_garbage_is_messages_or_a_protocol_error_and_nothing_else",
        f"{PROTOCOL}::test_a_frame_that_announces_too_much_is_refused_before_its_bytes_come", f"{PROTOCOL}::test_depth_is_what_really_nests",
        f"{PROTOCOL}::test_half_a_frame_then_the_end", "tests/agent/test_wrong_frames.py::test_all_readers_agree_and_leave_nothing",
        "tests/agent/test_wrong_frames.py::test_visitors_who_send_nonsense_do_no_harm",
    ),
    68: ("tests/test_source.py::test_runs_no_foreign_data_and_never_sleeps",),
    69: (f"{ISOLATION}::test_environment_of_the_notebook_does_not_reach_the_lab", "tests/agent/test_process.py::test_environment_is_a_fixed_list"),
    70: (f"{ISOLATION}::test_environment_of_the_notebook_does_not_reach_the_lab", "tests/test_lab.py::test_files_named_like_modules_do_no_harm"),
    71: ("tests/test_magics.py::test_fill", "tests/test_magics.py::test_fill_refused"),
    72: (f"{HERE}/test_f_input.py::test_072_a_cell_of_two_megabytes", f"{HERE}/test_f_input.py::test_072_lines_of_windows"),
    73: (f"{DOCTOR}::test_the_four_gates_have_four_messages", f"{DOCTOR}::test_seccomp_is_named", f"{VM}::test_where_namespaces_are_forbidden_it_serves"),
    74: (f"{DOCTOR}::test_masked_proc_is_named_and_the_lab_works", f"{KINDS}::test_masked_proc_is_the_ordinary_kind_with_less"),
    75: (f"{DOCTOR}::test_a_missing_feature_names_its_module", f"{VM}::test_modules_load_on_demand"),
    76: (f"{HERE}/test_g_platform.py::test_076_no_unshare_in_python",),
    77: ("tests/test_light.py::test_other_systems",),
    78: (f"{HERE}/test_g_platform.py::test_078_somebody_else_holds_a_namespace",),
    79: (
        f"{HERE}/test_g_platform.py::test_079_who_holds_a_namespace_is_named", f"{HERE}/test_g_platform.py::test_079_somebody_who_is_in_it_is_named",
        f"{HERE}/test_g_platform.py::test_079_nobody_else_is_named",
    ),
    80: (f"{ISOLATION}::test_folders_that_are_gone_or_closed", "tests/test_lab.py::test_a_deleted_folder_is_no_obstacle"),
}  # fmt: skip

#: Tests with random moments: the heavy ``test_twenty_times.py`` runs them twenty times, each time at other ones.
RANDOM: tuple[str, ...] = (
    f"{DEATH}::test_death_at_random_moments",
    f"{DEATH}::test_death_in_the_first_moments",
    f"{HERE}/test_a_death.py::test_011_many_kernels_killed_together",
    f"{INTERRUPTS}::test_interrupts_at_random_moments",
    f"{INTERRUPTS}::test_a_lab_whose_start_is_interrupted_leaves_nothing",
    f"{INTERRUPTS}::test_threads_use_one_lab_at_once",
    f"{HERE}/test_c_cells.py::test_027_an_interrupt_while_two_hundred_namespaces_are_made",
    f"{HERE}/test_c_cells.py::test_034_cancelled_at_any_moment",
)

#: Fault → why no test shows it here.
NOT_SHOWN: dict[int, str] = {}

#: Fault → which part of it this machine cannot show.
IN_PART: dict[int, str] = {
    19: "in the kind vm alone, where memory is short: elsewhere it would take a cgroup, and one that we made would outlive us",
    48: "with a smaller number than 512, and never to the overflow: the table is shared with everybody on the machine",
    50: "the part about root runs when root runs the tests",
    73: "AppArmor of Ubuntu is read from a table of what the kernel says there: this kernel has no AppArmor",
    76: "32 bit, musl, other processors: system call numbers stand in a table (nsmagic/syscalls.py) that is read, not run, here",
    80: "no network file system is mounted here: a folder that is gone, and one that is closed, stand for it",
}


def main() -> None:
    for number in range(1, 81):
        lines = [*SHOWN.get(number, ()), *([f"NOT SHOWN: {NOT_SHOWN[number]}"] if number in NOT_SHOWN else [])]
        lines += [f"in part: {IN_PART[number]}"] if number in IN_PART else []
        for at, line in enumerate(lines):
            print(f"{number if not at else '':>3}  {line}")


if __name__ == "__main__":
    main()
