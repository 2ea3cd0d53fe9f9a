@needs-tasks
Feature: Refused calls of tools
  An input that is not valid, and a change that the status of a task does not allow, are refused with the field at fault.
  Nothing is changed.

  Background:
    Given "Tasks" keeps tasks
    When these calls are made at once:
      | call            | input                                                     |
      | Tasks.plan_task | {"task_id": "open", "title": "Open", "description": "o"}  |
      | Tasks.plan_task | {"task_id": "done", "title": "Done", "description": "d"}  |
    And "Tasks.execute_task" is called with:
      """json
      { "task_id": "done" }
      """
    And "Tasks.complete_task" is called with:
      """json
      { "task_id": "done", "summary": "Done", "detailed_work": "It", "next_action": "complete" }
      """

  @tasks-4
  Scenario Outline: <tool> refuses <input>
    When 5 s pass
    And "Tasks.<tool>" is called with:
      """json
      <input>
      """
    Then the call fails with "<code>"
    And the failure has:
      | path     | value     |
      | /field   | <field>   |
      | /message | <message> |
    When "Tasks.query_tasks" is called
    Then the reply has:
      | path                    | value                |
      | /total_count            | 2                    |
      | /tasks/0/title          | Open                 |
      | /tasks/0/status         | pending              |
      | /tasks/0/updated_at     | 2025-01-01T00:00:00Z |
      | /tasks/1/title          | Done                 |
      | /tasks/1/status         | completed            |
      | /tasks/1/artifact_count | 1                    |
      | /tasks/1/updated_at     | 2025-01-01T00:00:00Z |

    Examples: A field is missing, or is not one
      | tool               | input                                               | code              | field          | message                                                                                       |
      | plan_task          | {"title": "A"}                                      | VALIDATION_FAILED | description    | missing field `description`                                                                   |
      | plan_task          | {"description": "a"}                                | VALIDATION_FAILED | title          | missing field `title`                                                                         |
      | plan_task          | {"title": " ", "description": "a"}                  | VALIDATION_FAILED | title          | title is empty, expected a text                                                               |
      | execute_task       | {}                                                  | VALIDATION_FAILED | task_id        | missing field `task_id`                                                                       |
      | complete_task      | {"task_id": "open", "summary": "s", "detailed_work": "w"} | VALIDATION_FAILED | next_action | missing field `next_action`                                                            |
      | synthesize_results | {}                                                  | VALIDATION_FAILED | parent_task_id | missing field `parent_task_id`                                                                |
      | cancel_task        | {"task_id": "open", "why": "x"}                     | VALIDATION_FAILED | why            | unknown field `why`, expected one of `task_id`, `reason`, `preserve_work`                     |
      | query_tasks        | {"offsett": 1}                                      | VALIDATION_FAILED | offsett        | unknown field `offsett`, expected one of `status`, `task_type`, `specialist_type`, `complexity`, `parent_task_id`, `search_text`, `created_after`, `created_before`, `include_children`, `include_artifacts`, `limit`, `offset`; did you mean "offset"? |

    Examples: A value is not one of those that are expected
      | tool          | input                                                                                   | code              | field           | message |
      | plan_task     | {"title": "A", "description": "a", "complexity": "complicated"}                         | VALIDATION_FAILED | complexity      | unknown variant `complicated`, expected one of `moderate`, `trivial`, `simple`, `complex`, `very_complex` |
      | plan_task     | {"title": "A", "description": "a", "specialist_type": "testr"}                          | VALIDATION_FAILED | specialist_type | unknown variant `testr`, expected one of `generic`, `analyst`, `coder`, `tester`, `documenter`, `reviewer`, `architect`, `devops`, `researcher`, `coordinator`; did you mean "tester"? |
      | plan_task     | {"title": "A", "description": "a", "due_date": "soon"}                                  | VALIDATION_FAILED | due_date        | "soon" is not a timestamp, expected one such as "2025-01-01T00:00:00Z" |
      | query_tasks   | {"status": ["pending", "active"]}                                                       | VALIDATION_FAILED | /status/1       | unknown variant `active`, expected one of `pending`, `in_progress`, `blocked`, `completed`, `failed`, `cancelled`, `archived` |
      | query_tasks   | {"limit": 0}                                                                            | VALIDATION_FAILED | limit           | expected a limit from 1 to 1000, found 0 |
      | complete_task | {"task_id": "open", "summary": "s", "detailed_work": "w", "next_action": "finish"}      | VALIDATION_FAILED | next_action     | unknown variant `finish`, expected one of `complete`, `continue`, `needs_revision`, `blocked` |
      | plan_task     | {"task_id": "a b", "title": "A", "description": "a"}                                    | VALIDATION_FAILED | task_id         | "a b" is not an id, expected 1 to 100 letters, digits, _ or - |
      | update_task   | {"task_id": "open", "title": ""}                                                        | VALIDATION_FAILED | title           | title is empty, expected a text |

    Examples: Unknown and duplicate ids
      | tool               | input                                                            | code                | field          | message |
      | execute_task       | {"task_id": "opne"}                                              | TASK_NOT_FOUND      | task_id        | task "opne" does not exist: did you mean "open"? |
      | complete_task      | {"task_id": "none", "summary": "s", "detailed_work": "w", "next_action": "complete"} | TASK_NOT_FOUND | task_id | task "none" does not exist: did you mean "done"? |
      | update_task        | {"task_id": "none", "title": "A"}                                | TASK_NOT_FOUND      | task_id        | task "none" does not exist: did you mean "done"? |
      | delete_task        | {"task_id": "none"}                                              | TASK_NOT_FOUND      | task_id        | task "none" does not exist: did you mean "done"? |
      | cancel_task        | {"task_id": "none"}                                              | TASK_NOT_FOUND      | task_id        | task "none" does not exist: did you mean "done"? |
      | synthesize_results | {"parent_task_id": "none"}                                       | TASK_NOT_FOUND      | parent_task_id | task "none" does not exist: did you mean "done"? |
      | plan_task          | {"title": "A", "description": "a", "parent_task_id": "none"}     | TASK_NOT_FOUND      | parent_task_id | task "none" does not exist: did you mean "done"? |
      | plan_task          | {"title": "A", "description": "a", "dependencies": ["none"]}     | TASK_NOT_FOUND      | dependencies   | task "none" does not exist: did you mean "done"? |
      | plan_task          | {"task_id": "open", "title": "A", "description": "a"}            | TASK_ALREADY_EXISTS | task_id        | task open exists already |
      | resume_session     | {"session_id": "session_1"}                                      | SESSION_NOT_FOUND   | session_id     | session "session_1" does not exist: there are none |
      | session_status     | {"session_id": "session_1"}                                      | SESSION_NOT_FOUND   | session_id     | session "session_1" does not exist: there are none |

    Examples: The status of the task does not allow it
      | tool          | input                                                                                   | code               | field   | message |
      | complete_task | {"task_id": "open", "summary": "s", "detailed_work": "w", "next_action": "complete"}    | INVALID_TASK_STATE | task_id | task open is pending and cannot become completed; it can become in_progress, blocked, cancelled |
      | complete_task | {"task_id": "open", "summary": "s", "detailed_work": "w", "next_action": "continue"}    | INVALID_TASK_STATE | task_id | task open is pending and cannot be worked on; it can become in_progress, blocked, cancelled |
      | complete_task | {"task_id": "done", "summary": "s", "detailed_work": "w", "next_action": "complete"}    | INVALID_TASK_STATE | task_id | task done is completed and cannot become completed; it can become archived |
      | complete_task | {"task_id": "done", "summary": "s", "detailed_work": "w", "next_action": "blocked"}     | INVALID_TASK_STATE | task_id | task done is completed and cannot be worked on; it can become archived |
      | execute_task  | {"task_id": "done"}                                                                     | INVALID_TASK_STATE | task_id | task done is completed and cannot become in_progress; it can become archived |
      | update_task   | {"task_id": "done", "status": "pending"}                                                | INVALID_TASK_STATE | status  | task done is completed and cannot become pending; it can become archived |
      | update_task   | {"task_id": "open", "title": "Other", "status": "completed"}                            | INVALID_TASK_STATE | status  | task open is pending and cannot become completed; it can become in_progress, blocked, cancelled |
      | cancel_task   | {"task_id": "done"}                                                                     | INVALID_TASK_STATE | task_id | task done is completed and cannot become cancelled; it can become archived |

  @tasks-4
  Scenario: An archived task is not changed
    When "Tasks.update_task" is called with:
      """json
      { "task_id": "done", "status": "archived" }
      """
    Then the call succeeds
    When "Tasks.update_task" is called with:
      """json
      { "task_id": "done", "title": "Other" }
      """
    Then the call fails with "INVALID_TASK_STATE"
    And the failure has:
      | path     | value                                                             |
      | /message | task done is archived and cannot be changed; it can become nothing more |

  @tasks-4
  Scenario: What a tool does not know is refused by its name
    When "Tasks.update_task" is called with:
      """json
      [1]
      """
    Then the call fails with "VALIDATION_FAILED"
    When "Tasks.plan_task" is called with:
      """json
      { "title": "A", "description": "a", "dependencies": [{ "task_id": "open", "type": "aproval" }] }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path   | value                |
      | /field | /dependencies/0/type |
