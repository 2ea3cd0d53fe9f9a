Feature: Sagas
  A saga is a workflow whose steps can be undone. Whatever stops it, completed steps
  are undone, newest first, and every failed compensation is reported.

  Background:
    Given a service "Flights"
    And a service "Hotels"
    And a service "Cars"
    And a service "Invoices"
    And the workflow:
      """json
      {
        "id": "trip",
        "steps": [
          { "id": "flight", "service": "Flights", "operation": "book", "compensation": "cancel" },
          { "id": "hotel", "service": "Hotels", "operation": "book", "compensation": "cancel" },
          { "id": "car", "service": "Cars", "operation": "book", "compensation": "cancel" },
          { "id": "invoice", "service": "Invoices", "operation": "send" }
        ]
      }
      """

  @integration-7
  Scenario: An unavailable service causes compensation
    Given "Flights.book" takes 100 ms
    And "Hotels.book" takes 100 ms
    When the workflow starts
    And 50 ms pass
    And "Cars" is removed
    And the workflow ends
    Then the workflow is rolled back
    And the error is "SERVICE_NOT_FOUND" from "Cars.book"
    And these compensations run in order:
      | Hotels.cancel  |
      | Flights.cancel |
    And no effect remains

  @integration-7
  Scenario: A step that times out causes compensation
    Given "Cars.book" hangs
    And "Cars.book" times out after 5 s
    When the workflow runs
    Then the workflow is rolled back
    And it takes 5 s
    And the error is "TIMEOUT" from "Cars.book"
    And these compensations run in order:
      | Cars.cancel    |
      | Hotels.cancel  |
      | Flights.cancel |
    And "Invoices.send" is never executed

  @integration-7
  Scenario: The late effect of a step that timed out is undone
    Given "Cars.book" times out after 5 s
    And "Cars.book" answers:
      | execution | answer   |
      | 1         | late 2 s |
    And "Cars.cancel" takes 3 s
    When the workflow runs
    Then the workflow is rolled back
    And the timeline has, in order:
      | at  | event              | call        | service | operation | result  |
      | 5 s | call_ended         | Cars.book   |         |           | TIMEOUT |
      | 7 s | effect             |             | Cars    | book      |         |
      | 8 s | effect             |             | Cars    | cancel    |         |
      | 8 s | compensation_ended | Cars.cancel |         |           | ok      |
    And no effect remains

  @integration-7
  Scenario: A failed compensation is recorded and the other steps are undone
    Given "Cars.book" fails with "PERMANENT_ERROR"
    And "Flights.cancel" fails with "PERMISSION_DENIED"
    When the workflow runs
    Then the workflow fails with "PERMANENT_ERROR"
    And these compensations run in order:
      | Hotels.cancel  |
      | Flights.cancel |
    And the outcome has:
      | path                        | value             |
      | /status                     | failed            |
      | /compensations/0/step       | hotel             |
      | /compensations/1/step       | flight            |
      | /compensations/1/error/code | PERMISSION_DENIED |
    And the timeline has, in order:
      | event              | step   | result            |
      | compensation_ended | hotel  | ok                |
      | compensation_ended | flight | PERMISSION_DENIED |

  @integration-7
  Scenario: The saga's deadline passes
    Given "Hotels.book" takes 20 s
    And "Cars.book" hangs
    And the workflow must finish within 30 s
    When the workflow runs
    Then the workflow is rolled back
    And it takes 30 s
    And the error is "WORKFLOW_TIMEOUT" from "Cars.book"
    And these compensations run in order:
      | Cars.cancel    |
      | Hotels.cancel  |
      | Flights.cancel |

  @integration-7
  Scenario: A step's input takes precedence over saga data of the same name
    Given the workflow:
      """json
      {
        "id": "upgrade",
        "steps": [
          { "id": "find", "service": "Flights", "operation": "find" },
          { "id": "book", "service": "Flights", "operation": "book",
            "input": { "seat": "14C", "flight": "${/find/flight}", "class": "${/input/class}" } }
        ]
      }
      """
    And "Flights.find" replies:
      """json
      { "flight": "LH 400", "seat": "1A" }
      """
    When the workflow runs with:
      """json
      { "class": "economy", "seat": "2B" }
      """
    Then the workflow completes
    And the timeline has, in order:
      | event        | call         | input                                                    |
      | call_started | Flights.book | {"seat": "14C", "flight": "LH 400", "class": "economy"} |
