@needs-json-schema
Feature: Definitions of nested workflows
  A workflow that cannot run as a child is refused before any call, with the place of the fault.

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
  Scenario: Four levels of nesting are allowed and a fifth is refused
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
      | a workflow and a call         | {"id": "settle", "workflow": "settlement", "service": "Stock", "operation": "hold"}                                                           | INVALID_WORKFLOW  | /steps/1/service                     | is for steps that make a call   |
      | a workflow and an operation   | {"id": "settle", "workflow": "settlement", "operation": "hold"}                                                                               | INVALID_WORKFLOW  | /steps/1/operation                   | is for steps that make a call   |
      | a workflow and fallback calls | {"id": "settle", "workflow": "settlement", "recover": ["Stock.hold"]}                                                                         | INVALID_WORKFLOW  | /steps/1/recover                     | is for steps that make a call   |
      | a partially effective workflow | {"id": "settle", "workflow": "settlement", "partiallyEffective": true}                                                                        | INVALID_WORKFLOW  | /steps/1/partiallyEffective          | is for steps that make a call   |
      | an id like a child run's      | {"id": "settle~2", "workflow": "settlement"}                                                                                                  | INVALID_WORKFLOW  | /steps/1/id                          | must not have a tilde           |
      | a compensation without service | {"id": "settle", "workflow": "settlement", "compensation": "undo"}                                                                            | INVALID_WORKFLOW  | /steps/1/compensation                | does not name a service         |
      | an unknown nested service     | {"id": "settle", "workflow": {"id": "inner", "steps": [{"id": "a", "service": "Stocks", "operation": "hold"}]}}                               | SERVICE_NOT_FOUND | /steps/1/workflow/steps/0/service    | Stock                           |
      | a nested cycle                | {"id": "settle", "workflow": {"id": "inner", "steps": [{"id": "a", "service": "Stock", "operation": "hold", "dependencies": ["a"]}]}}         | INVALID_WORKFLOW  | /steps/1/workflow/steps/0/dependencies | a → a                         |
