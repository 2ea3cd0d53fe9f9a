@needs-json-schema
Feature: Nested workflows
  A step may run another workflow instead of making a call. The data of this child run is
  the step's reply; on failure, the child is undone before its parent.

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
  Scenario: A step runs a workflow and gets its data as reply
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    Then the workflow completes
    And it takes 100 ms
    And the calls are:
      | at    | call            | took  | result |
      | 0 ms  | Orders.place    | 10 ms | ok     |
      | 10 ms | Stock.hold      | 20 ms | ok     |
      | 30 ms | Payments.charge | 30 ms | ok     |
      | 60 ms | Orders.confirm  | 40 ms | ok     |
    And the timeline has, in order:
      | event            | call            | workflow   | run            | step   | status    | input                               |
      | workflow_started |                 | order      | order-1        |        | running   |                                     |
      | step_started     |                 |            | order-1        | settle | running   |                                     |
      | workflow_started |                 | settlement | order-1/settle |        | running   |                                     |
      | call_started     | Payments.charge |            | order-1/settle | charge |           | {"amount": 120}                     |
      | workflow_ended   |                 | settlement | order-1/settle |        | completed |                                     |
      | step_ended       |                 |            | order-1        | settle | completed |                                     |
      | call_started     | Orders.confirm  |            | order-1        |        |           | {"charge": "charge-7", "of": 120}   |
      | workflow_ended   |                 | order      | order-1        |        | completed |                                     |
    And the outcome has:
      | path                       | value      |
      | /steps/1/workflow          | settlement |
      | /steps/1/call              |            |
      | /steps/1/took              | 50 ms      |
      | /data/settle/input         | {"amount": 120} |
      | /data/settle/charge/amount | 120        |
    And the state of run "order-1/settle" has:
      | path       | value              |
      | /status    | completed          |
      | /completed | ["hold", "charge"] |

  @orchestration-19
  Scenario: A failure in a child run undoes the child, then its parent
    Given "Payments.charge" fails with "CARD_DECLINED"
    And "Stock.release" takes 5 ms
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    Then the workflow is rolled back
    And it takes 65 ms
    And the error is "CARD_DECLINED" from "Payments.charge"
    And these compensations run in order:
      | Stock.release   |
      | Orders.withdraw |
    And "Orders.confirm" is never executed
    And no effect remains
    And the outcome has:
      | path              | value         |
      | /steps/0/status   | compensated   |
      | /steps/1/status   | failed        |
      | /steps/2/status   | skipped       |
    And the state of run "order-1/settle" has:
      | path         | value       |
      | /status      | rolled_back |
      | /compensated | ["hold"]    |

  @orchestration-19
  Scenario: A failure in the parent undoes the completed child run
    Given "Orders.confirm" fails with "ORDER_CLOSED"
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    Then the workflow is rolled back
    And the error is "ORDER_CLOSED" from "Orders.confirm"
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
      | Orders.withdraw |
    And no effect remains
    And the timeline has, in order:
      | event                | run            | step   | status      | call            | result |
      | compensation_started | order-1        | settle |             |                 |        |
      | workflow_resumed     | order-1/settle |        | running     |                 |        |
      | compensation_started | order-1/settle | charge |             | Payments.refund |        |
      | compensation_started | order-1/settle | hold   |             | Stock.release   |        |
      | workflow_ended       | order-1/settle |        | rolled_back |                 |        |
      | compensation_ended   | order-1        | settle |             |                 | ok     |
      | compensation_started | order-1        | place  |             | Orders.withdraw |        |
      | workflow_ended       | order-1        |        | rolled_back |                 |        |
    And the state of run "order-1/settle" has:
      | path         | value              |
      | /status      | rolled_back        |
      | /compensated | ["hold", "charge"] |
    And the outcome matches the snapshot

  @orchestration-16 @orchestration-19
  Scenario: The state of a child run can be read while it is undone
    Given "Orders.confirm" fails with "ORDER_CLOSED"
    And "Payments.refund" takes 10 ms
    When the workflow starts with:
      """json
      { "total": 120 }
      """
    And 105 ms pass
    Then the state of run "order-1/settle" has:
      | path       | value    |
      | /status    | running  |
      | /elapsed   | 95 ms    |
      | /completed | ["hold"] |
    When the workflow ends
    Then the workflow is rolled back

  @orchestration-19
  Scenario: A step's compensation replaces undoing its child run
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "settle", "workflow": "settlement", "compensation": "Payments.reverseSettlement",
            "input": { "amount": 120 } },
          { "id": "confirm", "service": "Orders", "operation": "confirm" }
        ]
      }
      """
    And "Orders.confirm" fails with "ORDER_CLOSED"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Payments.reverseSettlement |
    And the timeline has, in order:
      | event        | call                       | input                                                                                                                            |
      | call_started | Payments.reverseSettlement | {"input": {"amount": 120}, "reply": {"input": {"amount": 120}, "hold": {}, "charge": {"id": "charge-7", "amount": 120}}} |

  @orchestration-19
  Scenario: A compensation that fails in a child run fails the parent, and the others still run
    Given "Payments.charge" fails with "CARD_DECLINED"
    And "Stock.release" fails with "PERMANENT_ERROR"
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    Then the workflow fails with "CARD_DECLINED"
    And these compensations run in order:
      | Stock.release   |
      | Orders.withdraw |
    And "Stock.release" is executed 1 time
    And the outcome has:
      | path                        | value               |
      | /steps/0/status             | compensated         |
      | /steps/1/status             | compensation_failed |
      | /error/code                 | CARD_DECLINED       |
      | /compensations/0/step       | settle/hold         |
      | /compensations/0/call       | Stock.release       |
      | /compensations/0/error/code | PERMANENT_ERROR     |
      | /compensations/1/step       | settle              |
      | /compensations/1/call       |                     |
      | /compensations/1/error/code | PERMANENT_ERROR     |
      | /compensations/2/step       | place               |

  @orchestration-19
  Scenario: An optional nested workflow that fails degrades the run
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "place", "service": "Orders", "operation": "place", "compensation": "withdraw" },
          { "id": "settle", "workflow": "settlement", "optional": true, "input": { "amount": 120 } },
          { "id": "confirm", "service": "Orders", "operation": "confirm" }
        ]
      }
      """
    And "Payments.charge" fails with "CARD_DECLINED"
    When the workflow runs
    Then the workflow is degraded
    And these compensations run in order:
      | Stock.release |
    And the steps run in this order:
      | place   |
      | confirm |

  @orchestration-19
  Scenario: A degraded nested workflow degrades the run
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "settle",
            "workflow": {
              "id": "lenient",
              "steps": [ { "id": "hold", "service": "Stock", "operation": "hold", "optional": true } ]
            } },
          { "id": "confirm", "service": "Orders", "operation": "confirm" }
        ]
      }
      """
    And "Stock.hold" fails with "OUT_OF_STOCK"
    When the workflow runs
    Then the workflow is degraded
    And the state of run "order-1/settle" has:
      | path    | value    |
      | /status | degraded |

  @orchestration-19
  Scenario: A removed service does not stop the other compensations
    Given "Orders.confirm" fails with "ORDER_CLOSED"
    When the workflow starts with:
      """json
      { "total": 120 }
      """
    And 70 ms pass
    And "Stock" is removed
    And the workflow ends
    Then the workflow fails with "ORDER_CLOSED"
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
      | Orders.withdraw |
    And the outcome has:
      | path                        | value             |
      | /steps/0/status             | compensated       |
      | /compensations/1/step       | settle/hold       |
      | /compensations/1/error/code | SERVICE_NOT_FOUND |

  @orchestration-19
  Scenario: A degraded child run is undone with its parent
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "settle",
            "workflow": {
              "id": "lenient",
              "steps": [
                { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" },
                { "id": "charge", "service": "Payments", "operation": "charge", "optional": true }
              ]
            } },
          { "id": "confirm", "service": "Orders", "operation": "confirm" }
        ]
      }
      """
    And "Payments.charge" fails with "CARD_DECLINED"
    And "Orders.confirm" fails with "ORDER_CLOSED"
    When the workflow runs
    Then the workflow is rolled back
    And no effect remains

  @orchestration-3 @orchestration-19
  Scenario: Steps after a nested workflow are undone before its steps
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "settle", "workflow": "settlement", "input": { "amount": 120 } },
          { "id": "confirm", "service": "Orders", "operation": "confirm", "compensation": "revoke" },
          { "id": "close", "service": "Orders", "operation": "close" }
        ]
      }
      """
    And "Orders.close" fails with "ORDER_CLOSED"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Orders.revoke   |
      | Payments.refund |
      | Stock.release   |

  @orchestration-19
  Scenario: Compensations of parallel child runs are listed in the order they started
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "slow", "optional": true, "dependencies": [],
            "workflow": {
              "id": "slow",
              "steps": [
                { "id": "confirm", "service": "Orders", "operation": "confirm", "compensation": "revoke" },
                { "id": "close", "service": "Orders", "operation": "close" }
              ]
            } },
          { "id": "quick", "workflow": "settlement", "input": { "amount": 120 }, "optional": true, "dependencies": [] }
        ]
      }
      """
    And "Payments.charge" fails with "CARD_DECLINED"
    And "Orders.close" takes 100 ms
    And "Orders.close" fails with "ORDER_CLOSED"
    When the workflow runs
    Then the workflow is degraded
    And these compensations run in order:
      | Stock.release |
      | Orders.revoke |
