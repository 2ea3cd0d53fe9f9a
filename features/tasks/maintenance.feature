@needs-tasks
Feature: Looking after tasks
  Tasks that nobody seems to care for are found: how long one may rest depends on whose it is. What nobody needs to be asked about is archived.

  Background:
    Given "Tasks" keeps tasks

  @tasks-14
  Scenario Outline: A task of specialist <specialist> is <what> after <hours> h
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
  Scenario Outline: A task that <what> is <found> after <days> days
    When these calls are made at once:
      | call                | input                                                                                                                                                                               |
      | Tasks.plan_task     | {"task_id": "a", "title": "A", "description": "a", "priority": "<priority>"}                                                                                                        |
      | Tasks.execute_task  | {"task_id": "a"}                                                                                                                                                                    |
      | Tasks.complete_task | {"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "continue"}                                                                                                   |
      | Tasks.complete_task | {"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "continue", "file_paths": <files>}                                                                            |
      | <call>              | <input>                                                                                                                                                                             |
    And <days> d pass
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "scan_cleanup" }
      """
    Then the reply has:
      | path                               | value     |
      | /maintenance_results/items_cleaned | <cleaned> |
      | /maintenance_results/issues_found  | []        |
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path            | value   |
      | /tasks/0/status | <found> |

    Examples:
      | what                      | days | priority | files                                        | call                | input                                                                             | cleaned | found     |
      | was cancelled             | 14   | normal   | []                                           | Tasks.cancel_task   | {"task_id": "a", "preserve_work": false}                                          | []      | cancelled |
      | was cancelled             | 15   | normal   | []                                           | Tasks.cancel_task   | {"task_id": "a", "preserve_work": false}                                          | ["a"]   | archived  |
      | failed                    | 60   | normal   | []                                           | Tasks.update_task   | {"task_id": "a", "status": "failed"}                                              | []      | failed    |
      | failed                    | 61   | high     | []                                           | Tasks.update_task   | {"task_id": "a", "status": "failed"}                                              | ["a"]   | archived  |
      | was critical and failed   | 120  | critical | []                                           | Tasks.update_task   | {"task_id": "a", "status": "failed"}                                              | []      | failed    |
      | was critical and failed   | 121  | critical | []                                           | Tasks.update_task   | {"task_id": "a", "status": "failed"}                                              | ["a"]   | archived  |
      | is about eleven files     | 61   | normal   | ["1","2","3","4","5","6","7","8","9","10","11"] | Tasks.update_task   | {"task_id": "a", "status": "failed"}                                           | []      | failed    |
      | left three artifacts      | 180  | normal   | []                                           | Tasks.complete_task | {"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "complete"} | []      | completed |
      | left three artifacts      | 181  | normal   | []                                           | Tasks.complete_task | {"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "complete"} | ["a"]   | archived  |

  @tasks-14
  Scenario: Of sixty tasks that ended long ago fifty are archived at once, the others next
    Given the workflow:
      """json
      {
        "id": "given-up",
        "steps": [
          { "id": "plan", "service": "Tasks", "operation": "plan_task", "input": { "title": "T", "description": "d" } },
          { "id": "cancel", "service": "Tasks", "operation": "cancel_task", "input": { "task_id": "${/plan/task_id}" } }
        ]
      }
      """
    When the workflow runs 60 times at once
    And 15 d pass
    And "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "scan_cleanup" }
      """
    Then the reply has:
      | path     | value                            |
      | /summary | 0 issues found, 50 tasks cleaned |
    When "Tasks.maintenance_coordinator" is called with:
      """json
      { "action": "scan_cleanup" }
      """
    Then the reply has:
      | path     | value                            |
      | /summary | 0 issues found, 10 tasks cleaned |

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
  Scenario: A handover lists the open tasks
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
