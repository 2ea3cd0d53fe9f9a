Feature: Partitions
  In a partition, messages are lost and neither side is told. The caller only has
  its own timeout, and cannot tell a lost request from a lost reply.

  Background:
    Given a service "Stock"
    And a service "Payments"

  @resilience-9
  Scenario: A lost request times out and has no effect
    Given "scenario" is cut off from "Payments"
    And "Payments.charge" times out after 2 s
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"
    And it takes 2 s
    And nothing has an effect
    And the failure has:
      | path       | value |
      | /inDoubt   | true  |
      | /retryable | true  |
    And the timeline has, in order:
      | at  | event          | call            | execution | fault                                |
      | 0 s | call_started   | Payments.charge | 1         |                                      |
      | 0 s | fault_injected | Payments.charge | 1         | scenario is cut off from Payments    |
      | 2 s | call_ended     | Payments.charge | 1         |                                      |

  Scenario: A partition affects only the two parties that it names
    Given "scenario" is cut off from "Payments"
    And every call times out after 1 s
    And the workflow:
      """json
      { "id": "order", "steps": [{ "id": "charge", "service": "Payments", "operation": "charge" }] }
      """
    When the workflow runs
    Then the workflow completes
    When "Stock.hold" is called
    Then the call succeeds
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"

  Scenario: A partition works in both directions, whichever party is named first
    Given "Payments" is cut off from "orchestrator" for 10 s
    And every call times out after 1 s
    And the workflow:
      """json
      { "id": "order", "steps": [{ "id": "charge", "service": "Payments", "operation": "charge" }] }
      """
    When the workflow runs
    Then the workflow is rolled back
    And the error is "TIMEOUT" from "Payments.charge"

  @resilience-9
  Scenario: A partition heals after its duration, and the retry succeeds
    Given "scenario" is cut off from "Payments" for 3 s
    And "Payments.charge" times out after 2 s
    And "Payments.charge" is retried by code:
      | codes   | maxRetries | base |
      | TIMEOUT | 3          | 1 s  |
    When "Payments.charge" is called
    Then the call succeeds
    And the calls are:
      | at  | call            | execution | took | result  |
      | 0 s | Payments.charge | 1         | 2 s  | TIMEOUT |
      | 3 s | Payments.charge | 2         | 0 s  | ok      |
    And no effect happens twice

  Scenario: A partition that begins during a workflow is healed by a step
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "Stock.release" },
          {
            "id": "charge", "service": "Payments", "operation": "charge", "timeout": "2s",
            "retry": { "maxRetries": 5, "base": "1s", "multiplier": 1 }
          }
        ]
      }
      """
    And "Stock.hold" takes 1 s
    When the workflow starts
    And 500 ms pass
    And "orchestrator" is cut off from "Payments"
    And 5 s pass
    And "orchestrator" reaches "Payments" again
    And the workflow ends
    Then the workflow completes
    And the calls are:
      | at  | call            | took | result  |
      | 0 s | Stock.hold      | 1 s  | ok      |
      | 1 s | Payments.charge | 2 s  | TIMEOUT |
      | 4 s | Payments.charge | 2 s  | TIMEOUT |
      | 7 s | Payments.charge | 0 s  | ok      |

  @resilience-9
  Scenario: A step that may have had an effect is compensated
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "Stock.release" },
          {
            "id": "charge", "service": "Payments", "operation": "charge", "timeout": "2s",
            "compensation": "Payments.refund"
          }
        ]
      }
      """
    And "orchestrator" is cut off from "Payments" for 2 s
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And no effect remains
    And the outcome has:
      | path           | value   |
      | /error/code    | TIMEOUT |
      | /error/inDoubt | true    |

  Scenario: A compensation fails if the partition lasts longer than its retries
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          {
            "id": "charge", "service": "Payments", "operation": "charge", "timeout": "2s",
            "compensation": "Payments.refund"
          }
        ]
      }
      """
    And "orchestrator" is cut off from "Payments"
    When the workflow runs
    Then the workflow fails with "TIMEOUT"
    And "Payments.refund" is executed 61 times
    And nothing has an effect

  @resilience-3
  Scenario: Lost requests open the breaker, which then refuses immediately
    Given a circuit breaker on "Payments" opening after 2 failures for 10 s
    And "scenario" is cut off from "Payments" for 8 s
    And every call times out after 1 s
    And every call is retried up to 2 times
    When "Payments.charge" is called
    Then the call fails with "SERVICE_UNAVAILABLE"
    And it takes 2300 ms
    And the timeline has, in order:
      | at      | event          | service  | by      | result  |
      | 1 s     | call_ended     |          |         | TIMEOUT |
      | 2100 ms | call_ended     |          |         | TIMEOUT |
      | 2100 ms | breaker_opened | Payments |         |         |
      | 2300 ms | call_refused   |          | breaker |         |
    And the failure has:
      | path        | value |
      | /executions | 2     |
      | /inDoubt    | true  |
    When 9800 ms pass
    And "Payments.charge" is called 2 times
    Then the circuit breaker on "Payments" is closed

  Scenario: A service that is cut off times out even if it is down
    Given "scenario" is cut off from "Payments" for 5 s
    And "Payments" is down
    And every call times out after 1 s
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"
    When 4 s pass
    And "Payments.charge" is called
    Then the call fails with "SERVICE_UNAVAILABLE"

  Scenario: A lost request has no late effect and uses up no scripted answer
    Given "scenario" is cut off from "Payments" for 1 s
    And "Payments.charge" times out after 1 s
    And "Payments.charge" fails 1 time with "RATE_LIMITED"
    When "Payments.charge" is called 2 times
    Then the calls are:
      | execution | result       |
      | 1         | TIMEOUT      |
      | 2         | RATE_LIMITED |
    When 1 h passes
    Then nothing has an effect
