@needs-tasks
Feature: Planning tasks
  A task is planned in a session, with all that somebody needs to know who will do it. What is planned is what is stored.

  Background:
    Given the seed 7
    And "Tasks" keeps tasks

  @tasks-1
  Scenario: A session begins in the server's directory
    When "Tasks.initialize_session" is called
    Then the reply has:
      | path               | value                       |
      | /success           | true                        |
      | /session_id        | session_6fcd1716_1735689600 |
      | /status            | active                      |
      | /health            | healthy                     |
      | /working_directory | ""                          |
      | /task_count        | 0                           |

  @tasks-1
  Scenario: A main task is planned with five parts
    When "Tasks.initialize_session" is called
    And 2 s pass
    And "Tasks.plan_task" is called with:
      """json
      {
        "task_id": "main",
        "title": "Validate the orchestrator",
        "description": "Show that all of it works, and how it fails",
        "task_type": "implementation",
        "complexity": "complex",
        "specialist_type": "tester",
        "estimated_effort": "1-2 weeks",
        "due_date": "2025-02-01T12:00:00+02:00",
        "context": { "branch": "main", "tools": ["a", "b"] }
      }
      """
    Then the reply is:
      """json
      {
        "success": true,
        "operation": "plan_task",
        "message": "task main is planned",
        "task_id": "main",
        "title": "Validate the orchestrator",
        "description": "Show that all of it works, and how it fails",
        "status": "pending",
        "task_type": "implementation",
        "complexity": "complex",
        "specialist_type": "tester",
        "priority": "normal",
        "estimated_effort": "1-2 weeks",
        "due_date": "2025-02-01T10:00:00Z",
        "context": { "branch": "main", "tools": ["a", "b"] },
        "session_id": "session_6fcd1716_1735689600",
        "created_at": "2025-01-01T00:00:02Z",
        "updated_at": "2025-01-01T00:00:02Z",
        "artifact_count": 0,
        "timestamp": "2025-01-01T00:00:02Z"
      }
      """
    When these calls are made at once:
      | call            | input                                                                                                                                                                          |
      | Tasks.plan_task | {"parent_task_id": "main", "title": "feature_integration", "description": "Features work together", "task_type": "testing", "specialist_type": "tester"}         |
      | Tasks.plan_task | {"parent_task_id": "main", "title": "api_testing", "description": "Every tool answers", "task_type": "testing", "specialist_type": "tester"}                     |
      | Tasks.plan_task | {"parent_task_id": "main", "title": "system_validation", "description": "The whole holds together", "task_type": "testing", "specialist_type": "tester"}         |
      | Tasks.plan_task | {"parent_task_id": "main", "title": "performance_benchmarks", "description": "It is fast enough", "task_type": "testing", "specialist_type": "tester"}           |
      | Tasks.plan_task | {"parent_task_id": "main", "title": "error_scenarios", "description": "Faults are survived", "task_type": "testing", "specialist_type": "tester"}                |
    Then 5 calls succeed
    When "Tasks.query_tasks" is called with:
      """json
      { "parent_task_id": "main" }
      """
    Then the reply has:
      | path                     | value                  |
      | /total_count             | 5                      |
      | /tasks/0/title           | feature_integration    |
      | /tasks/0/status          | pending                |
      | /tasks/0/complexity      | moderate               |
      | /tasks/0/specialist_type | tester                 |
      | /tasks/0/parent_task_id  | main                   |
      | /tasks/1/title           | api_testing            |
      | /tasks/2/title           | system_validation      |
      | /tasks/3/title           | performance_benchmarks |
      | /tasks/4/title           | error_scenarios        |
    When "Tasks.get_status" is called
    Then the reply has:
      | path            | value                       |
      | /total_count    | 6                           |
      | /counts/pending | 6                           |
      | /tasks/0/task_id | main                       |
      | /session_id     | session_6fcd1716_1735689600 |

  @tasks-1
  Scenario: A secret in the context of a task is kept for whoever does it, and shown nowhere else
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a", "context": { "apiKey": "k-5678", "branch": "main" } }
      """
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path                    | value  |
      | /tasks/0/context/apiKey | k-5678 |
    And no secret is visible
    And the timeline has, in order:
      | event        | input                                                                                                       |
      | call_started | {"task_id": "a", "title": "A", "description": "a", "context": {"apiKey": "[redacted]", "branch": "main"}} |

  @tasks-1
  Scenario: Without an id of its own, a task gets one
    When "Tasks.plan_task" is called with:
      """json
      { "title": "One", "description": "The first" }
      """
    Then the reply has:
      | path             | value         |
      | /task_id         | task_5970fe00 |
      | /task_type       | standard      |
      | /complexity      | moderate      |
      | /specialist_type | generic       |
    When "Tasks.plan_task" is called with:
      """json
      { "title": "One", "description": "The same again" }
      """
    Then the reply has:
      | path     | value         |
      | /task_id | task_18267ffa |

  @tasks-1
  Scenario: A plan that is lost on the way back makes one task
    Given every call is retried up to 1 time
    And every call times out after 1 s
    And "Tasks.plan_task" answers:
      | execution | answer |
      | 1         | lost   |
    When "Tasks.plan_task" is called with:
      """json
      { "title": "Once", "description": "Only once" }
      """
    Then the call succeeds
    And "Tasks.plan_task" is executed 2 times
    And these effects happened:
      | call            | key        | times |
      | Tasks.plan_task | scenario/1 | 1     |
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path         | value |
      | /total_count | 1     |

  @tasks-1
  Scenario: A task is changed
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "Draft", "description": "A first draft" }
      """
    And 1 min passes
    And "Tasks.update_task" is called with:
      """json
      { "task_id": "a", "title": "Second draft", "description": "A first draft", "specialist_type": "documenter", "complexity": "simple" }
      """
    Then the reply has:
      | path             | value                                       |
      | /title           | Second draft                                |
      | /specialist_type | documenter                                  |
      | /complexity      | simple                                      |
      | /created_at      | 2025-01-01T00:00:00Z                        |
      | /updated_at      | 2025-01-01T00:01:00Z                        |
      | /changes_applied | ["title", "specialist_type", "complexity"]  |

  Scenario: A workflow that fails gives up what it has planned
    Given a service "Review"
    And "Review.approve" fails with "REJECTED"
    And the workflow:
      """json
      {
        "id": "delivery",
        "steps": [
          {
            "id": "plan", "service": "Tasks", "operation": "plan_task",
            "input": { "title": "Deliver", "description": "Deliver it" },
            "compensation": "cancel_task"
          },
          { "id": "begin", "service": "Tasks", "operation": "execute_task", "input": { "task_id": "${/plan/task_id}" } },
          { "id": "approve", "service": "Review", "operation": "approve", "dependencies": ["begin"] }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Tasks.cancel_task |
    And the timeline has, in order:
      | event        | from        | status      |
      | task_changed |             | pending     |
      | task_changed | pending     | in_progress |
      | task_changed | in_progress | cancelled   |
