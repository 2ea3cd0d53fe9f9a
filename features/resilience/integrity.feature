Feature: Message integrity
  A message may be corrupted in transit. The sender adds a checksum and the receiver
  verifies it: a corrupted message is never acted on.

  Background:
    Given a service "Stock"
    And a service "Payments"
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "Stock.release" },
          {
            "id": "charge", "service": "Payments", "operation": "charge",
            "input": { "amount": 100 }, "compensation": "Payments.refund"
          },
          { "id": "ship", "service": "Stock", "operation": "ship", "input": { "receipt": "${/charge}" } }
        ]
      }
      """

  @configuration-5
  Scenario: A corrupted reply fails the call
    Given "Payments" corrupts its replies
    And "Payments.charge" replies:
      """json
      { "id": "p-1", "amount": 100 }
      """
    When "Payments.charge" is called
    Then the call fails with "CORRUPTION_DETECTED"
    And the failure has:
      | path       | value                                                    |
      | /message   | the reply is not what was sent: its checksum differs     |
      | /service   | Payments                                                 |
      | /operation | charge                                                   |
      | /mode      | agent_contract                                           |
      | /retryable | false                                                    |
      | /inDoubt   | true                                                     |
    And the timeline has, in order:
      | event          | call            | operation | execution | fault                         | result              |
      | call_started   | Payments.charge |           | 1         |                               |                     |
      | effect         |                 | charge    |           |                               |                     |
      | fault_injected | Payments.charge |           | 1         | Payments corrupts its replies |                     |
      | call_ended     | Payments.charge |           | 1         |                               | CORRUPTION_DETECTED |

  @configuration-5
  Scenario: A step whose reply is corrupted is compensated
    Given "Payments.charge" answers:
      | execution | answer  |
      | 1         | corrupt |
    And "Payments.charge" is retried up to 3 times
    When the workflow runs
    Then the workflow is rolled back
    And the error is "CORRUPTION_DETECTED" from "Payments.charge"
    And "Payments.charge" is executed 1 time
    And "Stock.ship" is never executed
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And no effect remains
    And the timeline has, in order:
      | event      | call            | input                                     |
      | call_ended | Payments.charge |                                           |
      | call_started | Payments.refund | {"input": {"amount": 100}, "reply": null} |

  @configuration-5
  Scenario: A corrupted request is refused and has no effect
    Given "Payments" receives corrupted requests
    And "Payments.charge" takes 500 ms
    When the workflow runs
    Then the workflow is rolled back
    And the error is "CORRUPTION_DETECTED" from "Payments.charge"
    And it takes 0 s
    And these compensations run in order:
      | Stock.release |
    And no effect remains
    And the outcome has:
      | path           | value                                                  |
      | /error/message | the request is not what was sent: its checksum differs |
      | /error/inDoubt | false                                                  |

  @configuration-5
  Scenario: An intact message passes the check
    Given "Payments.charge" answers:
      | execution | answer                                    |
      | 1         | reply {"b": [1, 2.5, null], "a": {"c": 0}} |
      | 2         | after 200 ms corrupt                      |
    When "Payments.charge" is called
    Then the call succeeds
    And the reply is:
      """json
      { "a": { "c": 0 }, "b": [1, 2.5, null] }
      """
    When "Payments.charge" is called
    Then the call fails with "CORRUPTION_DETECTED"
    And it takes 200 ms

  Scenario: A failure has no payload that could be corrupted
    Given "Payments" corrupts its replies
    And "Payments.charge" fails 1 time with "RATE_LIMITED"
    And "Payments.charge" is retried up to 1 time
    When "Payments.charge" is called
    Then the call fails with "CORRUPTION_DETECTED"
    And the calls are:
      | at     | execution | result              |
      | 0 ms   | 1         | RATE_LIMITED        |
      | 100 ms | 2         | CORRUPTION_DETECTED |

  @configuration-5
  Scenario: A corrupted reply after the timeout is a timeout
    Given "Payments" corrupts its replies
    And "Payments.charge" times out after 1 s
    And "Payments.charge" answers:
      | execution | answer       |
      | 1         | after 2 s ok |
    When "Payments.charge" is called
    Then the call fails with "TIMEOUT"
    When "Payments.charge" is called
    Then the call fails with "CORRUPTION_DETECTED"

  @resilience-3
  Scenario: Corrupted replies open the breaker
    Given "Payments" corrupts its replies
    And a circuit breaker on "Payments" opening after 2 failures for 60 s
    When "Payments.charge" is called 3 times
    Then 2 calls fail with "CORRUPTION_DETECTED"
    And the circuit breaker on "Payments" is open

  Scenario: A corrupted payload is shown neither by the failure nor by the timeline
    Given "Payments" corrupts its replies
    And "Payments.login" replies:
      """json
      { "password": "open sesame" }
      """
    When "Payments.login" is called with:
      """json
      { "apiKey": "k-123" }
      """
    Then the call fails with "CORRUPTION_DETECTED"
    And no secret is visible
    And the timeline matches the snapshot
