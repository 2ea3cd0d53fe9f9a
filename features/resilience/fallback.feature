Feature: A breaker's fallback is no proof that something was done
  A fallback stands in for the reply of a forward step or of a request alone. For everybody else a call that the breaker
  refuses is refused.

  @orchestration-2 @resilience-3
  Scenario: A step for which a fallback stood in is not undone
    Given a service "Points"
    And a service "Mail"
    And a circuit breaker on "Points":
      | field            | value         |
      | failureThreshold | 1             |
      | recovery         | 1 h           |
      | fallback         | {"points": 0} |
    And "Points.redeem" fails 1 time with "CONNECTION_RESET"
    And "Mail.send" fails with "MAILBOX_FULL"
    And the workflow:
      """json
      {
        "id": "shop",
        "steps": [
          { "id": "redeem", "service": "Points", "operation": "redeem", "compensation": "Mail.giveBack" },
          { "id": "tell", "service": "Mail", "operation": "send" }
        ]
      }
      """
    When "Points.redeem" is called
    And the workflow runs
    Then the workflow is rolled back
    And no compensation runs

  @orchestration-2 @orchestration-12 @resilience-3
  Scenario Outline: A step for which a fallback stood in after <code> is undone: <undone>
    Given a service "Points"
    And a service "Mail"
    And a circuit breaker on "Points":
      | field            | value         |
      | failureThreshold | 1             |
      | recovery         | 1 s           |
      | fallback         | {"points": 0} |
    And "Points.redeem" fails 1 time with "<code>"
    And "Mail.send" fails with "MAILBOX_FULL"
    And the workflow:
      """json
      {
        "id": "shop",
        "steps": [
          {
            "id": "redeem", "service": "Points", "operation": "redeem", "compensation": "giveBack",
            "retry": { "maxRetries": 1 }
          },
          { "id": "tell", "service": "Mail", "operation": "send" }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And "Points.redeem" is executed 1 time
    And "Points.giveBack" is executed <times> times

    Examples:
      | code             | undone | times |
      | CONNECTION_RESET | yes    | 1     |
      | TOOL_ERROR       | no     | 0     |

  @orchestration-2 @orchestration-6
  Scenario: A workflow within that is degraded by a fallback is undone
    Given a service "Points"
    And a service "Mail"
    And a circuit breaker on "Points":
      | field            | value         |
      | failureThreshold | 1             |
      | recovery         | 1 h           |
      | fallback         | {"points": 0} |
    And "Points.redeem" fails 1 time with "CONNECTION_RESET"
    And "Mail.send" fails with "MAILBOX_FULL"
    And the workflow:
      """json
      {
        "id": "shop",
        "steps": [
          {
            "id": "collect",
            "workflow": {
              "id": "collection",
              "steps": [
                { "id": "stamp", "service": "Mail", "operation": "stamp", "compensation": "unstamp" },
                { "id": "redeem", "service": "Points", "operation": "redeem", "compensation": "giveBack" }
              ]
            }
          },
          { "id": "tell", "service": "Mail", "operation": "send" }
        ]
      }
      """
    When "Points.redeem" is called
    And the workflow runs
    Then the workflow is rolled back
    And "Mail.unstamp" is executed 1 time
    And "Points.giveBack" is never executed
    And no effect remains

  @orchestration-3 @resilience-3
  Scenario: An undo that the breaker refuses is tried again when it lets calls through
    Given a service "Pay"
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "charge", "service": "Pay", "operation": "charge", "compensation": "refund" },
          { "id": "check", "service": "Pay", "operation": "check" }
        ]
      }
      """
    And "Pay.check" fails with "CONNECTION_RESET"
    And a circuit breaker on "Pay":
      | field            | value        |
      | failureThreshold | 1            |
      | recovery         | 1 min        |
      | fallback         | {"ok": true} |
    When the workflow runs
    Then the workflow is rolled back
    And "Pay.refund" is executed 1 time
    And it takes 1 min
    And no effect remains

  @orchestration-2 @resilience-3
  Scenario: A fallback call that the breaker refuses does not recover its step
    Given a service "Pay"
    And a service "Spare"
    And a circuit breaker on "Spare":
      | field            | value        |
      | failureThreshold | 1            |
      | recovery         | 1 h          |
      | fallback         | {"ok": true} |
    And "Spare.ping" fails 1 time with "CONNECTION_RESET"
    And "Pay.charge" fails with "PERMANENT_ERROR"
    And the workflow:
      """json
      {
        "id": "buy",
        "steps": [{ "id": "charge", "service": "Pay", "operation": "charge", "recover": ["Spare.charge"] }]
      }
      """
    When "Spare.ping" is called
    And the workflow runs
    Then the workflow is rolled back
    And "Spare.charge" is never executed
