Feature: Timeouts
  No call waits for ever. A reply that comes too late is ignored, but the service
  does not know that, and may have acted on the call.

  Background:
    Given a service "Payments"

  @resilience-9
  Scenario: A hanging call ends at the timeout
    Given "Payments.charge" hangs
    And "Payments.charge" times out after 2 s
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"
    And it takes 2 s
    And the failure has:
      | path        | value              |
      | /mode       | system_timeout     |
      | /service    | Payments           |
      | /operation  | charge             |
      | /message    | no answer within 2 s |
      | /executions | 1                  |
      | /inDoubt    | true               |
    When 1 h passes
    Then nothing has an effect

  @resilience-9
  Scenario: An effect after the timeout is on the timeline
    Given "Payments.charge" times out after 2 s
    And "Payments.charge" answers:
      | execution | answer   |
      | 1         | late 3 s |
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"
    When 3 s pass
    Then the timeline has, in order:
      | at  | event      | call            | service  | operation | result  |
      | 2 s | call_ended | Payments.charge |          |           | TIMEOUT |
      | 5 s | effect     |                 | Payments | charge    |         |
    And "Payments.charge" is executed 1 time

  @resilience-9
  Scenario: A reply after the timeout is ignored
    Given "Payments.charge" times out after 2 s
    And "Payments.charge" is retried up to 1 time
    And "Payments.charge" answers:
      | execution | answer                 |
      | 1         | after 2001 ms ok       |
      | 2         | reply {"id": "second"} |
    When "Payments.charge" is called
    Then the call succeeds
    And it takes 2100 ms
    And the reply is:
      """json
      { "id": "second" }
      """
    And the calls are:
      | at      | call            | execution | took | result  |
      | 0 ms    | Payments.charge | 1         | 2 s  | TIMEOUT |
      | 2100 ms | Payments.charge | 2         | 0 ms | ok      |

  @resilience-9
  Scenario: A reply at exactly the timeout succeeds
    Given "Payments.charge" takes 2 s
    And every call times out after 2 s
    When "Payments.charge" is called
    Then the call succeeds
    And it takes 2 s

  @resilience-9
  Scenario: A timeout of zero fails every execution
    Given every call times out after 0 ms
    And every call is retried up to 2 times
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"
    And it takes 300 ms
    And "Payments.charge" is executed 3 times
    And the failure has:
      | path     | value |
      | /inDoubt | false |
    When 24 h pass
    Then nothing has an effect

  @resilience-9
  Scenario: The default timeout is 30 s
    Given "Payments.charge" hangs
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"
    And it takes 30 s
    And the failure has:
      | path     | value                            |
      | /message | no answer within 30 s, the default |

  @resilience-9
  Scenario: A timeout that is set is not called the default
    Given "Payments.charge" hangs
    And every call times out after 30 s
    When "Payments.charge" is called
    Then the failure has:
      | path     | value                 |
      | /message | no answer within 30 s |

  @resilience-9
  Scenario: The most specific timeout applies
    Given a service "Search"
    And every call times out after 8 s
    And "Payments.refund" times out after 1 s
    And "Payments.charge" hangs
    And "Payments.refund" hangs
    And "Search.find" hangs
    And the workflow:
      """json
      {
        "id": "patience",
        "steps": [
          { "id": "phrase", "service": "Payments", "operation": "refund", "dependencies": [], "timeout": "4s" },
          { "id": "step", "service": "Payments", "operation": "charge", "dependencies": [], "timeout": "4s" },
          { "id": "every", "service": "Search", "operation": "find", "dependencies": [] }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And the calls are:
      | at   | call            | took | result  |
      | 0 ms | Payments.refund | 1 s  | TIMEOUT |
      | 0 ms | Payments.charge | 4 s  | TIMEOUT |
      | 0 ms | Search.find     | 8 s  | TIMEOUT |
