Feature: Late effects
  A timeout means that the caller stopped waiting, not that nothing happened. An
  effect that may still arrive is undone with the others, even before it arrives.

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
            "id": "charge", "service": "Payments", "operation": "charge", "timeout": "2s",
            "compensation": "Payments.refund"
          }
        ]
      }
      """

  @orchestration-12
  Scenario: An effect that arrives after its compensation is discarded
    Given "Payments.charge" answers:
      | execution | answer   |
      | 1         | late 3 s |
    When the workflow runs
    Then the workflow is rolled back
    And it takes 2 s
    And the error is "TIMEOUT" from "Payments.charge"
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And no effect remains
    When 3 s pass
    Then no effect remains
    And no effect happens twice
    And the timeline has, in order:
      | at  | event          | call            | result  | about           | input                        |
      | 2 s | call_ended     | Payments.charge | TIMEOUT |                 |                              |
      | 2 s | call_started   | Payments.refund |         |                 | {"input": {}, "reply": null} |
      | 2 s | workflow_ended |                 |         |                 |                              |
      | 5 s | warning        |                 |         | Payments.charge |                              |

  @orchestration-12
  Scenario: An effect that arrives before its compensation is undone
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          {
            "id": "charge", "service": "Payments", "operation": "charge", "timeout": "2s",
            "dependencies": [], "compensation": "Payments.refund"
          },
          {
            "id": "pack", "service": "Stock", "operation": "pack",
            "dependencies": [], "compensation": "Stock.unpack"
          }
        ]
      }
      """
    And "Payments.charge" answers:
      | execution | answer      |
      | 1         | late 500 ms |
    And "Stock.pack" takes 4 s
    When the workflow runs
    Then the workflow is rolled back
    And it takes 4 s
    And these compensations run in order:
      | Stock.unpack    |
      | Payments.refund |
    And the timeline has, in order:
      | at     | event  | operation | key                 |
      | 2500 ms | effect | charge   | order-1/charge      |
      | 4 s    | effect | pack      | order-1/pack        |
      | 4 s    | effect | unpack    | order-1/pack:undo   |
      | 4 s    | effect | refund    | order-1/charge:undo |
    And no effect remains

  @orchestration-12
  Scenario: A retry does not repeat an effect that arrived late
    Given "Payments.charge" is retried up to 1 time
    And "Payments.charge" answers:
      | execution | answer     |
      | 1         | late 50 ms |
      | 2         | ok         |
    When the workflow runs
    Then the workflow completes
    And it takes 2100 ms
    And "Payments.charge" waits "100 ms" between executions
    And no effect happens twice
    And the timeline has, in order:
      | at      | event      | call            | operation | execution | result  |
      | 2 s     | call_ended | Payments.charge |           | 1         | TIMEOUT |
      | 2050 ms | effect     |                 | charge    |           |         |
      | 2100 ms | call_ended | Payments.charge |           | 2         | ok      |

  @orchestration-12
  Scenario: A timeout leaves the whole call in doubt, even if a retry fails otherwise
    Given "Payments.charge" is retried up to 1 time
    And "Payments.charge" answers:
      | execution | answer                |
      | 1         | late 3 s              |
      | 2         | error PERMANENT_ERROR |
    When the workflow runs
    Then the workflow is rolled back
    And it takes 2100 ms
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And the outcome has:
      | path                    | value           |
      | /error/code             | PERMANENT_ERROR |
      | /error/executions       | 2               |
      | /error/inDoubt          | true            |
      | /error/causes/0/code    | TIMEOUT         |
    When 1 h passes
    Then no effect remains

  @orchestration-12
  Scenario Outline: What a step did before it failed with <code> is not known, so it is undone
    Given "Payments.charge" fails with "<code>"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And the outcome has:
      | path           | value |
      | /error/inDoubt | true  |
    And no effect remains

    Examples:
      | code             |
      | NETWORK_TIMEOUT  |
      | CONNECTION_RESET |

  @orchestration-12
  Scenario Outline: A step that failed with <code> did nothing, so it is not undone
    Given "Payments.charge" fails with "<code>"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Stock.release |
    And "Payments.refund" is never executed
    And no effect remains

    Examples:
      | code                |
      | CONNECTION_REFUSED  |
      | SERVICE_UNAVAILABLE |
      | CARD_DECLINED       |

  @orchestration-6 @orchestration-12
  Scenario: An optional step in doubt is undone when the run ends degraded
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          {
            "id": "charge", "service": "Payments", "operation": "charge", "optional": true,
            "compensation": "Payments.refund"
          },
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "Stock.release" }
        ]
      }
      """
    And "Payments.charge" answers:
      | execution | answer    |
      | 1         | late 10 s |
    And "Stock.hold" takes 20 s
    When the workflow runs
    Then the workflow is degraded
    And these compensations run in order:
      | Payments.refund |
    And the outcome has:
      | path            | value       |
      | /steps/0/status | compensated |
      | /steps/1/status | completed   |
    And the timeline has, in order:
      | event  | operation |
      | effect | charge    |
      | effect | hold      |
      | effect | refund    |

  @orchestration-12
  Scenario: A step that hangs is undone although it never has an effect
    Given "Payments.charge" hangs
    When the workflow runs
    Then the workflow is rolled back
    And it takes 2 s
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And no effect remains
