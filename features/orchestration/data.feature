Feature: Data between steps
  The reply of one step is the input of the next. It keeps its types, and a missing
  value is found before the call, not after it.

  Background:
    Given a service "Catalogue"
    And a service "Payments"

  @orchestration-20
  Scenario: A reply keeps its types in the input of the next step
    Given "Catalogue.price" replies:
      """json
      { "amount": 42, "rate": 0.5, "gift": false, "tags": ["new", "paper"], "note": null, "a/b": { "~": "tilde" } }
      """
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "price", "service": "Catalogue", "operation": "price" },
          {
            "id": "charge", "service": "Payments", "operation": "charge",
            "input": {
              "amount": "${/price/amount}",
              "rate": "${/price/rate}",
              "gift": "${/price/gift}",
              "first": "${/price/tags/0}",
              "all": ["${/price/tags}"],
              "note": "${/price/note}",
              "escaped": "${/price/a~1b/~0}"
            }
          }
        ]
      }
      """
    When the workflow runs
    Then the workflow completes
    And the timeline has, in order:
      | event        | call            | input |
      | call_started | Payments.charge | {"amount": 42, "rate": 0.5, "gift": false, "first": "new", "all": [["new", "paper"]], "note": null, "escaped": "tilde"} |

  @orchestration-20
  Scenario: Every step can use the input of the run
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "price", "service": "Catalogue", "operation": "price", "input": { "sku": "${/input/sku}" } },
          { "id": "charge", "service": "Payments", "operation": "charge", "input": "${/input}" }
        ]
      }
      """
    When the workflow runs with:
      """json
      { "sku": "book-7", "customer": { "name": "Ada" } }
      """
    Then the workflow completes
    And the timeline has, in order:
      | event        | call            | input                                            |
      | call_started | Catalogue.price | {"sku": "book-7"}                                |
      | call_started | Payments.charge | {"customer": {"name": "Ada"}, "sku": "book-7"}   |
    And the outcome has:
      | path                      | value |
      | /data/input/customer/name | Ada   |
      | /data/price               | {}    |

  @orchestration-20 @needs-json-schema
  Scenario: The agent step receives the validated id and version
    Given the services from "agent-platform"
    And the workflow "completeAgentCreation"
    And "PersonalityService.validatePersonalityConfiguration" replies:
      """json
      { "isValid": true, "id": "patient-mentor", "version": 7 }
      """
    When the workflow runs
    Then the workflow completes
    And the timeline has, in order:
      | event        | call                     | input                                                                                                                                            |
      | call_started | AgentService.createAgent | {"name": "Ada", "role": "software-mentor", "personalityId": "patient-mentor", "personalityVersion": 7, "modelId": "standard-model"} |

  @orchestration-20
  Scenario: An unresolved reference fails the step before its call
    Given "Catalogue.price" takes 100 ms
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "price", "service": "Catalogue", "operation": "price", "compensation": "forget" },
          { "id": "charge", "service": "Payments", "operation": "charge", "input": { "amount": "${/price/amount}" } }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And it takes 100 ms
    And the error is "INVALID_REFERENCE" from "Payments.charge"
    And "Payments.charge" is never executed
    And these compensations run in order:
      | Catalogue.forget |
    And the outcome has:
      | path              | value         |
      | /error/field      | /price/amount |
      | /error/executions | 0             |
      | /steps/1/status   | failed        |

  @orchestration-20
  Scenario: An input that the run was not given fails the step before its call
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "charge", "service": "Payments", "operation": "charge", "input": "${/input/customer}" },
          { "id": "thank", "service": "Payments", "operation": "thank" }
        ]
      }
      """
    When the workflow runs
    Then the workflow is rolled back
    And the error is "INVALID_REFERENCE" from "Payments.charge"
    And the outcome has:
      | path         | value           |
      | /error/field | /input/customer |

  @orchestration-20
  Scenario: A step uses the replies of the steps that it waits for through others, and its undo its own
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "price", "service": "Catalogue", "operation": "price" },
          { "id": "note", "service": "Catalogue", "operation": "note" },
          {
            "id": "charge", "service": "Payments", "operation": "charge", "input": "${/price/amount}",
            "compensation": { "operation": "refund", "input": ["${/charge/id}", "${/price/amount}"] }
          },
          { "id": "thank", "service": "Payments", "operation": "thank" }
        ]
      }
      """
    And "Catalogue.price" replies:
      """json
      { "amount": 42 }
      """
    And "Payments.charge" replies:
      """json
      { "id": "c-1" }
      """
    And "Payments.thank" fails with "NO_ADDRESS"
    When the workflow runs
    Then the workflow is rolled back
    And the timeline has, in order:
      | event        | call            | input       |
      | call_started | Payments.charge | 42          |
      | call_started | Payments.refund | ["c-1", 42] |

  @orchestration-20
  Scenario: A tilde in a step's id is escaped in references
    Given "Catalogue.price" replies:
      """json
      { "amount": 42 }
      """
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "price~net", "service": "Catalogue", "operation": "price" },
          { "id": "charge", "service": "Payments", "operation": "charge", "input": "${/price~0net/amount}" }
        ]
      }
      """
    When the workflow runs
    Then the workflow completes
    And the timeline has, in order:
      | event        | call            | input |
      | call_started | Payments.charge | 42    |
