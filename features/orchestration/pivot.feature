Feature: The point of no return
  One step of a workflow can be its pivot. Until it has completed, a workflow that fails is undone; from
  then on nothing is undone: it can only go forward.

  Background:
    Given a service "Stock"
    And a service "Payments"
    And a service "Carrier"
    And "Stock.reserve" takes 1 s
    And "Payments.charge" takes 1 s
    And "Carrier.ship" takes 1 s
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "reserve", "service": "Stock", "operation": "reserve", "compensation": "release" },
          { "id": "charge", "service": "Payments", "operation": "charge", "compensation": "refund", "pivot": true },
          { "id": "ship", "service": "Carrier", "operation": "ship", "compensation": "recall" }
        ]
      }
      """

  @orchestration-23
  Scenario: A failure before the pivot undoes the order
    Given "Payments.charge" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Stock.release |

  @orchestration-23
  Scenario: A pivot in doubt has not completed, and is undone
    Given "Payments.charge" hangs 1 time
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |

  @orchestration-23
  Scenario: A failure behind the pivot undoes nothing, and the order goes forward once it is resumed
    Given "Carrier.ship" fails 1 time with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is interrupted
    And no compensation runs
    And the error is "PERMANENT_ERROR" from "Carrier.ship"
    When the workflow resumes
    Then the workflow completes
    And these effects remain:
      | call            | key             | times |
      | Stock.reserve   | order-1/reserve | 1     |
      | Payments.charge | order-1/charge  | 1     |
      | Carrier.ship    | order-1/ship    | 1     |

  @orchestration-23
  Scenario: A step in doubt behind the pivot is not undone, but done again
    Given "Carrier.ship" answers:
      | execution | answer |
      | 1         | lost   |
      | 2         | ok     |
    When the workflow runs
    Then the workflow is interrupted
    When the workflow resumes
    Then the workflow completes
    And these effects remain:
      | call            | key             | times |
      | Stock.reserve   | order-1/reserve | 1     |
      | Payments.charge | order-1/charge  | 1     |
      | Carrier.ship    | order-1/ship    | 1     |

  @orchestration-23
  Scenario Outline: The deadline counts up to the pivot: <deadline> are <enough>
    Given the workflow must finish within <deadline>
    When the workflow runs
    Then the workflow <ends>

    Examples:
      | deadline | enough     | ends           |
      | 2500 ms  | enough     | completes      |
      | 2 s      | enough     | completes      |
      | 1500 ms  | not enough | is rolled back |

  @orchestration-22 @orchestration-23
  Scenario Outline: The deadline does not end a wait for <what> that outlasts the pivot
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "charge", "service": "Payments", "operation": "charge", "pivot": true },
          { "id": "pickup", "dependencies": [], "wait": <wait> }
        ]
      }
      """
    And the workflow must finish within 2 s
    When the workflow runs
    Then the workflow <ends>
    And it takes 20 s
    And the timeline has, in order:
      | at   | event        | step   | until | result   |
      | 0 ms | wait_started | pickup | 2 s   |          |
      | 20 s | wait_ended   | pickup |       | <result> |

    Examples:
      | what     | wait                                         | ends           | result       |
      | a time   | "20 s"                                       | completes      | ok           |

    @needs-messaging
    Examples:
      | what     | wait                                         | ends           | result       |
      | an event | { "event": "PickedUp", "timeout": "20 s" }   | is interrupted | WAIT_TIMEOUT |

  @orchestration-23
  Scenario: A step beside the pivot fails while the pivot completes
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "reserve", "service": "Stock", "operation": "reserve", "compensation": "release" },
          { "id": "charge", "service": "Payments", "operation": "charge", "dependencies": ["reserve"], "pivot": true },
          { "id": "ship", "service": "Carrier", "operation": "ship", "dependencies": ["reserve"] }
        ]
      }
      """
    And "Carrier.ship" takes 100 ms
    And "Carrier.ship" fails 1 time with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is interrupted
    And no compensation runs
    When the workflow resumes
    Then the workflow completes

  @orchestration-23
  Scenario: A cancellation before the pivot undoes the order
    When the workflow starts
    And 500 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is cancelled
    And these compensations run in order:
      | Stock.release |

  @orchestration-23
  Scenario: A cancellation that comes while the pivot is at work comes too late to undo it
    When the workflow starts
    And 1500 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is interrupted
    And no compensation runs
    And "Carrier.ship" is never executed
    When the workflow resumes
    Then the workflow completes

  @orchestration-23
  Scenario: A run that was cancelled too late and is resumed runs the workflows within, too
    Given the workflow:
      """json
      {
        "id": "parent",
        "steps": [
          { "id": "charge", "service": "Payments", "operation": "charge", "pivot": true },
          { "id": "reserve", "workflow": { "id": "hold", "steps": [ { "id": "reserve", "service": "Stock", "operation": "reserve" } ] } }
        ]
      }
      """
    When the workflow starts
    And 500 ms pass
    And cancellation is requested
    And the workflow ends
    Then the workflow is interrupted
    When the workflow resumes
    Then the workflow completes
    And "Stock.reserve" is executed 1 time

  @orchestration-23
  Scenario Outline: A crash <moment> the pivot's step changes nothing
    Given the orchestrator crashes <moment> step "charge"
    And "Carrier.ship" fails 1 time with "PERMANENT_ERROR"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow is interrupted
    And no compensation runs
    And these effects remain:
      | call            | key             | times |
      | Stock.reserve   | order-1/reserve | 1     |
      | Payments.charge | order-1/charge  | 1     |

    Examples:
      | moment                     |
      | before                     |
      | before the service acts in |
      | after the service acts in  |
      | during                     |
      | after                      |

  @orchestration-23
  Scenario: A run that crashes too often behind its pivot is interrupted, not undone
    Given the workflow is recovered up to 0 times
    And the orchestrator crashes before step "ship"
    When the workflow runs
    And the orchestrator restarts
    Then the workflow is interrupted
    And no compensation runs
    And the outcome has:
      | path        | value              |
      | /error/code | RECOVERY_EXHAUSTED |
    When the workflow resumes
    Then the workflow completes

  @orchestration-23
  Scenario: A run that is resumed may be recovered as often again
    Given the workflow is recovered up to 1 time
    And the orchestrator crashes before step "ship" on its 1st execution
    And the orchestrator crashes before step "ship" on its 2nd execution
    And the orchestrator crashes before step "ship" on its 3rd execution
    When the workflow runs
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow is interrupted
    When the workflow resumes
    And the orchestrator restarts
    Then the workflow completes

  @orchestration-23
  Scenario: An optional step that may have acted behind the pivot is not undone
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "charge", "service": "Payments", "operation": "charge", "pivot": true },
          { "id": "ship", "service": "Carrier", "operation": "ship", "compensation": "recall", "optional": true }
        ]
      }
      """
    And "Carrier.ship" answers:
      | execution | answer |
      | 1         | lost   |
    When the workflow runs
    Then the workflow is degraded
    And no compensation runs

  @orchestration-23
  Scenario: The pivot of a workflow within is that of its parent
    Given the workflow:
      """json
      {
        "id": "parent",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "free" },
          { "id": "order", "workflow": "order" },
          { "id": "thank", "service": "Carrier", "operation": "thank" }
        ]
      }
      """
    And "Carrier.ship" fails 1 time with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is interrupted
    And no compensation runs
    When the workflow resumes
    Then the workflow completes
    And these effects remain:
      | call            | key                    | times |
      | Stock.hold      | parent-1/hold          | 1     |
      | Stock.reserve   | parent-1/order/reserve | 1     |
      | Payments.charge | parent-1/order/charge  | 1     |
      | Carrier.ship    | parent-1/order/ship    | 1     |
      | Carrier.thank   | parent-1/thank         | 1     |

  @orchestration-23
  Scenario: A failure before the pivot of a workflow within undoes both
    Given the workflow:
      """json
      {
        "id": "parent",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "free" },
          { "id": "order", "workflow": "order" }
        ]
      }
      """
    And "Payments.charge" fails with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is rolled back
    And these compensations run in order:
      | Stock.release |
      | Stock.free    |

  @orchestration-23
  Scenario: A parent that fails while the workflow within is past its pivot leaves both interrupted
    Given the workflow:
      """json
      {
        "id": "parent",
        "steps": [
          { "id": "order", "workflow": "order", "dependencies": [] },
          { "id": "audit", "service": "Stock", "operation": "audit", "dependencies": [] }
        ]
      }
      """
    And "Stock.audit" takes 2500 ms
    And "Stock.audit" fails 1 time with "PERMANENT_ERROR"
    When the workflow runs
    Then the workflow is interrupted
    And no compensation runs
    And the error is "PERMANENT_ERROR" from "Stock.audit"
    When the workflow resumes
    Then the workflow completes

  @orchestration-23
  Scenario Outline: <fault> is refused before any call
    Given the workflow:
      """json
      { "id": "within", "steps": [ { "id": "charge", "service": "Payments", "operation": "charge", "pivot": true } ] }
      """
    And the workflow:
      """json
      { "id": "order", "steps": [ { "id": "first", "service": "Stock", "operation": "reserve", "pivot": true }, <step> ] }
      """
    When the workflow runs
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "<pointer>" and says "<text>"
    And "Stock.reserve" is never executed

    Examples:
      | fault                                      | step                                                                                     | pointer           | text                   |
      | A second pivot                             | { "id": "second", "service": "Carrier", "operation": "ship", "pivot": true }              | /steps/1/pivot    | a workflow has one point of no return |
      | A workflow with a pivot behind the pivot   | { "id": "second", "workflow": "within" }                                                  | /steps/1/workflow | is a second pivot      |

  @orchestration-23
  Scenario Outline: A pivot that is optional is refused before any call: <pivot>
    Given the workflow:
      """json
      { "id": "within", "steps": [ { "id": "charge", "service": "Payments", "operation": "charge", "pivot": true } ] }
      """
    And the workflow:
      """json
      { "id": "order", "steps": [ <step> ] }
      """
    When the workflow runs
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "/steps/0/optional" and says "cannot be optional"

    Examples:
      | pivot      | step                                                                                          |
      | a call     | { "id": "ship", "service": "Carrier", "operation": "ship", "pivot": true, "optional": true }  |
      | a workflow | { "id": "ship", "workflow": "within", "optional": true }                                      |
