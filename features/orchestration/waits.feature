Feature: Steps that wait
  A step can wait for a time. When its wait ends is in the journal, so that neither a crash nor a restart
  changes it.

  Background:
    Given every call times out after 2 h
    And a service "Accounts"
    And a service "Mail"
    And "Mail.remind" takes 1 h
    And the workflow:
      """json
      {
        "id": "closing",
        "steps": [
          { "id": "lock", "service": "Accounts", "operation": "lock", "compensation": "unlock" },
          { "id": "cool-off", "wait": "72h" },
          { "id": "remind", "service": "Mail", "operation": "remind" }
        ]
      }
      """

  @orchestration-22
  Scenario: A wait takes its time, and the step after it comes then
    When the workflow runs
    Then the workflow completes
    And it takes 73 h
    And the calls are:
      | at   | call          |
      | 0 ms | Accounts.lock |
      | 72 h | Mail.remind   |
    And the timeline has, in order:
      | at   | event        | step     | until | took | result |
      | 0 ms | wait_started | cool-off | 72 h  |      |        |
      | 72 h | wait_ended   | cool-off |       | 72 h | ok     |

  @orchestration-22
  Scenario: A process that is lost on the second day of three leaves one day to wait
    When the workflow starts
    And 48 h pass
    And the orchestrator restarts
    Then the workflow completes
    And it takes 25 h
    And the calls are:
      | at   | call          |
      | 0 ms | Accounts.lock |
      | 72 h | Mail.remind   |

  @orchestration-22 @needs-sqlite
  Scenario: A journal in a file keeps the end of a wait
    Given the journal is kept in a file
    When the workflow starts
    And 48 h pass
    And the orchestrator crashes
    And 20 h pass
    And the orchestrator restarts
    Then the workflow completes
    And it takes 5 h

  @orchestration-22
  Scenario: A wait that ended while no process was there ends with the restart
    When the workflow starts
    And 48 h pass
    And the orchestrator crashes
    And 48 h pass
    And the orchestrator restarts
    Then the workflow completes
    And the calls are:
      | at   | call          |
      | 0 ms | Accounts.lock |
      | 96 h | Mail.remind   |

  @orchestration-22
  Scenario Outline: A crash <moment> a wait loses none of it
    Given the orchestrator crashes <moment> step "cool-off"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow completes
    And the calls are:
      | at   | call          |
      | 0 ms | Accounts.lock |
      | 72 h | Mail.remind   |

    Examples:
      | moment |
      | before |
      | during |
      | after  |

  @orchestration-22
  Scenario: The state of a run says what it waits for and until when
    When the workflow starts
    And 5 h pass
    Then the state of the workflow has:
      | path           | value    |
      | /status        | running  |
      | /waits/0/step  | cool-off |
      | /waits/0/until | 72 h     |
    When the workflow ends
    Then the workflow completes
    And the state of the workflow has:
      | path   | value |
      | /waits | []    |

  @orchestration-22
  Scenario: A cancelled run waits no longer and is undone
    When the workflow starts
    And 5 h pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And it takes 0 ms
    And these compensations run in order:
      | Accounts.unlock |
    And "Mail.remind" is never executed
    And the timeline has, in order:
      | at  | event      | step     | took | result    |
      | 5 h | wait_ended | cool-off | 5 h  | CANCELLED |

  @orchestration-22
  Scenario: The deadline ends a wait
    Given the workflow must finish within 24 h
    When the workflow runs
    Then the workflow is rolled back
    And it takes 24 h
    And the outcome has:
      | path        | value            |
      | /error/code | WORKFLOW_TIMEOUT |
    And the timeline has, in order:
      | at   | event        | step     | until |
      | 0 ms | wait_started | cool-off | 24 h  |

  @orchestration-22
  Scenario: A wait that ends exactly at the deadline is in time
    Given the workflow must finish within 72 h
    And "Mail.remind" takes 0 ms
    When the workflow runs
    Then the workflow completes
    And it takes 72 h

  @orchestration-22
  Scenario: A step that fails beside a wait ends it
    Given the workflow:
      """json
      {
        "id": "closing",
        "steps": [
          { "id": "lock", "service": "Accounts", "operation": "lock", "compensation": "unlock" },
          { "id": "cool-off", "wait": "72h" },
          { "id": "remind", "service": "Mail", "operation": "remind", "dependencies": ["lock"] }
        ]
      }
      """
    And "Mail.remind" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 1 h
    And the error is "PERMANENT_ERROR" from "Mail.remind"

  @orchestration-22
  Scenario: A wait that was cut short goes on where it was when the run resumes
    Given the workflow:
      """json
      {
        "id": "closing", "onFailure": "keep",
        "steps": [
          { "id": "cool-off", "wait": "72h" },
          { "id": "remind", "service": "Mail", "operation": "remind", "dependencies": [] }
        ]
      }
      """
    And "Mail.remind" fails 1 time with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is interrupted
    When 10 h pass
    And the workflow resumes
    Then the workflow completes
    And the timeline has, in order:
      | at     | event      | step     | result    |
      | 1 h    | wait_ended | cool-off | CANCELLED |
      | 72 h   | wait_ended | cool-off | ok        |

  @orchestration-22
  Scenario: A wait that a crash cut off in a run that goes no further has done nothing to undo
    Given the workflow:
      """json
      {
        "id": "closing",
        "steps": [
          { "id": "lock", "service": "Accounts", "operation": "lock", "compensation": "unlock" },
          { "id": "cool-off", "wait": "72h", "compensation": "Mail.recall" }
        ]
      }
      """
    And the workflow is recovered up to 0 times
    When the workflow starts
    And 48 h pass
    And the orchestrator restarts
    Then the workflow is rolled back
    And these compensations run in order:
      | Accounts.unlock |

  @orchestration-22
  Scenario: A step that waits takes no place among those that run at once
    Given "Mail.remind" takes 1 h
    And the workflow:
      """json
      {
        "id": "closing", "maxParallel": 1,
        "steps": [
          { "id": "first", "wait": "2h", "dependencies": [] },
          { "id": "second", "wait": "3h", "dependencies": [] },
          { "id": "remind", "service": "Mail", "operation": "remind", "dependencies": [] },
          { "id": "lock", "service": "Accounts", "operation": "lock", "dependencies": [] }
        ]
      }
      """
    When the workflow runs
    Then the workflow completes
    And it takes 3 h
    And the steps run in this order:
      | remind |
      | lock   |
      | first  |
      | second |
    And the calls are:
      | at   | call          |
      | 0 ms | Mail.remind   |
      | 1 h  | Accounts.lock |

  @orchestration-22
  Scenario: A workflow within waits, and its parent says so
    Given the workflow:
      """json
      { "id": "parent", "steps": [ { "id": "close", "workflow": "closing" } ] }
      """
    When the workflow starts
    And 48 h pass
    Then the state of the workflow has:
      | path           | value          |
      | /waits/0/step  | close/cool-off |
      | /waits/0/until | 72 h           |
    When the orchestrator restarts
    Then the workflow completes
    And it takes 25 h

  @orchestration-22
  Scenario: The time-out of the workflow within ends its wait, and the parent says so
    Given the workflow:
      """json
      { "id": "parent", "steps": [ { "id": "close", "workflow": "closing", "timeout": "24h" } ] }
      """
    When the workflow starts
    And 5 h pass
    Then the state of the workflow has:
      | path           | value          |
      | /waits/0/step  | close/cool-off |
      | /waits/0/until | 24 h           |
    And the timeline has, in order:
      | event        | step     | until |
      | wait_started | cool-off | 24 h  |
    When the workflow ends
    Then the workflow is rolled back
    And the outcome has:
      | path        | value   |
      | /error/code | TIMEOUT |

  @orchestration-22 @wall-clock
  Scenario: A wait in real time
    Given "Mail.remind" takes 0 ms
    And the workflow:
      """json
      {
        "id": "closing",
        "steps": [
          { "id": "cool-off", "wait": "60ms" },
          { "id": "remind", "service": "Mail", "operation": "remind" }
        ]
      }
      """
    When the workflow starts
    And the workflow ends
    Then the workflow completes
    And "Mail.remind" is executed 1 time

  @orchestration-22
  Scenario Outline: A step that waits <wrongly> is refused before any call
    Given the workflow:
      """json
      { "id": "other", "steps": [ { "id": "lock", "service": "Accounts", "operation": "lock" } ] }
      """
    And the workflow:
      """json
      { "id": "closing", "steps": [ { "id": "lock", "service": "Accounts", "operation": "lock" }, <step> ] }
      """
    When the workflow runs
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "<pointer>" and says "<text>"
    And "Accounts.lock" is never executed

    Examples:
      | wrongly                | step                                                      | pointer                 | text                          |
      | for no time            | { "id": "w", "wait": "0s" }                               | /steps/1/wait           | waits for no time             |
      | for an event of no type | { "id": "w", "wait": { "event": "" } }                   | /steps/1/wait/event     | without a type                |
      | for an event no time   | { "id": "w", "wait": { "event": "E", "timeout": "0s" } }  | /steps/1/wait/timeout   | for no time                   |
      | and calls              | { "id": "w", "wait": "1s", "service": "Mail", "operation": "remind" } | /steps/1/service | can have no |
      | and runs a workflow    | { "id": "w", "wait": "1s", "workflow": "other" }        | /steps/1/workflow       | can have no |
      | with retries           | { "id": "w", "wait": "1s", "retry": "coordination" }      | /steps/1/retry          | can have no |
      | with a time-out of its own | { "id": "w", "wait": "1s", "timeout": "2s" }          | /steps/1/timeout        | can have no |
      | with a limit of its tries  | { "id": "w", "wait": "1s", "within": "2s" }           | /steps/1/within         | can have no |
