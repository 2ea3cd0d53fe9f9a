@needs-tasks
Feature: Lost connections of clients
  While a client's connection is lost, its requests are kept. They are handled in order, once, when the connection is restored.

  Background:
    Given "Tasks" keeps tasks
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And the client "scenario" loses its connection to "Tasks"

  @tasks-11
  Scenario: Requests are handled in order when the connection is restored
    When these calls are made at once:
      | call                | input                                                                                              |
      | Tasks.execute_task  | {"task_id": "a"}                                                                                   |
      | Tasks.complete_task | {"task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete"}              |
      | Tasks.cancel_task   | {"task_id": "a"}                                                                                   |
    Then 3 calls succeed
    And the reply is:
      """json
      { "status": "buffered", "position": 3 }
      """
    When "Tasks.reconnect_test" is called
    Then the reply has:
      | path      | value    |
      | /status   | buffered |
    When 2 s pass
    And the client "scenario" can be reached by "Tasks" again
    And 1 s passes
    Then the timeline has, in order:
      | at   | event              | status       | tool           | result             |
      | 0 ms | connection_changed | disconnected |                |                    |
      | 0 ms | request_buffered   |              | execute_task   |                    |
      | 1 s  | connection_changed | reconnecting |                |                    |
      | 3 s  | connection_changed | restored     |                |                    |
      | 3 s  | request_replayed   |              | execute_task   | ok                 |
      | 3 s  | request_replayed   |              | complete_task  | ok                 |
      | 3 s  | request_replayed   |              | cancel_task    | INVALID_TASK_STATE |
      | 3 s  | request_replayed   |              | reconnect_test | ok                 |
      | 3 s  | connection_changed | active       |                |                    |
    And these effects happened:
      | call                | key        | times |
      | Tasks.plan_task     | scenario/1 | 1     |
      | Tasks.execute_task  | scenario/2 | 1     |
      | Tasks.complete_task | scenario/3 | 1     |
    When "Tasks.reconnect_test" is called
    Then the reply has:
      | path                    | value    |
      | /connected              | true     |
      | /connections/0/client   | scenario |
      | /connections/0/status   | active   |
      | /connections/0/buffered | 0        |
      | /connections/0/tries    | 2        |

  @tasks-11
  Scenario: A hundred requests are kept, and each is handled once
    When these calls are made at once:
      | call            | times | input                                     |
      | Tasks.plan_task | 101   | {"title": "Again", "description": "a"}    |
    Then 100 calls succeed
    And 1 call fails with "RESOURCE_EXHAUSTED"
    When the client "scenario" can be reached by "Tasks" again
    And 1 s passes
    And "Tasks.query_tasks" is called with:
      """json
      { "search_text": "again", "limit": 1 }
      """
    Then the reply has:
      | path         | value |
      | /total_count | 100   |

  @tasks-11
  Scenario: After five tries the connection has failed, and a session begins a new one
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And 31 s pass
    Then the timeline has, in order:
      | at   | event              | status       |
      | 1 s  | connection_changed | reconnecting |
      | 3 s  | connection_changed | reconnecting |
      | 7 s  | connection_changed | reconnecting |
      | 15 s | connection_changed | reconnecting |
      | 31 s | connection_changed | failed       |
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the call fails with "SERVICE_UNAVAILABLE"
    When "Tasks.initialize_session" is called
    And "Tasks.reconnect_test" is called
    Then the reply has:
      | path                    | value  |
      | /connections/0/status   | active |
      | /connections/0/buffered | 0      |
      | /connections/0/tries    | 5      |
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path            | value   |
      | /tasks/0/status | pending |
    And the timeline has none of:
      | event            |
      | request_replayed |

  @tasks-11
  Scenario: Other clients are served meanwhile
    Given the security context:
      | field   | value |
      | user    | ada   |
      | session | other |
    When "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    Then the reply has:
      | path    | value               |
      | /status | ready_for_execution |
    When "Tasks.reconnect_test" is called with:
      """json
      { "include_buffer_status": false }
      """
    Then the reply has:
      | path                    | value        |
      | /connected              | false        |
      | /connections/0/status   | disconnected |
      | /connections/0/buffered |              |
