Feature: Orders
  An order reserves stock and charges a card. What fails is undone.

  Background:
    Given the services from "shop"
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "reserve", "service": "Stock", "operation": "reserve", "compensation": "release" },
          { "id": "pay", "service": "Payments", "operation": "charge", "compensation": "refund" }
        ]
      }
      """

  Scenario: An order is paid
    When the workflow runs
    Then the workflow completes
    And it takes 170 ms

  Scenario: A card is declined, and the stock is released
    Given "Payments.charge" fails with "CARD_DECLINED"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "CARD_DECLINED" from "Payments.charge"
    And these compensations run in order:
      | Stock.release |
    And no effect remains

  Scenario: A network that times out twice is tried again
    Given "Payments.charge" fails 2 times with "NETWORK_TIMEOUT"
    And every call is retried up to 3 times
    When the workflow runs
    Then the workflow completes
    And "Payments.charge" waits "100 ms, 200 ms" between executions
