@needs-tasks
Feature: Sessions
  A client works in a session, and may take up an earlier one. What is left of sessions is cleaned up, after a look at what that would
  remove.

  Background:
    Given the seed 7
    And "Tasks" keeps tasks

  @tasks-1
  Scenario: A session is found by its id, and resumed
    When "Tasks.initialize_session" is called
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And "Tasks.initialize_session" is called
    And 1 h passes
    And "Tasks.session_status" is called with:
      """json
      { "session_id": "session_6fcd1716_1735689600" }
      """
    Then the reply has:
      | path             | value                |
      | /status          | inactive             |
      | /health          | inactive             |
      | /task_count      | 1                    |
      | /open_task_count | 1                    |
      | /last_activity   | 2025-01-01T00:00:00Z |
    When "Tasks.resume_session" is called with:
      """json
      { "session_id": "session_6fcd1716_1735689600" }
      """
    Then the reply has:
      | path           | value                |
      | /status        | active               |
      | /health        | healthy              |
      | /last_activity | 2025-01-01T01:00:00Z |
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "b", "title": "B", "description": "b" }
      """
    Then the reply has:
      | path        | value                       |
      | /session_id | session_6fcd1716_1735689600 |

  @tasks-1
  Scenario: Two clients work in sessions of their own
    Given the security context:
      | field   | value |
      | user    | ada   |
      | session | one   |
    When "Tasks.initialize_session" is called
    And "Tasks.list_sessions" is called
    Then the reply has:
      | path                 | value                       |
      | /sessions/0/session_id | session_6fcd1716_1735689600 |
      | /sessions/0/status   | active                      |
    Given the security context:
      | field   | value |
      | user    | bob   |
      | session | two   |
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "b", "title": "B", "description": "b" }
      """
    Then the reply has:
      | path        | value |
      | /session_id |       |
    When "Tasks.health_check" is called
    Then the reply has:
      | path                                   | value |
      | /checks/connections/active_connections | 1     |

  @tasks-14
  Scenario: Sessions whose tasks have ended are removed after a week, unless that is a dry run
    When "Tasks.initialize_session" is called
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And "Tasks.cancel_task" is called with:
      """json
      { "task_id": "a" }
      """
    And "Tasks.initialize_session" is called
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "b", "title": "B", "description": "b" }
      """
    And "Tasks.list_sessions" is called
    Then the reply has:
      | path                     | value  |
      | /total_count             | 1      |
      | /sessions/0/task_count   | 1      |
      | /sessions/0/status       | active |
    When 6 d pass
    And "Tasks.cleanup_sessions" is called with:
      """json
      { "dry_run": false }
      """
    Then the reply has:
      | path      | value |
      | /sessions | []    |
    When 1 d passes
    And "Tasks.cleanup_sessions" is called
    Then the reply has:
      | path           | value                           |
      | /dry_run       | true                            |
      | /cleanup_type  | completed                       |
      | /sessions      | ["session_6fcd1716_1735689600"] |
      | /removed_count | 0                               |
    And the file ".rehearsal/sessions/session_6fcd1716_1735689600.json" exists
    When "Tasks.cleanup_sessions" is called with:
      """json
      { "dry_run": false }
      """
    Then the reply has:
      | path           | value                           |
      | /sessions      | ["session_6fcd1716_1735689600"] |
      | /removed_count | 1                               |
    And the file ".rehearsal/sessions/session_6fcd1716_1735689600.json" does not exist
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path         | value |
      | /total_count | 2     |

  @tasks-1
  Scenario: A session does not get the id of another one
    When "Tasks.initialize_session" is called 2 times
    And "Tasks.cleanup_sessions" is called with:
      """json
      { "cleanup_type": "orphaned", "dry_run": false }
      """
    And "Tasks.initialize_session" is called
    And "Tasks.list_sessions" is called
    Then the reply has:
      | path         | value |
      | /total_count | 2     |

  @tasks-14
  Scenario Outline: A session file that is not what was written (<what>) is shown as corrupted, and cleaned up
    Given the file ".rehearsal/sessions/session_00000000_1.json" holds:
      """json
      <content>
      """
    When "Tasks.list_sessions" is called
    Then the reply has:
      | path                   | value              |
      | /sessions/0/session_id | session_00000000_1 |
      | /sessions/0/status     | corrupted          |
      | /sessions/0/health     | degraded           |
    When "Tasks.resume_session" is called with:
      """json
      { "session_id": "session_00000000_1" }
      """
    Then the call fails with "SESSION_NOT_FOUND"
    When "Tasks.cleanup_sessions" is called with:
      """json
      { "cleanup_type": "orphaned", "dry_run": false }
      """
    Then the reply has:
      | path      | value                  |
      | /sessions | ["session_00000000_1"] |
    When "Tasks.list_sessions" is called
    Then the reply has:
      | path         | value |
      | /total_count | 0     |

    Examples:
      | what               | content |
      | it has no fields   | {}      |
      | it has another id  | { "session_id": "session_99999999_1", "working_directory": "", "client": "a", "created_at": "2025-01-01T00:00:00Z", "resumed_at": null } |

  @tasks-14
  Scenario Outline: Of a session in use, an old and an empty one, <type> removes <removed>
    When "Tasks.initialize_session" is called
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And 8 d pass
    And "Tasks.initialize_session" is called
    And "Tasks.initialize_session" is called
    And "Tasks.cleanup_sessions" is called with:
      """json
      { "cleanup_type": "<type>" }
      """
    Then the reply has:
      | path      | value     |
      | /sessions | <removed> |

    Examples:
      | type      | removed |
      | completed | []      |
      | old       | ["session_6fcd1716_1735689600"] |
      | orphaned  | ["session_69154fac_1736380800"] |
      | all       | ["session_69154fac_1736380800", "session_6fcd1716_1735689600"] |
