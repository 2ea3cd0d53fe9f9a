Feature: Invalid definitions
  An invalid workflow is refused before its first call, with the place of the fault,
  so that a typo leaves nothing to clean up.

  Background:
    Given a service "Payments"
    And a service "Stock"
      """json
      { "operations": { "hold": { "kind": "reserve" }, "release": { "kind": "release" } } }
      """

  @orchestration-11
  Scenario: A cycle is reported as a path
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "first", "service": "Payments", "operation": "check", "dependencies": [] },
          { "id": "a", "service": "Payments", "operation": "a", "dependencies": ["first", "c"] },
          { "id": "b", "service": "Payments", "operation": "b", "dependencies": ["a"] },
          { "id": "c", "service": "Payments", "operation": "c", "dependencies": ["b"] }
        ]
      }
      """
    When the workflow runs
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "/steps/1/dependencies" and says "a → b → c → a"
    And "Payments.check" is never executed
    And it takes 0 ms

  @orchestration-11
  Scenario Outline: A workflow with <fault> is refused
    Given the workflow:
      """json
      { "id": "order", "steps": [<steps>] }
      """
    When the workflow runs
    Then the workflow is refused with "<code>"
    And the refusal names "<place>" and says "<words>"
    And "Payments.charge" is never executed

    Examples:
      | fault                           | steps                                                                                                                                                       | code                | place                        | words                         |
      | no steps                        |                                                                                                                                                             | INVALID_WORKFLOW    | /steps                       | at least one step             |
      | an unknown dependency           | {"id": "pay", "service": "Payments", "operation": "charge"}, {"id": "thank", "service": "Payments", "operation": "thank", "dependencies": ["pya"]}          | INVALID_WORKFLOW    | /steps/1/dependencies/0      | which does not exist          |
      | a step that waits for itself    | {"id": "pay", "service": "Payments", "operation": "charge", "dependencies": ["pay"]}                                                                        | INVALID_WORKFLOW    | /steps/0/dependencies        | pay → pay                     |
      | the same id twice               | {"id": "pay", "service": "Payments", "operation": "charge"}, {"id": "pay", "service": "Payments", "operation": "thank"}                                     | INVALID_WORKFLOW    | /steps/1/id                  | taken by /steps/0             |
      | a step called input             | {"id": "input", "service": "Payments", "operation": "charge"}                                                                                               | INVALID_WORKFLOW    | /steps/0/id                  | is reserved                   |
      | an unknown service              | {"id": "pay", "service": "Paymnets", "operation": "charge"}                                                                                                 | SERVICE_NOT_FOUND   | /steps/0/service             | did you mean                  |
      | an unknown operation            | {"id": "pay", "service": "Payments", "operation": "charge"}, {"id": "hold", "service": "Stock", "operation": "holt"}                                        | OPERATION_NOT_FOUND | /steps/1/operation           | did you mean                  |
      | an unknown compensation         | {"id": "pay", "service": "Payments", "operation": "charge"}, {"id": "hold", "service": "Stock", "operation": "hold", "compensation": "Stock.realease"}      | OPERATION_NOT_FOUND | /steps/1/compensation           | did you mean               |
      | an unknown compensating service | {"id": "pay", "service": "Payments", "operation": "charge", "compensation": "Ledger.revert"}                                                                | SERVICE_NOT_FOUND   | /steps/0/compensation        | does not exist                |

  @orchestration-11
  Scenario: A workflow with `maxParallel` 0 is refused
    Given the workflow:
      """json
      { "id": "order", "maxParallel": 0, "steps": [{ "id": "pay", "service": "Payments", "operation": "charge" }] }
      """
    When the workflow runs
    Then the workflow is refused with "INVALID_WORKFLOW"
    And the refusal names "/maxParallel" and says "must be at least 1"
