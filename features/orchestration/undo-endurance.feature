Feature: An undo endures
  What undoes a step is needed when things go wrong. So it is retried for about 52 minutes unless its definition says
  otherwise, it gets past breakers and bulkheads, and what could not be undone can be taken up again.

  Background:
    Given a service "Bank"
    And a service "Depot"
    And the workflow:
      """json
      {
        "id": "sale",
        "steps": [
          { "id": "hold", "service": "Depot", "operation": "hold", "compensation": "release" },
          { "id": "charge", "service": "Bank", "operation": "charge", "compensation": "refund" },
          { "id": "ship", "service": "Depot", "operation": "ship" }
        ]
      }
      """

  @orchestration-3 @resilience-1
  Scenario: An undo is retried without being told to
    Given "Depot.ship" fails with "NO_DRIVER"
    And "Bank.refund" fails 10 times with "SERVICE_UNAVAILABLE"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 102300 ms
    And "Bank.refund" is executed 11 times
    And no effect remains

  @orchestration-3 @resilience-1
  Scenario: An undo waits as long as the scenario has it wait
    Given "Depot.ship" fails with "NO_DRIVER"
    And "Bank.refund" fails 60 times with "SERVICE_UNAVAILABLE"
    And "Bank.refund" is retried by code:
      | codes               | maxRetries | base  | multiplier |
      | SERVICE_UNAVAILABLE | 1000       | 1 min | 1          |
    When the workflow runs
    Then the workflow is rolled back
    And it takes 1 h

  @orchestration-3
  Scenario: A definition says how often an undo is tried, and how long a try may take
    Given the workflow:
      """json
      {
        "id": "sale",
        "steps": [
          {
            "id": "charge", "service": "Bank", "operation": "charge",
            "compensation": { "operation": "refund", "retry": { "maxRetries": 1, "base": "1min" }, "timeout": "5s" }
          },
          { "id": "ship", "service": "Depot", "operation": "ship" }
        ]
      }
      """
    And "Depot.ship" fails with "NO_DRIVER"
    And "Bank.refund" hangs
    When the workflow runs
    Then the workflow fails with "NO_DRIVER"
    And it takes 70 s
    And "Bank.refund" is executed 2 times
    And the outcome has:
      | path                           | value                |
      | /compensations/0/error/code    | TIMEOUT              |
      | /compensations/0/error/message | no answer within 5 s |

  @orchestration-3 @orchestration-26
  Scenario: An undo that failed is taken up again, and the others are not repeated
    Given "Depot.ship" fails with "NO_DRIVER"
    And "Bank.refund" fails 1 time with "ACCOUNT_FROZEN"
    When the workflow runs
    Then the workflow fails with "NO_DRIVER"
    When 8 h pass
    And the workflow resumes
    Then the workflow is rolled back
    And the error is "NO_DRIVER" from "Depot.ship"
    And "Bank.refund" is executed 2 times
    And "Depot.release" is executed 1 time
    And these compensations run in order:
      | Bank.refund   |
      | Depot.release |
    And no effect remains

  @orchestration-13 @orchestration-26
  Scenario: An undo that is taken up again survives a crash
    Given "Depot.ship" fails with "NO_DRIVER"
    And "Bank.refund" fails 1 time with "ACCOUNT_FROZEN"
    And the orchestrator crashes before the service acts in the compensation of step "charge"
    When the workflow runs
    Then the workflow fails with "NO_DRIVER"
    When the workflow resumes
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Depot.release" is executed 1 time
    And no effect remains

  @orchestration-19 @orchestration-26
  Scenario: What a workflow within could not undo is taken up again with the outer one
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          {
            "id": "sell",
            "workflow": {
              "id": "sale",
              "steps": [
                { "id": "hold", "service": "Depot", "operation": "hold", "compensation": "release" },
                { "id": "charge", "service": "Bank", "operation": "charge", "compensation": "refund" }
              ]
            }
          },
          { "id": "ship", "service": "Depot", "operation": "ship" }
        ]
      }
      """
    And "Depot.ship" fails with "NO_DRIVER"
    And "Bank.refund" fails 1 time with "ACCOUNT_FROZEN"
    When the workflow runs
    Then the workflow fails with "NO_DRIVER"
    When the workflow resumes
    Then the workflow is rolled back
    And "Bank.refund" is executed 2 times
    And "Depot.release" is executed 1 time
    And no effect remains

  @orchestration-3 @resilience-4
  Scenario: An undo waits until the breaker that its step's service opened lets it through
    Given a circuit breaker on "Bank" opening after 1 failure for 10 min
    And the workflow:
      """json
      {
        "id": "sale",
        "steps": [
          { "id": "charge", "service": "Bank", "operation": "charge", "compensation": "refund" },
          { "id": "check", "service": "Bank", "operation": "check" }
        ]
      }
      """
    And "Bank.check" fails with "CONNECTION_RESET"
    When the workflow runs
    Then the workflow is rolled back
    And it takes 10 min
    And "Bank.refund" is executed 1 time
    And no effect remains
    And the timeline has, in order:
      | event           | call        | by      | delay  |
      | call_refused    | Bank.refund | breaker |        |
      | retry_scheduled | Bank.refund |         | 10 min |
      | call_started    | Bank.refund |         |        |

  @orchestration-3 @resilience-8
  Scenario: An undo that a full bulkhead refuses is tried again
    Given a bulkhead of 1 call on "Bank" with a queue of 0
    And "Bank.report" takes 3 s
    And "Depot.ship" fails with "NO_DRIVER"
    And "Depot.ship" takes 1 s
    When the workflow starts
    And 500 ms pass
    And "Bank.report" is called
    And the workflow ends
    Then the workflow is rolled back
    And the timeline has, in order:
      | at      | event        | call        | by       |
      | 1000 ms | call_refused | Bank.refund | bulkhead |
      | 4100 ms | call_started | Bank.refund |          |

  @orchestration-3
  Scenario: An undo that is answered by a corrupted reply is asked for again
    Given "Depot.ship" fails with "NO_DRIVER"
    And "Bank.refund" answers:
      | execution | answer  |
      | 1         | corrupt |
    When the workflow runs
    Then the workflow is rolled back
    And "Bank.refund" is executed 2 times
    And no effect remains

  @orchestration-19 @orchestration-26
  Scenario: What a workflow within could not undo is undone before it runs again
    Given the workflow:
      """json
      {
        "id": "order", "onFailure": "keep",
        "steps": [
          {
            "id": "sell",
            "workflow": {
              "id": "sale",
              "steps": [
                { "id": "charge", "service": "Bank", "operation": "charge", "compensation": "refund" },
                { "id": "ship", "service": "Depot", "operation": "ship" }
              ]
            }
          }
        ]
      }
      """
    And "Depot.ship" fails 1 time with "NO_DRIVER"
    And "Bank.refund" fails 1 time with "ACCOUNT_FROZEN"
    When the workflow runs
    Then the workflow is interrupted
    When the workflow resumes
    Then the workflow completes
    And the calls are:
      | call        | result         |
      | Bank.charge | ok             |
      | Depot.ship  | NO_DRIVER      |
      | Bank.refund | ACCOUNT_FROZEN |
      | Bank.refund | ok             |
      | Bank.charge | ok             |
      | Depot.ship  | ok             |
