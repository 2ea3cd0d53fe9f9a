@needs-tasks
Feature: Looking after tasks
  Tasks that nobody seems to care for are found: how long one may rest depends on whose it is. What nobody needs to be asked about is archived.

  Background:
    Given "Tasks" keeps tasks

  @tasks-14
  Scenario Outline: A <specialist>'s task is <what> after <hours> h
    When "Tasks.plan_task" is called with:
      """json
      { "task_id": "a", "title": "A", "description": "a", "specialist_type": "<specialist>" }
      """
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "a" }
      """
    And <hours> h pass
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "scan_cleanup" }
      """
    Then the reply has:
      | path                                           | value         |
      | /status                                        | maintenance_completed |
      | /maintenance_results/stale_tasks/0/reason      | <reason>      |
      | /maintenance_results/stale_tasks/0/severity    | <severity>    |
      | /maintenance_results/stale_tasks/0/action      | <action>      |
      | /maintenance_results/items_cleaned             | <cleaned>     |
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path            | value    |
      | /tasks/0/status | <status> |

    Examples:
      | specialist | hours | what         | reason             | severity | action             | cleaned | status      |
      | tester     | 16    | not stale    |                    |          |                    | []      | in_progress |
      | tester     | 17    | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |
      | tester     | 32    | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |
      | tester     | 33    | given up     | inactivity_timeout | high     | archive_stale_task | ["a"]   | archived    |
      | reviewer   | 7     | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |
      | documenter | 9     | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |
      | researcher | 13    | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |
      | generic    | 24    | not stale    |                    |          |                    | []      | in_progress |
      | generic    | 25    | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |
      | coder      | 49    | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |
      | architect  | 72    | not stale    |                    |          |                    | []      | in_progress |
      | architect  | 73    | stale        | inactivity_timeout | medium   | monitor_and_notify | []      | in_progress |

  @tasks-14
  Scenario: A part of a task that is gone is archived, one that waits in vain is reported
    When these calls are made at once:
      | call            | input                                                                              |
      | Tasks.plan_task | {"task_id": "main", "title": "M", "description": "m"}                              |
      | Tasks.plan_task | {"task_id": "part", "title": "P", "description": "p", "parent_task_id": "main"}    |
      | Tasks.plan_task | {"task_id": "dead", "title": "D", "description": "d"}                              |
      | Tasks.plan_task | {"task_id": "vain", "title": "V", "description": "v", "dependencies": "dead"}      |
    And these calls are made at once:
      | call              | input                                                                   |
      | Tasks.delete_task | {"task_id": "main", "force": true, "archive_instead": false}            |
      | Tasks.cancel_task | {"task_id": "dead"}                                                     |
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "scan_cleanup" }
      """
    Then the reply has:
      | path                                        | value                |
      | /maintenance_results/items_cleaned          | ["part"]             |
      | /maintenance_results/stale_tasks/0/reason   | orphaned_task        |
      | /maintenance_results/stale_tasks/0/severity | critical             |
      | /maintenance_results/stale_tasks/0/action   | remove_orphaned_task |
      | /maintenance_results/stale_tasks/1          |                      |
      | /summary                                    | 1 issues found, 1 tasks cleaned |
    When 37 h pass
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "scan_cleanup" }
      """
    Then the reply has:
      | path                                      | value                                       |
      | /maintenance_results/items_cleaned        | []                                          |
      | /maintenance_results/stale_tasks/0/reason | dependency_failure                          |
      | /maintenance_results/recommendations      | ["vain: resolve dependencies or archive"]   |

  @tasks-14
  Scenario Outline: A task whose parts nobody does is reported as <reason> after <hours> h
    When these calls are made at once:
      | call            | input                                                                                                          |
      | Tasks.plan_task | {"task_id": "main", "title": "M", "description": "m", "specialist_type": "architect"}                          |
      | Tasks.plan_task | {"task_id": "part", "title": "P", "description": "p", "parent_task_id": "main", "specialist_type": "architect"} |
    And <hours> h pass
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "scan_cleanup", "scope": "specific_subtask", "target_task_id": "main" }
      """
    Then the reply has:
      | path                                        | value              |
      | /maintenance_results/stale_tasks/0/task_id  | main               |
      | /maintenance_results/stale_tasks/0/reason   | <reason>           |
      | /maintenance_results/stale_tasks/0/action   | <action>           |
      | /maintenance_results/items_cleaned          | <cleaned>          |

    Examples:
      | hours | reason             | action             | cleaned  |
      | 100   | inactivity_timeout | monitor_and_notify | []       |
      | 169   | abandoned_workflow | archive_workflow   | ["part"] |

  @tasks-14
  Scenario: What does not fit together is found
    When these calls are made at once:
      | call               | input                                                                              |
      | Tasks.plan_task    | {"task_id": "main", "title": "M", "description": "m"}                              |
      | Tasks.plan_task    | {"task_id": "part", "title": "P", "description": "p", "parent_task_id": "main"}    |
      | Tasks.plan_task    | {"task_id": "dead", "title": "D", "description": "d"}                              |
      | Tasks.plan_task    | {"task_id": "vain", "title": "V", "description": "v", "dependencies": "dead"}      |
      | Tasks.delete_task  | {"task_id": "main", "force": true, "archive_instead": false}                       |
      | Tasks.cancel_task  | {"task_id": "dead"}                                                                |
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "validate_structure", "validation_level": "full_audit" }
      """
    Then the reply has:
      | path                                      | value                                                                                           |
      | /maintenance_results/issues_found         | ["part is a part of main, which is gone", "vain waits for dead, which will not be completed"]   |
      | /maintenance_results/operations_performed | ["looked at 3 tasks"]                                                                           |
      | /maintenance_results/items_cleaned        | []                                                                                              |

  @tasks-14
  Scenario: Whoever takes over is told what is open
    When these calls are made at once:
      | call               | input                                                                              |
      | Tasks.plan_task    | {"task_id": "a", "title": "A", "description": "a"}                                 |
      | Tasks.plan_task    | {"task_id": "b", "title": "B", "description": "b", "dependencies": "a"}            |
      | Tasks.plan_task    | {"task_id": "c", "title": "C", "description": "c"}                                 |
      | Tasks.plan_task    | {"task_id": "d", "title": "D", "description": "d"}                                 |
      | Tasks.plan_task    | {"task_id": "e", "title": "E", "description": "e"}                                 |
      | Tasks.execute_task | {"task_id": "a"}                                                                   |
      | Tasks.update_task  | {"task_id": "c", "status": "blocked"}                                              |
      | Tasks.cancel_task  | {"task_id": "d"}                                                                   |
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "prepare_handover" }
      """
    Then the reply has:
      | path                                      | value                                                                                             |
      | /maintenance_results/operations_performed | ["1 of 5 tasks have ended"]                                                                       |
      | /maintenance_results/open_tasks/3/task_id | e                                                                                                 |
      | /next_steps                               | ["a is in progress: go on with it", "b waits for a", "c is blocked: find out by what", "e can begin"] |
    When "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "update_documentation" }
      """
    Then the call succeeds
    And the file ".task_orchestrator/overview.md" contains:
      """
      # Tasks

      | task | title | status |
      |---|---|---|
      | a | A | in_progress |
      | b | B | pending |
      | c | C | blocked |
      | d | D | cancelled |
      | e | E | pending |
      """

  @tasks-14
  Scenario Outline: Maintenance is refused: <message>
    When "Tasks.maintenance_coordinator" is called with:
      """json
      <input>
      """
    Then the call fails with "<code>"
    And the failure has:
      | path     | value     |
      | /field   | <field>   |
      | /message | <message> |

    Examples:
      | input                                                              | code              | field          | message                                                              |
      | {"action": "scan"}                                                 | VALIDATION_FAILED | action         | unknown variant `scan`, expected one of `scan_cleanup`, `validate_structure`, `update_documentation`, `prepare_handover` |
      | {"action": "scan_cleanup", "scope": "specific_subtask"}            | VALIDATION_FAILED | target_task_id | the scope specific_subtask needs a target_task_id                    |
      | {"action": "scan_cleanup", "scope": "current_session"}             | SESSION_NOT_FOUND | scope          | there is no session: begin or resume one, or choose another scope    |
