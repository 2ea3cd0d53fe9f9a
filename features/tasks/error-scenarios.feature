@needs-tasks
Feature: The five error scenarios
  A workflow works on a task. Whatever goes wrong meanwhile, the task ends once, and its work is kept.

  Background:
    Given the seed 7
    And a service "Tester"
    And a service "Cache"
    And "Tester.test" takes 10 s
    And "Tasks" keeps tasks:
      """json
      { "file": true, "callbacks": ["Cache.flush"] }
      """
    And every call is retried up to 5 times
    And the workflow:
      """json
      {
        "id": "error_scenarios",
        "steps": [
          {
            "id": "plan", "service": "Tasks", "operation": "plan_task",
            "input": { "task_id": "a", "title": "error_scenarios", "description": "Faults are survived", "specialist_type": "tester" }
          },
          { "id": "begin", "service": "Tasks", "operation": "execute_task", "input": { "task_id": "${/plan/task_id}" } },
          { "id": "test", "service": "Tester", "operation": "test", "dependencies": ["begin"] },
          {
            "id": "complete", "service": "Tasks", "operation": "complete_task", "dependencies": ["test"],
            "input": { "task_id": "${/plan/task_id}", "summary": "Survived", "detailed_work": "It", "next_action": "complete" }
          }
        ]
      }
      """
    When the workflow starts
    And 5 s pass

  @tasks-9
  Scenario: Restart during processing
    When "Tasks.restart_server" is called with:
      """json
      { "reason": "error_recovery" }
      """
    Then the reply has:
      | path           | value |
      | /resumed_tasks | ["a"] |
    When the workflow ends
    Then the workflow completes
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path                    | value     |
      | /total_count            | 1         |
      | /tasks/0/status         | completed |
      | /tasks/0/artifact_count | 1         |

  @tasks-11
  Scenario: Recovery after a lost connection
    When the client "orchestrator" loses its connection to "Tasks"
    And the workflow ends
    Then the workflow completes
    And the outcome has:
      | path                  | value    |
      | /data/complete/status | buffered |
    When the client "orchestrator" can be reached by "Tasks" again
    And 10 s pass
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path                    | value     |
      | /tasks/0/status         | completed |
      | /tasks/0/artifact_count | 1         |

  @tasks-7
  Scenario: Cancellation
    When "Tasks.cancel_task" is called with:
      """json
      { "task_id": "a", "reason": "no longer wanted" }
      """
    And the workflow ends
    Then the error is "INVALID_TASK_STATE" from "Tasks.complete_task"
    And "Tasks.complete_task" is executed 1 time
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path                    | value            |
      | /tasks/0/status         | cancelled        |
      | /tasks/0/notes/0/text   | no longer wanted |
      | /tasks/0/artifact_count | 1                |

  @tasks-13
  Scenario: Graceful shutdown
    Given "Cache.flush" takes 6 s
    When "Tasks.restart_server" is called
    And the workflow ends
    Then the workflow completes
    And the calls are:
      | at       | call                | result              |
      | 0 ms     | Tasks.plan_task     | ok                  |
      | 0 ms     | Tasks.execute_task  | ok                  |
      | 0 ms     | Tester.test         | ok                  |
      | 5 s      | Tasks.restart_server | ok                 |
      | 5 s      | Cache.flush         | ok                  |
      | 10 s     | Tasks.complete_task | SERVICE_UNAVAILABLE |
      | 10.1 s   | Tasks.complete_task | SERVICE_UNAVAILABLE |
      | 10.3 s   | Tasks.complete_task | SERVICE_UNAVAILABLE |
      | 10.7 s   | Tasks.complete_task | SERVICE_UNAVAILABLE |
      | 11.5 s   | Tasks.complete_task | ok                  |

  @tasks-12
  Scenario: Reconnection of the database
    When the database of "Tasks" is lost
    And 6 s pass
    And the database of "Tasks" is back
    And the workflow ends
    Then the workflow completes
    And "Tasks.complete_task" waits "100 ms, 200 ms, 400 ms, 800 ms" between executions
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path                    | value     |
      | /tasks/0/status         | completed |
      | /tasks/0/artifact_count | 1         |
