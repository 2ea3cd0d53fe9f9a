Feature: Stopping stops
  Once a run is cancelled, past its deadline, or lost because a step has failed for good, no new try starts. A call that
  waits for its next try ends there and then; an execution that is out ends first.

  Background:
    Given a service "Visa"
    And a service "Desk"
    And the workflow:
      """json
      {
        "id": "application",
        "steps": [
          { "id": "open", "service": "Desk", "operation": "open", "compensation": "close" },
          {
            "id": "file", "service": "Visa", "operation": "file", "compensation": "withdraw",
            "retry": { "maxRetries": 48, "base": "1h", "multiplier": 1 }
          },
          { "id": "tell", "service": "Desk", "operation": "tell" }
        ]
      }
      """

  @orchestration-15
  Scenario: A cancellation ends the wait for the next try
    Given "Visa" is down for 12 h
    When the workflow starts
    And 90 min pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And it takes 0 s
    And "Visa.file" is executed 2 times
    And these compensations run in order:
      | Desk.close |
    And the outcome has:
      | path                      | value                                  |
      | /steps/1/error/code       | SERVICE_UNAVAILABLE                    |
      | /steps/1/error/executions | 2                                      |
      | /steps/1/error/notRetried | its caller stopped before the next try |

  @orchestration-15
  Scenario: A cancellation during the undo leaves the undo whole
    Given "Visa.file" fails with "REFUSED"
    And "Desk.close" takes 10 s
    When the workflow starts
    And 5 s pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is rolled back
    And the error is "REFUSED" from "Visa.file"
    And these compensations run in order:
      | Desk.close |
    And no effect remains

  @orchestration-15
  Scenario: A call that waits before a full bulkhead is not made after a cancellation
    Given a bulkhead of 1 call on "Visa"
    And "Visa.audit" takes 1 h
    And the workflow:
      """json
      {
        "id": "application",
        "steps": [
          { "id": "audit", "service": "Visa", "operation": "audit", "dependencies": [], "timeout": "2h" },
          { "id": "file", "service": "Visa", "operation": "file", "dependencies": [] }
        ]
      }
      """
    When the workflow starts
    And 1 min passes
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And "Visa.file" is never executed
    And it takes 59 min

  @orchestration-26
  Scenario: An interrupted run is called off and undone
    Given the workflow keeps on failure
    And "Visa.file" fails with "REFUSED"
    When the workflow runs
    Then the workflow is interrupted
    When cancellation is requested
    Then the workflow is cancelled
    And these compensations run in order:
      | Desk.close |
    And no effect remains

  @orchestration-26 @needs-sqlite
  Scenario: Calling off an interrupted run survives a crash
    Given the journal is kept in a file
    And the workflow keeps on failure
    And "Visa.file" fails with "REFUSED"
    And the orchestrator crashes before the compensation of step "open"
    When the workflow runs
    And cancellation is requested
    And the orchestrator restarts
    Then the workflow is cancelled
    And no effect remains

  @orchestration-8
  Scenario: A branch that fails for good ends the other's wait for its next try
    Given the workflow:
      """json
      {
        "id": "booking",
        "steps": [
          { "id": "seat", "service": "Desk", "operation": "take", "dependencies": [], "compensation": "give" },
          {
            "id": "cabin", "service": "Visa", "operation": "hold", "dependencies": [], "compensation": "free",
            "retry": { "maxRetries": 24, "base": "1h", "multiplier": 1 }
          },
          { "id": "meal", "service": "Desk", "operation": "meal", "dependencies": [] }
        ]
      }
      """
    And "Visa" is down
    And "Desk.meal" takes 1 s
    And "Desk.meal" fails with "SOLD_OUT"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "SOLD_OUT" from "Desk.meal"
    And these compensations run in order:
      | Desk.give |
    And it takes 1 s

  @orchestration-8 @orchestration-19
  Scenario: A branch that fails for good stops a workflow within, which is undone with the rest
    Given the workflow:
      """json
      {
        "id": "booking",
        "steps": [
          {
            "id": "cabin", "dependencies": [],
            "workflow": {
              "id": "cabin",
              "steps": [
                { "id": "hold", "service": "Desk", "operation": "hold", "compensation": "free" },
                {
                  "id": "confirm", "service": "Visa", "operation": "confirm",
                  "retry": { "maxRetries": 24, "base": "1h", "multiplier": 1 }
                },
                { "id": "print", "service": "Desk", "operation": "print" }
              ]
            }
          },
          { "id": "meal", "service": "Desk", "operation": "meal", "dependencies": [] }
        ]
      }
      """
    And "Visa" is down
    And "Desk.meal" takes 1 s
    And "Desk.meal" fails with "SOLD_OUT"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "SOLD_OUT" from "Desk.meal"
    And it takes 1 s
    And "Desk.print" is never executed
    And no effect remains

  @orchestration-8
  Scenario: A branch that fails for good ends the waiting of a fallback call
    Given the workflow:
      """json
      {
        "id": "booking",
        "steps": [
          { "id": "cabin", "service": "Visa", "operation": "hold", "dependencies": [], "recover": ["Desk.hold", "Desk.note"] },
          { "id": "meal", "service": "Desk", "operation": "meal", "dependencies": [] }
        ]
      }
      """
    And "Visa.hold" fails with "NO_CABIN"
    And "Desk.hold" is retried up to 10 times
    And "Desk.hold" fails with "SERVICE_UNAVAILABLE"
    And "Desk.meal" takes 1 s
    And "Desk.meal" fails with "SOLD_OUT"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "SOLD_OUT" from "Desk.meal"
    And it takes 1 s
    And "Desk.hold" is executed 4 times
    And "Desk.note" is never executed

  @orchestration-7 @orchestration-8
  Scenario: A workflow within that was stopped continues when the run is resumed
    Given the workflow:
      """json
      {
        "id": "booking", "onFailure": "keep",
        "steps": [
          {
            "id": "cabin", "dependencies": [],
            "workflow": {
              "id": "cabin",
              "steps": [
                { "id": "hold", "service": "Desk", "operation": "hold", "compensation": "free" },
                {
                  "id": "confirm", "service": "Visa", "operation": "confirm",
                  "retry": { "maxRetries": 24, "base": "1h", "multiplier": 1 }
                }
              ]
            }
          },
          { "id": "meal", "service": "Desk", "operation": "meal", "dependencies": [] }
        ]
      }
      """
    And "Visa" is down for 1 min
    And "Desk.meal" takes 1 s
    And "Desk.meal" fails 1 time with "SOLD_OUT"
    When the workflow runs
    Then the workflow is interrupted
    And it takes 1 s
    When 1 min passes
    And the workflow resumes
    Then the workflow completes
    And "Desk.hold" is executed 1 time
    And no effect happens twice

  @orchestration-13
  Scenario: A step that a crash cut off is not executed again once the run is lost
    Given the workflow:
      """json
      {
        "id": "booking",
        "steps": [
          { "id": "cabin", "service": "Visa", "operation": "hold", "dependencies": [], "compensation": "free" },
          { "id": "meal", "service": "Desk", "operation": "meal", "dependencies": [] }
        ]
      }
      """
    And "Visa.hold" takes 1 s
    And "Desk.meal" fails with "SOLD_OUT"
    And the orchestrator crashes after the service acts in step "cabin"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Visa.hold" is executed 1 time
    And these compensations run in order:
      | Visa.free |
    And no effect remains
