Feature: Workflows within workflows
  A step may run another workflow in place of a call. Its data is that of the
  run it makes, its failure is undone inside before it is undone outside.

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
    And the workflow:
      """json
      {
        "id": "settlement",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" },
          { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund",
            "input": { "amount": "${/input/amount}" } }
        ]
      }
      """
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "place", "service": "Orders", "operation": "place", "compensation": "withdraw" },
          { "id": "settle", "workflow": "settlement", "input": { "amount": "${/input/total}" } },
          { "id": "confirm", "service": "Orders", "operation": "confirm", "compensation": "revoke",
            "input": { "charge": "${/settle/charge/id}", "of": "${/settle/charge/amount}" } }
        ]
      }
      """

  @orchestration-19
  Scenario: A step runs a workflow, and its data is the run's
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
  Scenario: A failure inside compensates inside, then outside
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
  Scenario: A failure outside undoes what was completed inside
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
  Scenario: The state of what is undone inside can be read while it is
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
  Scenario: A compensation of its own takes the place of undoing inside
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
  Scenario: A compensation that fails inside fails the whole, and the rest still run
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
  Scenario: The deadline of the run reaches the workflows within it
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
  Scenario: The deadline of a workflow within counts from its own start
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
  Scenario: A cancelled run cancels what runs within it
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
  Scenario: An optional workflow that fails leaves the run degraded
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
  Scenario: A workflow within that is degraded leaves the run degraded
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
  Scenario: What is kept inside is undone with the run around it
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
  Scenario: What is kept inside goes on when the run around it is resumed
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
  Scenario: What was undone inside is done anew when the run around it is resumed
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
  Scenario Outline: A crash <point> step <step> is survived inside and outside
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

  @orchestration-19
  Scenario Outline: A crash <point> the compensation of step <step> is survived inside and outside
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
  Scenario: A crash inside while it is cancelled does not make it go on
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

  @orchestration-19
  Scenario: A crash behind the end of what was cancelled inside does not hold it up
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

  @orchestration-19
  Scenario: A service that has left does not keep the rest from being undone
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
  Scenario: A compensation that failed inside is not forgotten for a second chance
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
    Then the workflow fails with "ORDER_CLOSED"
    And these compensations run in order:
      | Stock.release   |
      | Payments.refund |
      | Stock.release   |
      | Orders.withdraw |

  @orchestration-8 @orchestration-19
  Scenario: A workflow within that was too slow side by side gets its second chance
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
  Scenario: A degraded workflow within is undone with the run around it
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
  Scenario: What ran after a workflow within is undone before what ran inside
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
  Scenario: Workflows side by side that undo themselves are told in the order in which they do
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

  @orchestration-13 @orchestration-19
  Scenario: A crash is told apart from one at a step of the same name around it
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

  @orchestration-19
  Scenario: Every run that undid itself is told
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

  @orchestration-19
  Scenario: Four workflows lie within each other, a fifth is refused
    Given the workflow:
      """json
      { "id": "fourth", "steps": [ { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" } ] }
      """
    And the workflow:
      """json
      { "id": "third", "steps": [ { "id": "inner", "workflow": "fourth" } ] }
      """
    And the workflow:
      """json
      { "id": "second", "steps": [ { "id": "inner", "workflow": "third" } ] }
      """
    And the workflow:
      """json
      { "id": "first", "steps": [ { "id": "inner", "workflow": "second" }, { "id": "confirm", "service": "Orders", "operation": "confirm" } ] }
      """
    And "Orders.confirm" fails with "ORDER_CLOSED"
    And the orchestrator crashes during step "inner/inner/inner/hold"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow is rolled back
    And these compensations run in order:
      | Stock.release |
    And the outcome has:
      | path                  | value                  |
      | /compensations/0/step | inner/inner/inner/hold |
      | /compensations/1/step | inner/inner/inner      |
      | /compensations/3/step | inner                  |
    And the state of run "first-1/inner/inner/inner" has:
      | path    | value       |
      | /status | rolled_back |
    Given the workflow:
      """json
      { "id": "zeroth", "steps": [ { "id": "inner", "workflow": "first" } ] }
      """
    When the workflow runs
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "/steps/0/workflow/steps/0/workflow/steps/0/workflow/steps/0/workflow" and says "zeroth → first → second → third → fourth"

  @orchestration-19
  Scenario: Workflows that run each other are refused
    Given the workflow:
      """json
      { "id": "chicken", "steps": [ { "id": "lay", "workflow": "egg" } ] }
      """
    And the workflow:
      """json
      { "id": "egg", "steps": [ { "id": "hatch", "workflow": "chicken" } ] }
      """
    When the workflow runs
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "/steps/0/workflow/steps/0/workflow" and says "egg → chicken → egg"

  @orchestration-19
  Scenario Outline: A step with <fault> is refused before any call
    Given the workflow:
      """json
      { "id": "faulty", "steps": [ { "id": "place", "service": "Orders", "operation": "place" }, <step> ] }
      """
    When the workflow runs
    Then the workflow is refused with "<code>"
    And the refusal names "<pointer>" and says "<text>"
    And "Orders.place" is never executed

    Examples:
      | fault                         | step                                                                                                                                          | code              | pointer                              | text                            |
      | an unknown workflow           | {"id": "settle", "workflow": "setlement"}                                                                                                     | INVALID_WORKFLOW  | /steps/1/workflow                    | setlement                       |
      | nothing to do                 | {"id": "settle"}                                                                                                                              | INVALID_WORKFLOW  | /steps/1                             | nor a workflow to run           |
      | a service without operation   | {"id": "settle", "service": "Stock"}                                                                                                          | INVALID_WORKFLOW  | /steps/1                             | nor a workflow to run           |
      | a workflow and a call         | {"id": "settle", "workflow": "settlement", "service": "Stock", "operation": "hold"}                                                           | INVALID_WORKFLOW  | /steps/1/service                     | is for steps that call          |
      | a workflow and retries        | {"id": "settle", "workflow": "settlement", "retry": {"maxRetries": 2}}                                                                        | INVALID_WORKFLOW  | /steps/1/retry                       | is for steps that call          |
      | a workflow and an operation   | {"id": "settle", "workflow": "settlement", "operation": "hold"}                                                                               | INVALID_WORKFLOW  | /steps/1/operation                   | is for steps that call          |
      | a workflow and a time-out     | {"id": "settle", "workflow": "settlement", "timeout": "2s"}                                                                                   | INVALID_WORKFLOW  | /steps/1/timeout                     | is for steps that call          |
      | a workflow and a recovery     | {"id": "settle", "workflow": "settlement", "recover": ["Stock.hold"]}                                                                         | INVALID_WORKFLOW  | /steps/1/recover                     | is for steps that call          |
      | a workflow partly effective   | {"id": "settle", "workflow": "settlement", "partiallyEffective": true}                                                                        | INVALID_WORKFLOW  | /steps/1/partiallyEffective          | is for steps that call          |
      | an id like a repeated run's   | {"id": "settle~2", "workflow": "settlement"}                                                                                                  | INVALID_WORKFLOW  | /steps/1/id                          | has a tilde                     |
      | a compensation of no service  | {"id": "settle", "workflow": "settlement", "compensation": "undo"}                                                                            | INVALID_WORKFLOW  | /steps/1/compensation                | names no service                |
      | an unknown service within     | {"id": "settle", "workflow": {"id": "inner", "steps": [{"id": "a", "service": "Stocks", "operation": "hold"}]}}                               | SERVICE_NOT_FOUND | /steps/1/workflow/steps/0/service    | Stock                           |
      | a cycle within                | {"id": "settle", "workflow": {"id": "inner", "steps": [{"id": "a", "service": "Stock", "operation": "hold", "dependencies": ["a"]}]}}         | INVALID_WORKFLOW  | /steps/1/workflow/steps/0/dependencies | a → a                         |
