@needs-tasks
Feature: Cancelled and deleted tasks
  A task that is given up keeps what was done, and whoever waits for it has a note of that. A task that others depend on is not
  deleted unless that is forced.

  Background:
    Given the seed 7
    And "Tasks" keeps tasks
    When these calls are made at once:
      | call            | input                                                                                           |
      | Tasks.plan_task | {"task_id": "a", "title": "A", "description": "a"}                                              |
      | Tasks.plan_task | {"task_id": "b", "title": "B", "description": "b", "dependencies": "a"}                         |
      | Tasks.plan_task | {"task_id": "part", "title": "Part", "description": "p", "parent_task_id": "a"}                 |
      | Tasks.plan_task | {"task_id": "other", "title": "Other", "description": "o"}                                      |
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Some", "detailed_work": "Half of it", "next_action": "continue" }
      """

  @tasks-7
  Scenario: A task in progress is cancelled, and its work is kept
    When 1 min passes
    And "Tasks.cancel_task" is called with:
      """json
      { "task_id": "a", "reason": "not needed" }
      """
    Then the reply is:
      """json
      {
        "success": true,
        "task_id": "a",
        "previous_status": "in_progress",
        "status": "cancelled",
        "reason": "not needed",
        "work_preserved": true,
        "artifact_count": 2,
        "dependent_tasks_updated": ["b", "part"],
        "cancelled_at": "2025-01-01T00:01:00Z"
      }
      """
    And the file ".task_orchestrator/artifacts/a_artifact_aac879ba.txt" contains:
      """
      Half of it
      """
    And the file ".task_orchestrator/artifacts/a_artifact_01b90388.txt" contains:
      """
      cancelled while in_progress: not needed
      """
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path             | value                                                                                                              |
      | /tasks/0/notes   | [{"at": "2025-01-01T00:01:00Z", "kind": "cancelled", "text": "not needed"}]                                        |
      | /tasks/1/task_id | b                                                                                                                  |
      | /tasks/1/status  | pending                                                                                                            |
      | /tasks/1/notes   | [{"at": "2025-01-01T00:01:00Z", "kind": "dependency_cancelled", "text": "a was cancelled: not needed"}]            |
      | /tasks/2/notes/0/kind | dependency_cancelled                                                                                          |
      | /tasks/3/notes   |                                                                                                                    |

  @tasks-7
  Scenario: A task is cancelled without a reason, and its work is not kept
    When "Tasks.cancel_task" is called with:
      """json
      { "task_id": "a", "preserve_work": false }
      """
    Then the reply has:
      | path            | value              |
      | /reason         | No reason provided |
      | /work_preserved | false              |
      | /artifact_count | 0                  |
    And the file ".task_orchestrator/artifacts/a_artifact_aac879ba.txt" does not exist

  @tasks-7
  Scenario: A completed task is not cancelled, and no record of it is left
    When "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Done", "detailed_work": "All of it", "next_action": "complete" }
      """
    And "Tasks.cancel_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the call fails with "INVALID_TASK_STATE"
    When "Tasks.query_tasks" is called with:
      """json
      { "search_text": "b" }
      """
    Then the reply has:
      | path             | value |
      | /tasks/0/task_id | b     |
      | /tasks/0/notes   |       |

  @tasks-8
  Scenario: A task that others depend on is not deleted
    When "Tasks.delete_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the call fails with "DEPENDENCY_CONFLICT"
    And the failure has:
      | path     | value                                                           |
      | /field   | task_id                                                         |
      | /message | 2 tasks depend on a: b, part; force it, or end them first       |
    When these calls are made at once:
      | call            | input                                                                     |
      | Tasks.plan_task | {"task_id": "d", "title": "D", "description": "d", "dependencies": "a"}   |
      | Tasks.plan_task | {"task_id": "e", "title": "E", "description": "e", "dependencies": "a"}   |
    And "Tasks.delete_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the failure has:
      | path     | value                                                              |
      | /message | 4 tasks depend on a: b, d, e, …; force it, or end them first       |
    When "Tasks.query_tasks" is called with:
      """json
      { "status": "in_progress" }
      """
    Then the reply has:
      | path             | value |
      | /tasks/0/task_id | a     |

  @tasks-8
  Scenario: A task that others depend on is archived where that is forced
    When "Tasks.delete_task" is called with:
      """json
      { "task_id": "a", "force": true }
      """
    Then the reply is:
      """json
      {
        "success": true,
        "task_id": "a",
        "action": "archived",
        "force_applied": true,
        "archive_mode": true,
        "dependent_tasks": ["b", "part"],
        "timestamp": "2025-01-01T00:00:00Z"
      }
      """
    And the timeline has, in order:
      | event        | task | from        | status    |
      | task_changed | a    | in_progress | cancelled |
      | task_changed | a    | cancelled   | archived  |
    And the file ".task_orchestrator/artifacts/a_artifact_aac879ba.txt" exists
    When "Tasks.query_tasks" is called with:
      """json
      { "status": "archived" }
      """
    Then the reply has:
      | path             | value |
      | /tasks/0/task_id | a     |

  @tasks-8
  Scenario: A task that others depend on is removed with its files where that is forced
    When "Tasks.delete_task" is called with:
      """json
      { "task_id": "a", "force": true, "archive_instead": false }
      """
    Then the reply has:
      | path    | value   |
      | /action | deleted |
    And the file ".task_orchestrator/artifacts/a_artifact_aac879ba.txt" does not exist
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path                   | value |
      | /total_count           | 3     |
      | /tasks/0/task_id       | b     |
      | /tasks/0/dependencies  |       |
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "b" }
      """
    Then the call succeeds

  @tasks-8
  Scenario: A task that nobody depends on is archived, and one that somebody works on only by force
    When "Tasks.delete_task" is called with:
      """json
      { "task_id": "other" }
      """
    Then the reply has:
      | path           | value    |
      | /action        | archived |
      | /force_applied | false    |
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "busy", "title": "Busy", "description": "b" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "busy" }
      """
    And "Tasks.delete_task" is called with:
      """json
      { "task_id": "busy" }
      """
    Then the call fails with "INVALID_TASK_STATE"
    And the failure has:
      | path     | value                                                        |
      | /message | task busy is in progress; force it, or cancel it first       |
