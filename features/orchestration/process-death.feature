@wall-clock @needs-sqlite
Feature: Killed processes
  A killed process cannot clean up. Everything it had journalled is there for the next
  one, which finishes the workflow without repeating an effect.

  Background:
    Given a service "Stock"
    And a service "Payments"
    And a service "Mail"
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" },
          { "id": "pay", "service": "Payments", "operation": "charge", "compensation": "refund",
            "input": { "hold": "${/hold/id}" } },
          { "id": "confirm", "service": "Mail", "operation": "send" }
        ]
      }
      """
    And "Stock.hold" replies:
      """json
      { "id": "h-1" }
      """
    And the journal is kept in a file

  @orchestration-13
  Scenario Outline: The next process finishes the run after a kill <point> step <step>
    When a process runs the workflow and is killed <point> step "<step>"
    Then the state of the workflow has:
      | path    | value   |
      | /status | running |
    When the orchestrator restarts
    Then the workflow completes
    And the steps run in this order:
      | hold    |
      | pay     |
      | confirm |
    And "<call>" is executed <times> time
    And no effect happens twice
    And no compensation runs
    And the timeline has, in order:
      | event                  | run     | status    |
      | workflow_started       | order-1 | running   |
      | orchestrator_crashed   |         |           |
      | orchestrator_restarted |         |           |
      | workflow_resumed       | order-1 | running   |
      | workflow_ended         | order-1 | completed |

    Examples: The step has not begun, so it runs once
      | point  | step    | call            | times |
      | before | hold    | Stock.hold      | 1     |
      | before | pay     | Payments.charge | 1     |
      | before | confirm | Mail.send       | 1     |

    Examples: Nobody knows whether the step is done, so it runs again
      | point  | step    | call            | times |
      | during | hold    | Stock.hold      | 2     |
      | during | pay     | Payments.charge | 2     |
      | during | confirm | Mail.send       | 2     |

    Examples: The step is known to be done, so it never runs again
      | point | step    | call            | times |
      | after | hold    | Stock.hold      | 1     |
      | after | pay     | Payments.charge | 1     |
      | after | confirm | Mail.send       | 1     |

  @orchestration-13
  Scenario Outline: The next process undoes the rest after a kill during the compensation of <step>
    Given "Mail.send" fails with "PERMANENT_ERROR"
    When a process runs the workflow and is killed during the compensation of step "<step>"
    And the orchestrator restarts
    Then the workflow is rolled back
    And the error is "PERMANENT_ERROR" from "Mail.send"
    And these compensations run in order:
      | Payments.refund |
      | Stock.release   |
    And "<call>" is executed 2 times
    And "Mail.send" is executed 1 time
    And no effect happens twice
    And no effect remains

    Examples:
      | step | call            |
      | pay  | Payments.refund |
      | hold | Stock.release   |

  @orchestration-13
  Scenario: Retries run in the process of the services and are known to the next orchestrator
    Given "Payments.charge" fails 1 time with "TRANSIENT_ERROR"
    And every call is retried up to 1 time
    And "Mail.send" fails 2 times with "TRANSIENT_ERROR"
    When a process runs the workflow and is killed after step "confirm"
    Then "Payments.charge" is executed 2 times
    And "Mail.send" is executed 2 times
    When the orchestrator restarts
    Then the workflow is rolled back
    And the outcome has:
      | path              | value |
      | /error/executions | 2     |
    And no effect remains

  @orchestration-13
  Scenario: Parallel steps are interrupted together
    Given the workflow:
      """json
      {
        "id": "spread",
        "steps": [
          { "id": "a", "service": "Stock", "operation": "a", "dependencies": [] },
          { "id": "b", "service": "Payments", "operation": "b", "dependencies": [] },
          { "id": "c", "service": "Mail", "operation": "c", "dependencies": ["a", "b"] }
        ]
      }
      """
    And "Stock.a" takes 100 ms
    And "Payments.b" hangs 1 time
    When a process runs the workflow and is killed during step "a"
    And the orchestrator restarts
    Then the workflow completes
    And "Stock.a" is executed 2 times
    And "Payments.b" is executed 2 times
    And no effect happens twice

  @orchestration-13
  Scenario: The third process finishes the run after two kills
    Given the orchestrator crashes after step "pay"
    When a process runs the workflow and is killed during step "hold"
    And the orchestrator restarts
    And the orchestrator restarts
    Then the workflow completes
    And no effect happens twice

  @orchestration-13
  Scenario: The deadline counts from the start in the killed process
    Given the workflow must finish within 300 ms
    When a process runs the workflow and is killed after step "hold"
    And 300 ms pass
    And the orchestrator restarts
    Then the workflow is rolled back
    And the error is "WORKFLOW_TIMEOUT" from "Payments.charge"
    And "Payments.charge" is never executed
    And these compensations run in order:
      | Stock.release |
    And no effect remains

  @orchestration-13
  Scenario: Both processes use the scenario's clock
    Given the workflow must finish within 500 ms
    When 500 ms pass
    And a process runs the workflow and is killed after step "hold"
    And the orchestrator restarts
    Then the workflow completes

  @orchestration-14
  Scenario: Compensation in the killed process has no deadline
    Given the workflow must finish within 100 ms
    And "Mail.send" hangs
    When a process runs the workflow and is killed during the compensation of step "pay"
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Payments.refund" is executed 2 times
    And no effect remains

  @orchestration-19
  Scenario: A process is killed after a nested workflow
    Given the workflow:
      """json
      {
        "id": "outer",
        "steps": [
          { "id": "place", "service": "Mail", "operation": "place" },
          { "id": "settle",
            "workflow": {
              "id": "inner",
              "steps": [
                { "id": "hold", "service": "Stock", "operation": "hold" },
                { "id": "charge", "service": "Payments", "operation": "charge", "retry": { "maxRetries": 1, "base": "1ms" } }
              ]
            } },
          { "id": "charge", "service": "Mail", "operation": "send" }
        ]
      }
      """
    And "Payments.charge" fails 1 time with "TRANSIENT_ERROR"
    When a process runs the workflow and is killed after step "settle"
    Then the state of the workflow has:
      | path       | value               |
      | /completed | ["place", "settle"] |
    When the orchestrator restarts
    Then the workflow completes
    And "Payments.charge" is executed 2 times
    When a process runs the workflow and is killed during step "charge"
    And the orchestrator restarts
    Then the workflow completes
    And "Payments.charge" is executed 3 times
    And "Mail.send" is executed 3 times

  @orchestration-2 @orchestration-13
  Scenario: A step's timeout and retries do not apply to its fallback calls, in any process
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "hold", "service": "Stock", "operation": "hold", "compensation": "release" },
          { "id": "pay", "service": "Payments", "operation": "charge", "recover": ["ask"],
            "retry": { "maxRetries": 2, "base": "1ms" } }
        ]
      }
      """
    And "Payments.charge" fails 3 times with "TRANSIENT_ERROR"
    And "Payments.ask" fails 1 time with "TRANSIENT_ERROR"
    When a process runs the workflow and is killed during the compensation of step "hold"
    And the orchestrator restarts
    Then the workflow is rolled back
    And "Payments.charge" is executed 3 times
    And "Payments.ask" is executed 1 time
    And no effect remains
