@needs-tasks
Feature: Health of the server of tasks
  Where its database is lost, every tool says so, and does what it is asked when the database is back.

  @tasks-12
  Scenario: The database is lost and comes back, and no task is lost
    Given "Tasks" keeps tasks:
      """json
      { "file": true }
      """
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And "Tasks.health_check" is called
    Then the reply has:
      | path                          | value       |
      | /healthy                      | true        |
      | /checks/database/connected    | true        |
      | /checks/database/status       | operational |
      | /checks/reboot_readiness/ready | true       |
    When the database of "Tasks" is lost
    And "Tasks.health_check" is called
    Then the reply has:
      | path                       | value                                                          |
      | /healthy                   | false                                                          |
      | /checks/database/connected | false                                                          |
      | /checks/database/status    | .rehearsal/tasks.db cannot be used: another process uses it    |
    When these calls are made at once:
      | call                           | input                                                  |
      | Tasks.plan_task                | {"task_id": "b", "title": "B", "description": "b"}     |
      | Tasks.execute_task             | {"task_id": "a"}                                       |
      | Tasks.update_task              | {"task_id": "a", "title": "Other"}                     |
      | Tasks.complete_task            | {"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "complete"} |
      | Tasks.cancel_task              | {"task_id": "a"}                                       |
      | Tasks.delete_task              | {"task_id": "a"}                                       |
      | Tasks.query_tasks              | {}                                                     |
      | Tasks.get_status               | {}                                                     |
      | Tasks.synthesize_results       | {"parent_task_id": "a"}                                |
      | Tasks.maintenance_coordinator  | {"action": "scan_cleanup"}                             |
      | Tasks.restart_server           | {}                                                     |
      | Tasks.list_sessions            | {}                                                     |
    Then 12 calls fail with "DATABASE_ERROR"
    When "Tasks.shutdown_prepare" is called
    Then the reply has:
      | path      | value                                                          |
      | /ready    | false                                                          |
      | /issues/0 | .rehearsal/tasks.db cannot be used: another process uses it    |
    When the database of "Tasks" is back
    And "Tasks.query_tasks" is called
    Then the reply has:
      | path            | value   |
      | /total_count    | 1       |
      | /tasks/0/title  | A       |
      | /tasks/0/status | pending |
    When "Tasks.health_check" is called
    Then the reply has:
      | path     | value |
      | /healthy | true  |

  @tasks-12
  Scenario: Work is done by a retry once the database is back
    Given "Tasks" keeps tasks
    And "Tasks.plan_task" fails 2 times with "DATABASE_ERROR"
    And "Tasks.plan_task" is retried up to 2 times
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    Then the call succeeds
    And "Tasks.plan_task" is executed 3 times

  @tasks-12
  Scenario: What is not asked for is not looked at
    Given "Tasks" keeps tasks
    When "Tasks.health_check" is called with:
      """json
      { "include_reboot_readiness": false, "include_database_status": false }
      """
    Then the reply is:
      """json
      {
        "healthy": true,
        "server_version": "0.1.0",
        "checks": { "connections": { "active_connections": 0, "status": "operational" } },
        "timestamp": "2025-01-01T00:00:00Z"
      }
      """
