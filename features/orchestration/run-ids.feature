Feature: Run ids
  A run id is unique for ever: a message delivered twice must not start the same work
  twice. A question about an unknown run is not an error.

  Background:
    Given a service "Payments"
    And "Payments.charge" takes 100 ms
    And the workflow:
      """json
      { "id": "order", "steps": [{ "id": "pay", "service": "Payments", "operation": "charge" }] }
      """

  @orchestration-16
  Scenario: The same run id is refused the second time
    When the workflow runs as "order-of-ada"
    Then the workflow completes
    When the workflow runs as "order-of-ada"
    Then the workflow is refused with "WORKFLOW_ALREADY_EXISTS"
    And it takes 0 ms
    And "Payments.charge" is executed 1 time

  @orchestration-16
  Scenario: A run id stays taken after a crash
    Given the orchestrator crashes before step "pay"
    When the workflow runs as "order-of-ada"
    And the orchestrator restarts
    Then the workflow completes
    When the workflow runs as "order-of-ada"
    Then the workflow is refused with "WORKFLOW_ALREADY_EXISTS"
    And "Payments.charge" is executed 1 time

  @orchestration-16
  Scenario: The state of an unknown run is absent
    Then the state of run "order-1" is absent
    When the workflow runs
    Then the workflow completes
    And the state of run "order-2" is absent

  @orchestration-16
  Scenario: Runs without a given id are numbered
    When the workflow runs 3 times at once
    Then the workflow completes
    And it takes 100 ms
    And at most 3 calls to "Payments" run at once
    And the timeline has, in order:
      | event            | run     |
      | workflow_started | order-1 |
      | workflow_started | order-2 |
      | workflow_started | order-3 |
    When the workflow runs as "order-4"
    And the workflow runs
    Then the outcome has:
      | path | value   |
      | /run | order-5 |

  @orchestration-16
  Scenario: Runs of one workflow do not see each other's data
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "pay", "service": "Payments", "operation": "charge", "input": { "amount": "${/input/amount}" } }
        ]
      }
      """
    When the workflow starts with:
      """json
      { "amount": 1 }
      """
    And 50 ms pass
    And the workflow runs with:
      """json
      { "amount": 2 }
      """
    Then the workflow completes
    And the timeline has, in order:
      | at     | event        | run     | input         |
      | 0 ms   | call_started | order-1 | {"amount": 1} |
      | 50 ms  | call_started | order-2 | {"amount": 2} |
    And the timeline has, in order:
      | at     | event          | run     |
      | 100 ms | workflow_ended | order-1 |
      | 150 ms | workflow_ended | order-2 |

  @orchestration-16
  Scenario: Every workflow numbers its own runs
    When the workflow runs
    Given the workflow:
      """json
      { "id": "refund", "steps": [{ "id": "pay", "service": "Payments", "operation": "refund" }] }
      """
    When the workflow runs
    Then the outcome has:
      | path | value    |
      | /run | refund-1 |
