@needs-tasks
Feature: Putting results together
  What the parts of a task have come to: how many were done, what they left, what failed and what is still to be done.

  Background:
    Given "Tasks" keeps tasks
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "main", "title": "Main", "description": "All of it" }
      """

  @tasks-3
  Scenario: Four parts are completed and one fails
    When these calls are made at once:
      | call            | input                                                                            |
      | Tasks.plan_task | {"task_id": "a", "parent_task_id": "main", "title": "A", "description": "a"}     |
      | Tasks.plan_task | {"task_id": "b", "parent_task_id": "main", "title": "B", "description": "b"}     |
      | Tasks.plan_task | {"task_id": "c", "parent_task_id": "main", "title": "C", "description": "c"}     |
      | Tasks.plan_task | {"task_id": "d", "parent_task_id": "main", "title": "D", "description": "d"}     |
      | Tasks.plan_task | {"task_id": "e", "parent_task_id": "main", "title": "E", "description": "e"}     |
    And these calls are made at once:
      | call               | input            |
      | Tasks.execute_task | {"task_id": "a"} |
      | Tasks.execute_task | {"task_id": "b"} |
      | Tasks.execute_task | {"task_id": "c"} |
      | Tasks.execute_task | {"task_id": "d"} |
      | Tasks.execute_task | {"task_id": "e"} |
    And 90 min pass
    And these calls are made at once:
      | call                | input                                                                                              |
      | Tasks.complete_task | {"task_id": "a", "summary": "Found", "detailed_work": "w", "next_action": "complete"}      |
      | Tasks.complete_task | {"task_id": "b", "summary": "Built", "detailed_work": "w", "next_action": "complete"}      |
      | Tasks.complete_task | {"task_id": "c", "summary": "Tested", "detailed_work": "w", "next_action": "complete"}     |
      | Tasks.complete_task | {"task_id": "d", "summary": "Written", "detailed_work": "w", "next_action": "complete"}    |
      | Tasks.update_task   | {"task_id": "e", "status": "failed"}                                                             |
    And "Tasks.synthesize_results" is called with:
      """json
      { "parent_task_id": "main" }
      """
    Then the reply has:
      | path                                            | value                                     |
      | /status                                         | results_synthesized                       |
      | /synthesis_results/metrics/total_subtasks       | 5                                         |
      | /synthesis_results/metrics/completed_count      | 4                                         |
      | /synthesis_results/metrics/failed_count         | 1                                         |
      | /synthesis_results/metrics/success_rate         | 80.0                                      |
      | /synthesis_results/key_outcomes                 | ["A: Found", "B: Built", "C: Tested", "D: Written"] |
      | /synthesis_results/artifacts_collected/3/size   | 1                                         |
      | /synthesis_results/timeline/started             | 2025-01-01T00:00:00Z                      |
      | /synthesis_results/timeline/completed           | 2025-01-01T01:30:00Z                      |
      | /synthesis_results/timeline/duration_minutes    | 90                                        |
      | /failed_subtasks_summary                        | [{"task_id": "e", "title": "E", "status": "failed"}] |
      | /pending_subtasks                               | []                                        |
      | /recommendations                                | ["most parts are completed: look at the rest"] |

  @tasks-3
  Scenario: A task without parts has nothing to put together
    When "Tasks.synthesize_results" is called with:
      """json
      { "parent_task_id": "main" }
      """
    Then the reply has:
      | path                                      | value |
      | /synthesis_results/metrics/total_subtasks | 0     |
      | /synthesis_results/metrics/success_rate   | 0.0   |
      | /synthesis_results/timeline/duration_minutes | 0  |
      | /recommendations                          | ["the task has no parts: plan some, or complete it itself"] |

  @tasks-3
  Scenario: Parts that are still to be done are listed
    When these calls are made at once:
      | call            | input                                                                        |
      | Tasks.plan_task | {"task_id": "a", "parent_task_id": "main", "title": "A", "description": "a"} |
      | Tasks.plan_task | {"task_id": "b", "parent_task_id": "main", "title": "B", "description": "b"} |
      | Tasks.plan_task | {"task_id": "c", "parent_task_id": "main", "title": "C", "description": "c"} |
    And these calls are made at once:
      | call                | input                                                                                 |
      | Tasks.execute_task  | {"task_id": "b"}                                                                      |
      | Tasks.execute_task  | {"task_id": "c"}                                                                      |
      | Tasks.complete_task | {"task_id": "c", "summary": "Done", "detailed_work": "w", "next_action": "complete"}  |
    And "Tasks.synthesize_results" is called with:
      """json
      { "parent_task_id": "main" }
      """
    Then the reply has:
      | path                                    | value                                                        |
      | /pending_subtasks/0                     | {"task_id": "a", "title": "A", "status": "pending"}          |
      | /pending_subtasks/1                     | {"task_id": "b", "title": "B", "status": "in_progress"}      |
      | /pending_subtasks/2                     |                                                              |
      | /synthesis_results/metrics/success_rate | 33.333333333333336                                           |
