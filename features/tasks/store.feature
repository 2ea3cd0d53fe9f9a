@needs-tasks
Feature: Where tasks are kept
  Tasks in a file outlive their server. A file that is not a store of tasks is left as it is.

  @tasks-9
  Scenario: A server that is lost leaves its tasks to the next one
    Given "Tasks" keeps tasks:
      """json
      { "file": true }
      """
    When these calls are made at once:
      | call                     | input                                                                              |
      | Tasks.initialize_session | {}                                                                                 |
      | Tasks.plan_task          | {"task_id": "a", "title": "A", "description": "a"}                                 |
      | Tasks.plan_task          | {"task_id": "b", "title": "B", "description": "b", "dependencies": "a"}            |
      | Tasks.plan_task          | {"title": "C", "description": "c"}                                                 |
      | Tasks.execute_task       | {"task_id": "a"}                                                                   |
    And the tasks of "Tasks" are reopened
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "b" }
      """
    Then the call fails with "DEPENDENCY_CONFLICT"
    When "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "b" }
      """
    Then the call succeeds
    When "Tasks.plan_task" is called with:
      """json
      { "title": "D", "description": "d" }
      """
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path          | value |
      | /total_count  | 4     |
      | /tasks/3/title | D    |
    When "Tasks.list_sessions" is called
    Then the reply has:
      | path                     | value    |
      | /total_count             | 1        |
      | /sessions/0/status       | inactive |
      | /sessions/0/task_count   | 3        |

  @tasks-4
  Scenario: A file that is not a database is not used, and stays
    Given the file ".rehearsal/tasks.db" holds:
      """
      This is a text of some length that is no database, although its name says so.
      """
    And "Tasks" keeps tasks:
      """json
      { "file": true }
      """
    When "Tasks.plan_task" is called with:
      """json
      { "title": "A", "description": "a" }
      """
    Then the call fails with "DATABASE_ERROR"
    And the failure has:
      | path       | value                                                                  |
      | /message   | .rehearsal/tasks.db cannot be used: it is not a valid store of tasks   |
      | /retryable | true                                                                   |
    And the file ".rehearsal/tasks.db" contains:
      """
      This is a text of some length that is no database, although its name says so.
      """
