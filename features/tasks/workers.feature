@needs-tasks @needs-control
Feature: Tasks for workers
  Where a server of tasks has workers, tasks that can begin are given to them: the most urgent first. What a worker hands back are files.

  Background:
    Given a service "Agents"
    And "Agents.work" takes 10 s
    And "Agents.work" replies:
      """json
      { "files": ["src/a.rs", "tests/a.rs"] }
      """

  @tasks-18
  Scenario: A task is planned, assigned, begun and completed with files
    Given "Tasks" keeps tasks:
      """json
      {
        "workers": {
          "call": "Agents.work",
          "strategy": "capability",
          "workers": [{ "id": "ada", "capabilities": ["python"] }, { "id": "bob", "capabilities": ["rust", "sql"] }]
        }
      }
      """
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "Generate it", "description": "A parser", "requires": ["rust"], "context": { "type": "code_generation" } }
      """
    Then the reply has:
      | path    | value   |
      | /status | pending |
    When 10 s pass
    Then the timeline has, in order:
      | at   | event         | task | worker | status      | reason                                 |
      | 0 ms | task_changed  | a    |        | pending     |                                        |
      | 0 ms | task_assigned | a    | bob    |             | has 1 of the 1 required capabilities   |
      | 0 ms | task_changed  | a    |        | in_progress |                                        |
      | 10 s | task_changed  | a    |        | completed   |                                        |
    And the timeline has, in order:
      | event        | call            | caller   |
      | call_started | Tasks.plan_task | scenario |
      | call_started | Agents.health   | Tasks    |
      | call_started | Agents.work     | bob      |
    And "Agents.work" received:
      """json
      { "task_id": "a", "title": "Generate it", "description": "A parser", "specialist_type": "generic", "context": { "type": "code_generation" } }
      """
    When "Tasks.query_tasks" is called with:
      """json
      { "include_artifacts": true }
      """
    Then the reply has:
      | path                            | value                          |
      | /tasks/0/status                 | completed                      |
      | /tasks/0/assignee               | bob                            |
      | /tasks/0/artifacts/0/file_paths | ["src/a.rs", "tests/a.rs"]     |

  @tasks-18
  Scenario: While the service of the workers is down, no task is planned
    Given "Tasks" keeps tasks:
      """json
      { "workers": { "call": "Agents.work", "workers": [{ "id": "ada" }] } }
      """
    When "Agents" goes down
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    Then the call fails with "SERVICE_UNAVAILABLE"
    And the failure has:
      | path              | value                                               |
      | /message          | Agents is not available, so nobody could do the task |
      | /causes/0/service | Agents                                              |
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path         | value |
      | /total_count | 0     |
    When "Agents" comes back
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And 10 s pass
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path            | value     |
      | /tasks/0/status | completed |

  @tasks-18
  Scenario: One worker does the most urgent task first, then the oldest
    Given "Tasks" keeps tasks:
      """json
      { "workers": { "call": "Agents.work", "workers": [{ "id": "ada" }] } }
      """
    When these calls are made at once:
      | call            | input                                                                                       |
      | Tasks.plan_task | {"task_id": "first", "title": "F", "description": "f"}                                      |
      | Tasks.plan_task | {"task_id": "low", "title": "L", "description": "l", "priority": "low"}                     |
      | Tasks.plan_task | {"task_id": "normal", "title": "N", "description": "n"}                                     |
      | Tasks.plan_task | {"task_id": "critical", "title": "C", "description": "c", "priority": "critical"}           |
      | Tasks.plan_task | {"task_id": "high", "title": "H", "description": "h", "priority": "high"}                   |
      | Tasks.plan_task | {"task_id": "next", "title": "N", "description": "n"}                                       |
    And 60 s pass
    Then the timeline has, in order:
      | at   | event         | task     |
      | 0 ms | task_assigned | first    |
      | 10 s | task_assigned | critical |
      | 20 s | task_assigned | high     |
      | 30 s | task_assigned | normal   |
      | 40 s | task_assigned | next     |
      | 50 s | task_assigned | low      |
    And at most 1 call to "Agents" run at once

  @tasks-18
  Scenario: A diamond of tasks is done as far as possible side by side
    Given "Tasks" keeps tasks:
      """json
      { "workers": { "call": "Agents.work", "workers": [{ "id": "ada" }, { "id": "bob" }, { "id": "cyd" }] } }
      """
    When these calls are made at once:
      | call            | input                                                                                        |
      | Tasks.plan_task | {"task_id": "top", "title": "T", "description": "t"}                                         |
      | Tasks.plan_task | {"task_id": "left", "title": "L", "description": "l", "dependencies": "top"}                 |
      | Tasks.plan_task | {"task_id": "right", "title": "R", "description": "r", "dependencies": "top"}                |
      | Tasks.plan_task | {"task_id": "bottom", "title": "B", "description": "b", "dependencies": ["left", "right"]}   |
    And 30 s pass
    Then the timeline has, in order:
      | at   | event        | task   | status      |
      | 0 ms | task_changed | top    | in_progress |
      | 10 s | task_changed | left   | in_progress |
      | 10 s | task_changed | right  | in_progress |
      | 20 s | task_changed | bottom | in_progress |
      | 30 s | task_changed | bottom | completed   |
    And "Agents.work" is executed 4 times

  @tasks-18
  Scenario Outline: A worker who is lost (<answer>) gives its task back, and another one does it
    Given "Tasks" keeps tasks:
      """json
      { "workers": { "call": "Agents.work", "workers": [{ "id": "ada" }, { "id": "bob" }] } }
      """
    And "Agents.work" answers:
      | execution | answer   |
      | 1         | <answer> |
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And 71 s pass
    Then the timeline has, in order:
      | event         | task | worker | status      |
      | task_assigned | a    | ada    |             |
      | task_changed  | a    |        | blocked     |
      | worker_lost   | a    | ada    |             |
      | task_assigned | a    | bob    |             |
      | task_changed  | a    |        | in_progress |
      | task_changed  | a    |        | completed   |
    And these effects happened:
      | call            | key        | times |
      | Tasks.plan_task | scenario/1 | 1     |
      | Agents.work     | a          | 1     |
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "b", "title": "B", "description": "b" }
      """
    And "Tasks.query_tasks" is called with:
      """json
      { "search_text": "b" }
      """
    Then the reply has:
      | path              | value |
      | /tasks/0/assignee | bob   |

    Examples:
      | answer                   |
      | error WORKER_UNAVAILABLE |
      | error CONNECTION_RESET   |
      | hang                     |
      | lost                     |

  @tasks-18
  Scenario Outline: A task that a worker cannot do has failed: <why>
    Given "Tasks" keeps tasks:
      """json
      { "workers": { "call": "Agents.work", "workers": [{ "id": "ada" }] } }
      """
    And "Agents.work" answers:
      | execution | answer   |
      | 1         | <answer> |
      | 2         | ok       |
    When these calls are made at once:
      | call            | input                                                  |
      | Tasks.plan_task | {"task_id": "a", "title": "A", "description": "a"}     |
      | Tasks.plan_task | {"task_id": "b", "title": "B", "description": "b"}     |
    And 20 s pass
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path                  | value     |
      | /tasks/0/status       | failed    |
      | /tasks/0/notes/0/kind | failed    |
      | /tasks/0/notes/0/text | <note>    |
      | /tasks/1/status       | completed |

    Examples:
      | why              | answer                            | note                                                |
      | it refuses       | error UNCLEAR                     | UNCLEAR from Agents.work: scripted failure          |
      | it has no files  | reply {"files": []}               | the result has no files                             |
      | files go outside | reply {"files": ["../a"]}         | PATH_OUTSIDE_DIRECTORY: "../a" does not lead to a file in the scenario's directory |

  @tasks-18
  Scenario: Tasks of a server that is lost are given to workers again, and done once
    Given "Tasks" keeps tasks:
      """json
      { "file": true, "workers": { "call": "Agents.work", "workers": [{ "id": "ada" }] } }
      """
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And 5 s pass
    And the tasks of "Tasks" are reopened
    And 10 s pass
    And "Tasks.get_status" is called
    And 10 s pass
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path                      | value                                        |
      | /tasks/0/status           | completed                                    |
      | /tasks/0/artifact_count   | 1                                            |
      | /tasks/0/notes/0/text     | ada: its server was lost                     |
    And these effects happened:
      | call            | key        | times |
      | Tasks.plan_task | scenario/1 | 1     |
      | Agents.work     | a          | 1     |
    And the timeline has, in order:
      | at   | event             | task | status    |
      | 10 s | work_not_recorded | a    |           |
      | 15 s | worker_lost       | a    |           |
      | 25 s | task_changed      | a    | completed |

  @tasks-18
  Scenario: A plan that arrives twice makes one task
    Given "Agents.health" takes 1 s
    And "Tasks" keeps tasks:
      """json
      { "workers": { "call": "Agents.work", "workers": [{ "id": "ada" }] } }
      """
    And "Tasks.plan_task" answers:
      | execution | answer |
      | 1         | twice  |
    When "Tasks.plan_task" is called with:
      """json
      { "title": "A", "description": "a" }
      """
    And 20 s pass
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path            | value     |
      | /total_count    | 1         |
      | /tasks/0/status | completed |
