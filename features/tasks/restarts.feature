@needs-tasks
Feature: Restarts of the server of tasks
  A server shuts down and starts again in phases. What it knows beside its store is kept in a snapshot that proves to be what was
  written, or is not believed.

  Background:
    Given the seed 7
    And a service "Cache"
    And a service "Agents"
    And "Tasks" keeps tasks:
      """json
      { "file": true, "callbacks": ["Cache.flush", "Agents.suspend"] }
      """
    And "Cache.flush" takes 1 s
    When "Tasks.initialize_session" is called
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a" }
      """
    And "Tasks.plan_task" is called with:
      """json
      { "task_id": "b", "title": "B", "description": "b" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """

  @tasks-9
  Scenario: A restart in the middle of a task, which is completed once
    When "Tasks.restart_server" is called
    Then the reply has:
      | path                | value                    |
      | /success            | true                     |
      | /reason             | manual_request           |
      | /state_preserved    | true                     |
      | /errors             | []                       |
      | /resumed_tasks      | ["a"]                    |
      | /sessions_restored  | 1                        |
      | /database_unchanged | true                     |
      | /phases/12/phase    | complete                 |
    And it takes 1 s
    And the timeline has, in order:
      | event        | sequence | phase                | progress |
      | server_phase | shutdown | maintenance_mode     | 10       |
      | server_phase | shutdown | suspending_tasks     | 25       |
      | server_phase | shutdown | serializing_state    | 50       |
      | server_phase | shutdown | closing_connections  | 75       |
      | server_phase | shutdown | finalizing           | 90       |
      | server_phase | shutdown | complete             | 100      |
      | server_phase | restart  | preparing            | 10       |
      | server_phase | restart  | starting_process     | 25       |
      | server_phase | restart  | loading_state        | 40       |
      | server_phase | restart  | restoring_database   | 60       |
      | server_phase | restart  | resuming_tasks       | 80       |
      | server_phase | restart  | enabling_connections | 90       |
      | server_phase | restart  | complete             | 100      |
    And the file ".rehearsal/state/snapshot.json" exists
    And "Cache.flush" is executed 1 time
    And "Agents.suspend" is executed 1 time
    When these calls are made at once:
      | call                | times | input                                                                                    |
      | Tasks.complete_task | 3     | {"task_id": "a", "summary": "Done", "detailed_work": "It", "next_action": "complete"}    |
    Then 1 call succeeds
    And 2 calls fail with "INVALID_TASK_STATE"
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "c", "title": "C", "description": "c" }
      """
    Then the reply has:
      | path        | value                       |
      | /session_id | session_6fcd1716_1735689600 |

  @tasks-9
  Scenario: Without its state, no client finds its session again
    When "Tasks.restart_server" is called with:
      """json
      { "preserve_state": false }
      """
    Then the reply has:
      | path               | value |
      | /sessions_restored | 0     |
      | /state_preserved   | false |
    And the file ".rehearsal/state/snapshot.json" does not exist
    When "Tasks.session_status" is called with:
      """json
      { "session_id": "session_6fcd1716_1735689600" }
      """
    Then the reply has:
      | path    | value    |
      | /status | inactive |

  @tasks-9
  Scenario: A restart that cannot write its snapshot leaves the server as it was
    Given the file ".rehearsal/state/snapshot.json/in-the-way" holds:
      """
      A folder in place of the file.
      """
    When "Tasks.restart_server" is called
    Then the call fails with "INVALID_PATH"
    And the timeline has, in order:
      | event        | sequence | phase             | progress |
      | server_phase | shutdown | serializing_state | 50       |
      | server_phase | shutdown | failed            | 0        |
    When "Tasks.restart_status" is called
    Then the reply has:
      | path                  | value |
      | /status               | idle  |
      | /maintenance_mode     | false |
      | /last_restart/success | false |
      | /last_restart/errors/0 | ".rehearsal/state/snapshot.json" is not a valid file path: "snapshot.json" is a folder |
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "c", "title": "C", "description": "c" }
      """
    Then the reply has:
      | path        | value                       |
      | /session_id | session_6fcd1716_1735689600 |

  @tasks-9
  Scenario: While a restart is under way, another one is refused
    When these calls are made:
      | after  | call                 | input |
      | 0 ms   | Tasks.restart_server | {}    |
      | 500 ms | Tasks.restart_server | {}    |
    Then 1 call succeeds
    And 1 call fails with "ILLEGAL_TRANSITION"
    When "Tasks.restart_status" is called with:
      """json
      { "include_history": true }
      """
    Then the reply has:
      | path               | value                |
      | /history/0/success | true                 |
      | /history/1         |                      |
      | /last_restart/ended_at | 2025-01-01T00:00:01Z |

  @tasks-9
  Scenario Outline: A restart within <seconds> s is <result>
    When "Tasks.restart_server" is called with:
      """json
      { "timeout": <seconds> }
      """
    And "Tasks.restart_status" is called with:
      """json
      { "include_history": true }
      """
    Then the reply has:
      | path               | value    |
      | /history/0/success | <result> |

    Examples:
      | seconds | result |
      | 9       |        |
      | 10      | true   |
      | 300     | true   |
      | 301     |        |

  @tasks-9
  Scenario: Tasks in memory are not lost by a restart, which is refused
    Given "Notes" keeps tasks
    When "Notes.restart_server" is called
    Then the call fails with "GUARD_NOT_MET"

  @tasks-13
  Scenario: A callback that fails does not stop a graceful shutdown
    Given "Cache.flush" fails with "CACHE_BROKEN"
    When "Tasks.restart_server" is called with:
      """json
      { "reason": "configuration_update" }
      """
    Then the reply has:
      | path      | value                                                               |
      | /success  | true                                                                |
      | /errors/0 | Cache.flush: CACHE_BROKEN from Cache.flush: scripted failure        |
    And "Agents.suspend" is executed 1 time
    And the timeline has, in order:
      | event                    | callback    | phase               |
      | server_phase             |             | suspending_tasks    |
      | shutdown_callback_failed | Cache.flush |                     |
      | server_phase             |             | serializing_state   |

  @tasks-13
  Scenario: Callbacks share ten seconds
    Given "Cache.flush" hangs
    When "Tasks.restart_server" is called
    Then the reply has:
      | path      | value                                     |
      | /errors/0 | Cache.flush: it took longer than 5000 ms  |
    And it takes 5 s

  @tasks-13
  Scenario: In an emergency, callbacks have a second each, and nothing is kept
    Given "Cache.flush" hangs
    When "Tasks.restart_server" is called with:
      """json
      { "graceful": false, "reason": "emergency_shutdown" }
      """
    Then the reply has:
      | path             | value                                    |
      | /errors/0        | Cache.flush: it took longer than 1000 ms |
      | /state_preserved | false                                    |
    And it takes 1 s
    And the file ".rehearsal/state/snapshot.json" does not exist

  @tasks-13
  Scenario: New work is refused meanwhile, and done when it is tried again
    Given "Tasks.plan_task" is retried up to 5 times
    When these calls are made:
      | after  | call                  | input                                                    |
      | 0 ms   | Tasks.restart_server  | {}                                                       |
      | 500 ms | Tasks.health_check    | {}                                                       |
      | 500 ms | Tasks.execute_task    | {"task_id": "b"}                                         |
      | 500 ms | Tasks.plan_task       | {"task_id": "c", "title": "C", "description": "c"}       |
    Then 3 calls succeed
    And 1 call fails with "SERVICE_UNAVAILABLE"
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path             | value   |
      | /tasks/1/task_id | b       |
      | /tasks/1/status  | pending |
      | /tasks/2/task_id | c       |

  @tasks-13
  Scenario: What a shutdown would interrupt
    When "Tasks.shutdown_prepare" is called
    Then the reply has:
      | path                            | value       |
      | /ready                          | true        |
      | /issues                         | []          |
      | /active_tasks                   | 1           |
      | /database/connected             | true        |
      | /connections/active_connections | 1           |

  @tasks-10
  Scenario: A server takes the state that the one before has left
    When "Tasks.restart_server" is called
    And the tasks of "Tasks" are reopened
    And "Tasks.restart_status" is called
    Then the reply has:
      | path                            | value                              |
      | /state_loaded/source            | snapshot                           |
      | /state_loaded/file              | .rehearsal/state/snapshot.json     |
      | /state_loaded/rejected          | []                                 |
      | /state_loaded/sessions_restored | 1                                  |
      | /state_loaded/message           | the state is that of 2025-01-01T00:00:01Z |

  @tasks-10
  Scenario: A snapshot that was altered is rejected, and the newest backup is used
    When "Tasks.restart_server" is called
    And 1 h passes
    And "Tasks.restart_server" is called
    And the newest 1 snapshot of "Tasks" is altered
    And the tasks of "Tasks" are reopened
    And "Tasks.restart_status" is called
    Then the reply has:
      | path                            | value                                           |
      | /state_loaded/source            | backup                                          |
      | /state_loaded/file              | .rehearsal/state/backup_state_1735693202.json   |
      | /state_loaded/rejected/0/file   | .rehearsal/state/snapshot.json                  |
      | /state_loaded/rejected/0/reason | its hash is not that of its content             |
      | /state_loaded/rejected/1        |                                                 |
      | /state_loaded/message           | the state is that of 2025-01-01T00:00:01Z       |
      | /state_loaded/sessions_restored | 1                                               |
    And the timeline has, in order:
      | event             | file                           |
      | snapshot_rejected | .rehearsal/state/snapshot.json |

  @tasks-10
  Scenario: Without a snapshot that can be believed, the server begins clean and says so
    When "Tasks.restart_server" is called
    And "Tasks.restart_server" is called
    And the newest 2 snapshots of "Tasks" are altered
    And the tasks of "Tasks" are reopened
    And "Tasks.restart_status" is called
    Then the reply has:
      | path                            | value                                              |
      | /state_loaded/source            | none                                               |
      | /state_loaded/rejected/1/reason | its hash is not that of its content                |
      | /state_loaded/message           | a clean start: no snapshot is what was written     |
      | /state_loaded/sessions_restored | 0                                                  |
    When "Tasks.get_status" is called
    Then the reply has:
      | path          | value |
      | /total_count  | 2     |
      | /session_id   |       |

  @tasks-10
  Scenario: Five backups are kept
    Given "Cache.flush" takes 0 ms
    When "Tasks.restart_server" is called 7 times
    Then the file ".rehearsal/state/backup_state_1735689600.json" does not exist
    And the file ".rehearsal/state/backup_state_1735689600_1.json" exists
    And the file ".rehearsal/state/backup_state_1735689600_5.json" exists
