@needs-tasks
Feature: Working on tasks
  Beginning a task returns all that is needed to do it. What was done is kept as an artifact, a file in the server's
  directory.

  Background:
    Given the seed 7
    And "Tasks" keeps tasks

  @tasks-2
  Scenario Outline: The <part> is done by a tester, who leaves an artifact
    Given "Tasks.plan_task" takes 0 ms
    When these calls are made at once:
      | call            | input                                                                                                                                                 |
      | Tasks.plan_task | {"task_id": "main", "title": "Validate", "description": "All of it", "task_type": "implementation", "complexity": "complex"}                  |
      | Tasks.plan_task | {"task_id": "<part>", "parent_task_id": "main", "title": "<part>", "description": "<what>", "specialist_type": "tester", "estimated_effort": "1 day"} |
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "<part>" }
      """
    Then the reply has:
      | path                      | value                                                                              |
      | /status                   | ready_for_execution                                                                |
      | /task_title               | <part>                                                                             |
      | /task_description         | <what>                                                                             |
      | /specialist_type          | tester                                                                             |
      | /specialist_context       | You are a tester: you show whether it does what it must, and where it does not.    |
      | /specialist_prompts/1     | Show for each test that it can fail.                                               |
      | /execution_instructions/0 | Do this: <what>                                                                    |
      | /dependencies_completed   | true                                                                               |
      | /estimated_effort         | 1 day                                                                              |
    When 30 min pass
    And "Tasks.complete_task" is called with:
      """json
      {
        "task_id": "<part>",
        "summary": "All of <part> holds",
        "detailed_work": "What was tried, and what came of it: <what>",
        "next_action": "complete",
        "artifact_type": "test",
        "file_paths": ["tests/<part>.rs"]
      }
      """
    Then the reply has:
      | path                          | value                                                     |
      | /status                       | success                                                   |
      | /task_status                  | completed                                                 |
      | /artifact_count               | 1                                                         |
      | /artifact_references/0/id     | <artifact>                                                |
      | /artifact_references/0/type   | test                                                      |
      | /artifact_references/0/path   | .task_orchestrator/artifacts/<part>_<artifact>.txt        |
      | /completion_time              | 2025-01-01T00:30:00Z                                      |
    And the file ".task_orchestrator/artifacts/<part>_<artifact>.txt" contains:
      """
      What was tried, and what came of it: <what>
      """
    When "Tasks.query_tasks" is called with:
      """json
      { "parent_task_id": "main", "status": "completed", "include_artifacts": true }
      """
    Then the reply has:
      | path                              | value                  |
      | /tasks/0/task_id                  | <part>                 |
      | /tasks/0/summary                  | All of <part> holds    |
      | /tasks/0/started_at               | 2025-01-01T00:00:00Z   |
      | /tasks/0/completed_at             | 2025-01-01T00:30:00Z   |
      | /tasks/0/artifacts/0/file_paths/0 | tests/<part>.rs        |

    Examples:
      | part                   | what                     | artifact          |
      | feature_integration    | Features work together   | artifact_8cf4a19b |
      | api_testing            | Every tool answers       | artifact_e7f4a6e7 |
      | system_validation      | The whole holds together | artifact_ef48f294 |
      | performance_benchmarks | It is fast enough        | artifact_849be9cc |
      | error_scenarios        | Faults are survived      | artifact_659b3e23 |

  @tasks-2
  Scenario Outline: After work that is to go on as <next action>, the task is <status>
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "Do it" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Some", "detailed_work": "Half of it", "next_action": "<next action>" }
      """
    Then the reply has:
      | path           | value         |
      | /task_status   | <status>      |
      | /next_action   | <next action> |
      | /artifact_count | 1            |
    When "Tasks.query_tasks" is called with:
      """json
      { "status": "<status>" }
      """
    Then the reply has:
      | path             | value |
      | /tasks/0/task_id | a     |

    Examples:
      | next action    | status      |
      | complete       | completed   |
      | continue       | in_progress |
      | needs_revision | in_progress |
      | blocked        | blocked     |

  @tasks-2
  Scenario: Work goes on after a revision, and all that was done is kept
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "Do it" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Some", "detailed_work": "Half of it", "next_action": "needs_revision" }
      """
    And "Tasks.complete_task" is called with:
      """json
      {
        "task_id": "a", "summary": "All", "detailed_work": "The other half", "next_action": "complete",
        "legacy_artifacts": "artifact_aac879ba"
      }
      """
    Then the reply has:
      | path                  | value                 |
      | /artifact_count       | 2                     |
      | /legacy_artifacts     | ["artifact_aac879ba"] |
      | /task_status          | completed             |
    And the file ".task_orchestrator/artifacts/a_artifact_aac879ba.txt" contains:
      """
      Half of it
      """
    And the file ".task_orchestrator/artifacts/a_artifact_01b90388.txt" contains:
      """
      The other half
      """

  @tasks-2
  Scenario: A task is not complete until its criteria hold
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "Do it", "validation_criteria": ["tests pass", "docs are written"] }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the reply has:
      | path                             | value                                      |
      | /validation_criteria/0/criterion | tests pass                                 |
      | /validation_criteria/0/met       | false                                      |
      | /execution_instructions/2        | See that this holds: docs are written      |
    When "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete", "criteria_met": "tests pass" }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value                                                                     |
      | /field   | criteria_met                                                              |
      | /message | task a cannot be completed: nobody has checked off docs are written       |
    When "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Tested", "detailed_work": "It", "next_action": "continue", "criteria_met": "tests pass" }
      """
    Then the reply has:
      | path                       | value |
      | /validation_criteria/0/met | true  |
      | /validation_criteria/1/met | false |
    When "Tasks.update_task" is called with:
      """json
      { "task_id": "a", "status": "completed" }
      """
    Then the call fails with "VALIDATION_FAILED"
    When "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete", "criteria_met": ["docs are written"] }
      """
    Then the reply has:
      | path         | value     |
      | /task_status | completed |

  @tasks-2
  Scenario: Artifacts are in the folder of the session in which the task was planned
    When "Tasks.initialize_session" is called with:
      """json
      { "working_directory": "projects/one" }
      """
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "Do it" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete" }
      """
    Then the file "projects/one/.task_orchestrator/artifacts/a_artifact_aac879ba.txt" contains:
      """
      It
      """

  @tasks-15
  Scenario Outline: No path leads out of the directory by <field> of <tool>
    When "Tasks.initialize_session" is called
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "Do it" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.<tool>" is called with:
      """json
      <input>
      """
    Then the call fails with "PATH_OUTSIDE_DIRECTORY"
    And the failure has:
      | path   | value           |
      | /field | <field>         |
      | /mode  | policy_security |
    And the timeline has, in order:
      | event        | client   | tool   | field   |
      | path_refused | scenario | <tool> | <field> |
    And the file ".task_orchestrator/artifacts/a_artifact_aac879ba.txt" does not exist
    When "Tasks.query_tasks" is called with:
      """json
      { "status": ["pending", "in_progress"] }
      """
    Then the reply has:
      | path                    | value       |
      | /total_count            | 1           |
      | /tasks/0/status         | in_progress |
      | /tasks/0/artifact_count | 0           |

    Examples:
      | tool               | field             | input                                                                                                                             |
      | complete_task      | legacy_artifacts  | {"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "complete", "legacy_artifacts": ["../../etc/passwd"]}      |
      | complete_task      | file_paths        | {"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "complete", "file_paths": ["ok.rs", "/etc/passwd"]}        |
      | plan_task          | task_id           | {"task_id": "../b", "title": "B", "description": "b"}                                                                            |
      | plan_task          | task_id           | {"task_id": "b\u0000", "title": "B", "description": "b"}                                                                         |
      | initialize_session | working_directory | {"working_directory": "a/../../b"}                                                                                               |
      | resume_session     | session_id        | {"session_id": "../../b"}                                                                                                        |
