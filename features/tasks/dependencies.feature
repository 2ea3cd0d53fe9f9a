@needs-tasks
Feature: Tasks that wait for others
  A task may depend on others: it begins when they are completed. Tasks that would wait for each other are refused when they are
  planned.

  Background:
    Given "Tasks" keeps tasks
    When these calls are made at once:
      | call            | input                                                                             |
      | Tasks.plan_task | {"task_id": "a", "title": "A", "description": "a"}                                |
      | Tasks.plan_task | {"task_id": "b", "title": "B", "description": "b", "dependencies": "a"}           |
      | Tasks.plan_task | {"task_id": "c", "title": "C", "description": "c", "dependencies": ["a", "b"]}    |

  @tasks-5
  Scenario: A task begins when what it depends on is completed
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "c" }
      """
    Then the call fails with "DEPENDENCY_CONFLICT"
    And the failure has:
      | path     | value                                                           |
      | /field   | task_id                                                         |
      | /message | task c waits for what is not completed: a (pending), b (pending) |
    When "Tasks.update_task" is called with:
      """json
      { "task_id": "b", "status": "in_progress" }
      """
    Then the call fails with "DEPENDENCY_CONFLICT"
    When these calls are made at once:
      | call               | input            |
      | Tasks.execute_task | {"task_id": "a"} |
    And "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "b" }
      """
    Then the call succeeds
    When "Tasks.query_tasks" is called with:
      """json
      { "search_text": "c" }
      """
    Then the reply has:
      | path                           | value                                                        |
      | /tasks/0/task_id               | c                                                            |
      | /tasks/0/status                | pending                                                      |
      | /tasks/0/dependencies/0        | {"task_id": "a", "type": "completion", "status": "satisfied"} |
      | /tasks/0/dependencies/1/status | pending                                                      |

  @tasks-5
  Scenario: A completed task that is archived still counts as completed
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.complete_task" is called with:
      """json
      { "task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete" }
      """
    And "Tasks.update_task" is called with:
      """json
      { "task_id": "a", "status": "archived" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "b" }
      """
    Then the call succeeds

  @tasks-5
  Scenario Outline: A task waits in vain for one that is <status>
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.update_task" is called with:
      """json
      { "task_id": "a", "status": "<status>" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "b" }
      """
    Then the call fails with "DEPENDENCY_CONFLICT"
    And the failure has:
      | path     | value                                              |
      | /message | task b waits for what is not completed: a (failed) |

    Examples:
      | status    |
      | failed    |
      | cancelled |

  @tasks-5
  Scenario: A task that is only related to another does not wait
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "d", "title": "D", "description": "d", "dependencies": { "task_id": "c", "type": "related" } }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "d" }
      """
    Then the call succeeds

  @tasks-5
  Scenario: A task that blocks another is waited for
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "first", "title": "First", "description": "f", "dependencies": [{ "task_id": "a", "type": "blocks" }] }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the call fails with "DEPENDENCY_CONFLICT"
    And the failure has:
      | path     | value                                                   |
      | /message | task a waits for what is not completed: first (pending) |

  @tasks-5
  Scenario Outline: Tasks that would wait for each other are refused: <case>
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "d", "title": "D", "description": "d", "dependencies": <dependencies> }
      """
    Then the call fails with "DEPENDENCY_CONFLICT"
    And the failure has:
      | path     | value                                           |
      | /field   | dependencies                                    |
      | /message | the tasks would wait for each other: <way>      |
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path         | value |
      | /total_count | 3     |
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the call succeeds

    Examples:
      | case                          | dependencies                                | way                   |
      | itself                        | ["d"]                                       | d -> d                |
      | one of another                | ["a", {"task_id": "a", "type": "blocks"}]   | a -> d -> a           |
      | one that waits for the other  | ["b", {"task_id": "a", "type": "blocks"}]   | a -> d -> b -> a      |
      | by way of others              | ["c", {"task_id": "a", "type": "blocks"}]   | a -> d -> c -> a      |

  @tasks-5
  Scenario: A task that is being worked on is not blocked by one that is planned
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "d", "title": "D", "description": "d", "dependencies": [{ "task_id": "a", "type": "blocks" }] }
      """
    Then the call fails with "INVALID_TASK_STATE"
