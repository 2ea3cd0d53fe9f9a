@needs-json-schema
Feature: Deadlines, cancellation and retries of nested workflows
  A parent run that is late, cancelled, interrupted or retried takes its child runs along: no child
  continues without its parent, and no effect of a child happens twice.

  Background:
    Given a service "Orders"
    And a service "Payments"
    And a service "Stock"
    And "Orders.place" takes 10 ms
    And "Stock.hold" takes 20 ms
    And "Payments.charge" takes 30 ms
    And "Orders.confirm" takes 40 ms
    And "Payments.charge" replies:
      """json
      { "id": "charge-7", "amount": 120 }
      """
    And the workflow "order"

  @orchestration-19
  Scenario: The parent's deadline applies to its child runs
    Given the workflow must finish within 45 ms
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    Then the workflow is rolled back
    And it takes 45 ms
    And the error is "WORKFLOW_TIMEOUT" from "Payments.charge"
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
      | Orders.withdraw |

  @orchestration-19
  Scenario: A nested workflow's deadline counts from its own start
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "place", "service": "Orders", "operation": "place" },
          { "id": "settle", "input": { "amount": 120 },
            "workflow": {
              "id": "quick",
              "deadline": "25ms",
              "steps": [
                { "id": "hold", "service": "Stock", "operation": "hold" },
                { "id": "charge", "service": "Payments", "operation": "charge" }
              ]
            } }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And it takes 35 ms
    And the error is "WORKFLOW_TIMEOUT" from "Payments.charge"

  @orchestration-19
  Scenario: A cancelled run cancels its child runs
    When the workflow starts with:
      """json
      { "total": 120 }
      """
    And 15 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And "Stock.hold" is executed 1 time
    And "Payments.charge" is never executed
    And these compensations run in order:
      | Stock.release   |
      | Orders.withdraw |
    And the state of run "order-1/settle" has:
      | path    | value     |
      | /status | cancelled |

  @orchestration-19
  Scenario: A child's partial result is undone with its parent
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "settle",
            "workflow": {
              "id": "patient",
              "onFailure": "keep",
              "steps": [
                { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" },
                { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund" }
              ]
            } }
        ]
      }
      """
    And "Payments.charge" fails with "CARD_DECLINED"
    When the workflow runs
    Then the workflow is rolled back
    And the error is "CARD_DECLINED" from "Payments.charge"
    And these compensations run in order:
      | Stock.release |
    And no effect remains

  @orchestration-19
  Scenario: A child's partial result is resumed with its parent
    Given the workflow:
      """json
      {
        "id": "order",
        "onFailure": "keep",
        "steps": [
          { "id": "settle",
            "workflow": {
              "id": "patient",
              "onFailure": "keep",
              "steps": [
                { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" },
                { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund" }
              ]
            } },
          { "id": "confirm", "service": "Orders", "operation": "confirm" }
        ]
      }
      """
    And "Payments.charge" fails 1 time with "CARD_DECLINED"
    When the workflow runs
    Then the workflow is interrupted
    And the state of run "order-1/settle" has:
      | path    | value       |
      | /status | interrupted |
    When the workflow resumes
    Then the workflow completes
    And it takes 70 ms
    And "Stock.hold" is executed 1 time
    And "Payments.charge" is executed 2 times
    And no effect happens twice

  @orchestration-19
  Scenario: A child run that was undone is replaced when its parent is resumed
    Given the workflow keeps on failure
    And "Payments.charge" fails 1 time with "CARD_DECLINED"
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    Then the workflow is interrupted
    When the workflow resumes
    Then the workflow completes
    And "Stock.hold" is executed 2 times
    And "Orders.place" is executed 1 time
    And the state of run "order-1/settle" has:
      | path    | value       |
      | /status | rolled_back |
    And the state of run "order-1/settle~2" has:
      | path    | value     |
      | /status | completed |
    And the timeline has, in order:
      | event  | operation | key                   |
      | effect | hold      | order-1/settle/hold   |
      | effect | release   | order-1/settle/hold:undo |
      | effect | hold      | order-1/settle~2/hold |
    And no effect happens twice

  @orchestration-19
  Scenario: A compensation that failed in a child run is taken up before a sequential retry
    Given the workflow:
      """json
      {
        "id": "order",
        "onParallelFailure": "sequential",
        "steps": [
          { "id": "place", "service": "Orders", "operation": "place", "compensation": "withdraw", "dependencies": [] },
          { "id": "settle", "workflow": "settlement", "input": { "amount": 120 }, "dependencies": [] },
          { "id": "confirm", "service": "Orders", "operation": "confirm" }
        ]
      }
      """
    And "Payments.charge" fails 1 time with "CARD_DECLINED"
    And "Stock.release" fails 1 time with "PERMANENT_ERROR"
    And "Orders.confirm" fails with "ORDER_CLOSED"
    When the workflow runs with:
      """json
      { "amount": 120 }
      """
    Then the workflow is rolled back
    And the error is "ORDER_CLOSED" from "Orders.confirm"
    And the calls are:
      | call            | result          |
      | Orders.place    | ok              |
      | Stock.hold      | ok              |
      | Payments.charge | CARD_DECLINED   |
      | Stock.release   | PERMANENT_ERROR |
      | Stock.release   | ok              |
      | Stock.hold      | ok              |
      | Payments.charge | ok              |
      | Orders.confirm  | ORDER_CLOSED    |
      | Payments.refund | ok              |
      | Stock.release   | ok              |
      | Orders.withdraw | ok              |
    And no effect remains

  @orchestration-8 @orchestration-19
  Scenario: A nested workflow that was too slow in parallel is retried sequentially
    Given the workflow:
      """json
      {
        "id": "order",
        "deadline": "1s",
        "onParallelFailure": "sequential",
        "steps": [
          { "id": "place", "service": "Orders", "operation": "place", "dependencies": [] },
          { "id": "settle", "dependencies": [],
            "workflow": {
              "id": "quick", "deadline": "25ms",
              "steps": [ { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" } ]
            } }
        ]
      }
      """
    And "Stock.hold" answers:
      | execution | answer         |
      | 1         | after 30 ms ok |
    When the workflow runs
    Then the workflow completes
    And it takes 45 ms
    And "Stock.hold" is executed 2 times

  @orchestration-19
  Scenario: The outcome has the compensations of every child run that undid itself
    Given the workflow keeps on failure
    And "Payments.charge" fails with "CARD_DECLINED"
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    And the workflow resumes
    Then the workflow is interrupted
    And these compensations run in order:
      | Stock.release |
      | Stock.release |
