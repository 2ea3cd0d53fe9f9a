@needs-messaging
Feature: Workflows that events start
  A workflow can be started by each event of a type: its data are the run's input, and a repetition of the
  event starts nothing.

  Background:
    Given a service "Orders"
    And the workflow:
      """json
      {
        "id": "order", "startedBy": { "event": "OrderPlaced" },
        "steps": [ { "id": "confirm", "service": "Orders", "operation": "confirm", "input": { "order": "${/input/order}" } } ]
      }
      """

  @orchestration-22
  Scenario: Each event starts a run with its data as input
    When the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-1", "data": { "order": "o-1" } }
      """
    And the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-2", "data": { "order": "o-2" } }
      """
    And the workflow ends
    Then the workflow completes
    And "Orders.confirm" is executed 2 times
    And "Orders.confirm" received in execution 2:
      """json
      { "order": "o-2" }
      """
    And the state of run "order-e-1" has:
      | path    | value     |
      | /status | completed |
    And the state of run "order-e-2" has:
      | path    | value     |
      | /status | completed |

  @orchestration-22
  Scenario: An event that comes twice starts one run
    Given the publisher crashes after publishing
    When the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-1", "data": { "order": "o-1" } }
      """
    And the publisher restarts
    And the workflow ends
    Then the event "OrderPlaced" reaches the bus 2 times
    And the workflow completes
    And "Orders.confirm" is executed 1 time

  @orchestration-22
  Scenario: Events of two sources with one id start two runs
    When the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-1", "source": "/shop", "data": { "order": "o-1" } }
      """
    And the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-1", "source": "/desk", "data": { "order": "o-2" } }
      """
    And the workflow ends
    Then "Orders.confirm" is executed 2 times
    And the state of run "order--desk-e-1" has:
      | path    | value     |
      | /status | completed |

  @orchestration-22
  Scenario: An event starts a run once, whatever the orchestrator's restarts
    When the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-1", "data": { "order": "o-1" } }
      """
    And the workflow ends
    And the orchestrator crashes
    And the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-2", "data": { "order": "o-2" } }
      """
    And the orchestrator restarts
    And the workflow ends
    Then the workflow completes
    And "Orders.confirm" is executed 2 times

  @orchestration-22 @needs-sqlite
  Scenario: A journal in a file tells which events have started runs
    Given the journal is kept in a file
    When the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-1", "data": { "order": "o-1" } }
      """
    And the workflow ends
    And the orchestrator restarts
    And the orchestrator crashes
    And the event is published:
      """json
      { "type": "OrderPlaced", "id": "e-2", "data": { "order": "o-2" } }
      """
    And the orchestrator restarts
    And the workflow ends
    Then the workflow completes
    And "Orders.confirm" is executed 2 times

  @orchestration-22
  Scenario: The event that started a run does not end a wait of it
    Given the workflow:
      """json
      {
        "id": "reminder", "startedBy": { "event": "OrderPlaced" },
        "steps": [
          { "id": "next", "wait": { "event": "OrderPlaced", "timeout": "1h" } }
        ]
      }
      """
    When the event "OrderPlaced" is published with:
      """json
      { "order": "o-1" }
      """
    And the workflow ends
    Then the outcome has:
      | path        | value        |
      | /workflow   | reminder     |
      | /error/code | WAIT_TIMEOUT |

  @orchestration-22
  Scenario: An event type that does not exist starts nothing
    Given the event types are:
      | OrderPlaced |
    And the workflow:
      """json
      {
        "id": "typo", "startedBy": { "event": "OrderPlacd" },
        "steps": [ { "id": "confirm", "service": "Orders", "operation": "confirm" } ]
      }
      """
    When the workflow runs
    Then the workflow is refused with "UNKNOWN_EVENT_TYPE"
    And the refusal names "/startedBy/event" and says "OrderPlaced"
