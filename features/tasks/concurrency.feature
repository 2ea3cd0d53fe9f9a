@needs-tasks
Feature: Many sessions on one store
  Concurrent calls of clients are handled sequentially, and none is lost.

  Background:
    Given "Tasks" keeps tasks
    And "Tasks.plan_task" takes 5 ms
    And "Tasks.complete_task" takes 5 ms

  @tasks-17
  Scenario: Ten sessions plan, do and complete a part each, at once
    Given the workflow:
      """json
      {
        "id": "session",
        "steps": [
          { "id": "begin", "service": "Tasks", "operation": "initialize_session", "input": {} },
          {
            "id": "plan", "service": "Tasks", "operation": "plan_task", "dependencies": ["begin"],
            "input": { "parent_task_id": "main", "title": "Part", "description": "p" }
          },
          { "id": "execute", "service": "Tasks", "operation": "execute_task", "input": { "task_id": "${/plan/task_id}" } },
          {
            "id": "complete", "service": "Tasks", "operation": "complete_task", "dependencies": ["execute"],
            "input": { "task_id": "${/plan/task_id}", "summary": "Done", "detailed_work": "It", "next_action": "complete" }
          }
        ]
      }
      """
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "main", "title": "Main", "description": "All of it" }
      """
    And the workflow runs 10 times at once
    And "Tasks.synthesize_results" is called with:
      """json
      { "parent_task_id": "main" }
      """
    Then the reply has:
      | path                                        | value |
      | /synthesis_results/metrics/total_subtasks   | 10    |
      | /synthesis_results/metrics/completed_count  | 10    |
      | /synthesis_results/artifacts_collected/9/size | 2   |
    When "Tasks.list_sessions" is called with:
      """json
      { "include_completed": true, "limit": 100 }
      """
    Then the reply has:
      | path         | value |
      | /total_count | 10    |

  @tasks-17
  Scenario: Of ten completions of one task at once, one counts
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And these calls are made at once:
      | call                | times | input                                                                                      |
      | Tasks.complete_task | 10    | {"task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete"}     |
    Then 1 call succeeds
    And 9 calls fail with "INVALID_TASK_STATE"
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path                    | value |
      | /tasks/0/artifact_count | 1     |

  @tasks-17
  Scenario: Of ten plans with one id at once, one counts
    When these calls are made at once:
      | call            | times | input                                                |
      | Tasks.plan_task | 10    | {"task_id": "a", "title": "A", "description": "a"}   |
    Then 1 call succeeds
    And 9 calls fail with "TASK_ALREADY_EXISTS"
