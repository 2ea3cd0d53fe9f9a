@needs-json-schema
Feature: Crashes in nested workflows
  An orchestrator that crashes during a child run leaves a journal of both runs. The next
  process continues each where it stopped.

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
  Scenario Outline: Parent and child run are finished after a crash <point> step <step>
    Given the orchestrator crashes <point> step "<step>"
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    And the orchestrator restarts
    Then the workflow completes
    And "<call>" is executed <times> time
    And no effect happens twice

    Examples:
      | point  | step          | call            | times |
      | before | settle        | Stock.hold      | 1     |
      | before | settle/charge | Payments.charge | 1     |
      | during | settle/charge | Payments.charge | 2     |
      | after  | settle/charge | Payments.charge | 1     |
      | during | settle        | Payments.charge | 1     |
      | after  | settle        | Payments.charge | 1     |

  @orchestration-19 @needs-sqlite
  Scenario Outline: Parent and child run are undone after a crash <point> the compensation of step <step>
    Given "Orders.confirm" fails with "ORDER_CLOSED"
    And the orchestrator crashes <point> the compensation of step "<step>"
    And the journal is kept in a file
    When the workflow runs with:
      """json
      { "total": 120 }
      """
    And the orchestrator restarts
    Then the workflow is rolled back
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
      | Orders.withdraw |
    And no effect happens twice
    And no effect remains

    Examples:
      | point  | step          |
      | before | settle        |
      | before | settle/charge |
      | during | settle/charge |
      | after  | settle/charge |
      | during | settle/hold   |
      | during | settle        |
      | after  | settle        |

  @orchestration-19
  Scenario: A cancelled child run stays cancelled after a crash
    Given the orchestrator crashes during step "settle/hold"
    When the workflow starts with:
      """json
      { "total": 120 }
      """
    And 15 ms pass
    And cancellation is requested
    And 20 ms pass
    And the orchestrator restarts
    Then the workflow is cancelled
    And "Payments.charge" is never executed
    And no effect remains

  @orchestration-19 @needs-sqlite
  Scenario: A crash after a cancelled child run ended does not stop the cancellation
    Given the orchestrator crashes during step "settle"
    And the journal is kept in a file
    When the workflow starts with:
      """json
      { "total": 120 }
      """
    And 15 ms pass
    And cancellation is requested
    And 20 ms pass
    And the orchestrator restarts
    Then the workflow is cancelled
    And "Payments.charge" is never executed
    And these compensations run in order:
      | Stock.release   |
      | Orders.withdraw |
    And no effect remains

  @orchestration-13 @orchestration-19
  Scenario: A crash in a child run is not confused with a parent step of the same name
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold" },
          { "id": "settle", "workflow": "settlement", "input": { "amount": 120 } }
        ]
      }
      """
    And the orchestrator crashes before step "settle/hold"
    When the workflow runs
    Then it takes 20 ms
    When the orchestrator restarts
    Then the workflow completes
    And the timeline has, in order:
      | event            | run            | status  |
      | workflow_started | order-1        | running |
      | workflow_started | order-1/settle | running |
      | workflow_resumed | order-1        | running |
      | workflow_resumed | order-1/settle | running |
