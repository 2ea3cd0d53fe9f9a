@needs-messaging
Feature: Steps that wait for events
  A step can wait for an event. One that was published since the run began counts, each once; its data are
  the step's reply.

  Background:
    Given a service "Orders"
    And a service "Carrier"
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "place", "service": "Orders", "operation": "place", "compensation": "cancel", "input": { "order": "${/input/order}" } },
          { "id": "payment", "wait": { "event": "PaymentReceived", "subject": "${/input/order}", "timeout": "24h" } },
          { "id": "ship", "service": "Carrier", "operation": "ship", "input": { "paid": "${/payment/amount}" } }
        ]
      }
      """

  @orchestration-22
  Scenario: An event ends the wait, and its data are the reply
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And 5 h pass
    Then the state of the workflow has:
      | path             | value           |
      | /waits/0/step    | payment         |
      | /waits/0/until   | 24 h            |
      | /waits/0/type    | PaymentReceived |
      | /waits/0/subject | o-1             |
    When the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 120 }
      """
    Then the workflow completes
    And "Carrier.ship" received:
      """json
      { "paid": 120 }
      """
    And the timeline has, in order:
      | at   | event        | step    | until | type            | subject | took | result |
      | 0 ms | wait_started | payment | 24 h  | PaymentReceived | o-1     |      |        |
      | 5 h  | wait_ended   | payment |       |                 |         | 5 h  | ok     |

  @orchestration-22
  Scenario: An event that came before the wait, after the run began, is not lost
    Given "Orders.place" takes 1 h
    And every call times out after 2 h
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And 10 min pass
    And the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 120 }
      """
    And the workflow ends
    Then the workflow completes
    And it takes 50 min

  @orchestration-22
  Scenario: An event that came before the run began does not count
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 120 }
      """
    Then the workflow completes
    When the workflow runs with:
      """json
      { "order": "o-1" }
      """
    Then the workflow is rolled back
    And it takes 24 h

  @orchestration-22
  Scenario: No event in time fails the step, and the order is undone
    When the workflow runs with:
      """json
      { "order": "o-1" }
      """
    Then the workflow is rolled back
    And it takes 24 h
    And these compensations run in order:
      | Orders.cancel |
    And the outcome has:
      | path           | value                                                    |
      | /error/code    | WAIT_TIMEOUT                                             |
      | /error/message | no event "PaymentReceived" of "o-1" came within 1 d |

  @orchestration-22
  Scenario: An event about something else does not end the wait
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And the event "PaymentReceived" of "o-2" is published
    And the event "PaymentRefused" of "o-1" is published
    And the workflow ends
    Then the workflow is rolled back
    And it takes 24 h

  @orchestration-22
  Scenario: Two runs that wait for the same event both receive it
    Given the workflow:
      """json
      {
        "id": "audit",
        "steps": [
          { "id": "closed", "wait": { "event": "YearClosed" } },
          { "id": "ship", "service": "Carrier", "operation": "ship" }
        ]
      }
      """
    And the workflow:
      """json
      {
        "id": "both",
        "steps": [
          { "id": "first", "workflow": "audit", "dependencies": [] },
          { "id": "second", "workflow": "audit", "dependencies": [] }
        ]
      }
      """
    When the workflow starts
    And the event "YearClosed" is published
    Then the workflow completes
    And "Carrier.ship" is executed 2 times

  @orchestration-22
  Scenario: A run takes an event once
    Given the workflow:
      """json
      {
        "id": "approvals",
        "steps": [
          { "id": "first", "wait": { "event": "Approved" } },
          { "id": "second", "wait": { "event": "Approved", "timeout": "1h" } }
        ]
      }
      """
    And the publisher crashes after publishing
    When the workflow starts
    And the event is published:
      """json
      { "type": "Approved", "id": "a-1", "data": { "by": "ann" } }
      """
    And the publisher restarts
    Then the event "Approved" reaches the bus 2 times
    And the state of the workflow has:
      | path          | value  |
      | /waits/0/step | second |
    When the orchestrator restarts
    Then the state of the workflow has:
      | path          | value  |
      | /waits/0/step | second |
    When the event is published:
      """json
      { "type": "Approved", "id": "a-2", "data": { "by": "bob" } }
      """
    Then the workflow completes
    And the outcome has:
      | path            | value |
      | /data/first/by  | ann   |
      | /data/second/by | bob   |

  @orchestration-22
  Scenario: Two waits side by side take two events
    Given the workflow:
      """json
      {
        "id": "approvals",
        "steps": [
          { "id": "first", "wait": { "event": "Approved" }, "dependencies": [] },
          { "id": "second", "wait": { "event": "Approved" }, "dependencies": [] }
        ]
      }
      """
    When the workflow starts
    And the event "Approved" is published with:
      """json
      { "by": "ann" }
      """
    Then the state of the workflow has:
      | path         | value      |
      | /completed   | ["first"]  |
      | /current     | ["second"] |
    When the event "Approved" is published with:
      """json
      { "by": "bob" }
      """
    Then the workflow completes

  @orchestration-22
  Scenario: What a try of a workflow received counts for the next, as the former one is undone
    Given the workflow:
      """json
      {
        "id": "shipping",
        "steps": [
          { "id": "payment", "wait": { "event": "PaymentReceived", "timeout": "1h" } },
          { "id": "ship", "service": "Carrier", "operation": "ship" }
        ]
      }
      """
    And the workflow:
      """json
      {
        "id": "parent",
        "steps": [ { "id": "ship", "workflow": "shipping", "retry": { "maxRetries": 1, "base": "1s", "multiplier": 1, "jitter": "none" } } ]
      }
      """
    And "Carrier.ship" fails 1 time with "SERVICE_UNAVAILABLE"
    When the workflow starts
    And the event "PaymentReceived" is published
    And the workflow ends
    Then the workflow completes
    And it takes 1 s

  @orchestration-22
  Scenario: Fallback calls recover a wait that no event ended
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "payment", "wait": { "event": "PaymentReceived", "timeout": "24h" }, "input": { "order": "o-1" }, "recover": ["Orders.ask"] },
          { "id": "ship", "service": "Carrier", "operation": "ship", "input": { "paid": "${/payment/amount}" } }
        ]
      }
      """
    And "Orders.ask" replies:
      """json
      { "amount": 7 }
      """
    When the workflow runs
    Then the workflow completes
    And it takes 24 h
    And "Orders.ask" received:
      | path        | value        |
      | /input/order | o-1         |
      | /error/code | WAIT_TIMEOUT |
    And "Carrier.ship" received:
      """json
      { "paid": 7 }
      """

  @orchestration-22
  Scenario: A run goes on without an optional event
    Given the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "survey", "wait": { "event": "SurveyAnswered", "timeout": "24h" }, "optional": true },
          { "id": "ship", "service": "Carrier", "operation": "ship" }
        ]
      }
      """
    When the workflow runs
    Then the workflow is degraded
    And "Carrier.ship" is executed 1 time

  @orchestration-22
  Scenario: An event that came while no process was there ends the wait after the restart
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And the orchestrator crashes
    And the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 120 }
      """
    And 48 h pass
    And the orchestrator restarts
    Then the workflow completes
    And it takes 0 ms

  @orchestration-22
  Scenario: An event that came too late does not, even if no process was there when the time was over
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And the orchestrator crashes
    And 48 h pass
    And the event "PaymentReceived" of "o-1" is published
    And the orchestrator restarts
    Then the workflow is rolled back
    And the outcome has:
      | path        | value        |
      | /error/code | WAIT_TIMEOUT |

  @orchestration-22 @needs-sqlite
  Scenario: A crash after the event was taken does not take another
    Given the journal is kept in a file
    And the orchestrator crashes after step "payment"
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 120 }
      """
    And the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 7 }
      """
    And the orchestrator restarts
    Then the workflow completes
    And "Carrier.ship" received:
      """json
      { "paid": 120 }
      """

  @orchestration-22
  Scenario: A crash before the event was noted takes the same one again
    Given the orchestrator crashes during step "payment"
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 120 }
      """
    And the orchestrator restarts
    Then the workflow completes
    And "Carrier.ship" received:
      """json
      { "paid": 120 }
      """

  @orchestration-22
  Scenario: A restarted run waits for its event, and the scenario goes on
    When the workflow starts with:
      """json
      { "order": "o-1" }
      """
    And 5 h pass
    And the orchestrator restarts
    Then the state of the workflow has:
      | path           | value |
      | /waits/0/until | 24 h  |
    When the event "PaymentReceived" of "o-1" is published with:
      """json
      { "amount": 120 }
      """
    Then the workflow completes

  @orchestration-22
  Scenario: An event in the very instant of the time-out is in time
    Given "EventBus.publish" takes 24 h
    And the workflow:
      """json
      {
        "id": "instant",
        "steps": [
          { "id": "payment", "wait": { "event": "PaymentReceived", "timeout": "24h" }, "dependencies": [] },
          {
            "id": "publish", "service": "EventBus", "operation": "publish", "dependencies": [], "timeout": "48h",
            "input": {
              "specversion": "1.0", "id": "p-1", "source": "/bank", "type": "PaymentReceived", "time": "2025-01-01T00:00:00Z",
              "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": { "amount": 1 }
            }
          }
        ]
      }
      """
    When the workflow runs
    Then the workflow completes
    And it takes 24 h

  @orchestration-22
  Scenario: A subject that is not text fails the step
    When the workflow runs with:
      """json
      { "order": { "id": "o-1" } }
      """
    Then the workflow is rolled back
    And the outcome has:
      | path        | value             |
      | /error/code | INVALID_REFERENCE |

  @orchestration-22
  Scenario: An event type that does not exist is refused before any call
    Given the event types are:
      | PaymentReceived |
    And the workflow:
      """json
      {
        "id": "order",
        "steps": [
          { "id": "place", "service": "Orders", "operation": "place" },
          { "id": "payment", "wait": { "event": "PaymentRecieved" } }
        ]
      }
      """
    When the workflow runs
    Then the workflow is refused with "UNKNOWN_EVENT_TYPE"
    And the refusal names "/steps/1/wait/event" and says "did you mean"
    And "Orders.place" is never executed

  @orchestration-22 @wall-clock
  Scenario: An event in real time
    Given the workflow:
      """json
      { "id": "real", "steps": [ { "id": "payment", "wait": { "event": "PaymentReceived", "timeout": "20s" } } ] }
      """
    When the workflow starts
    And the event "PaymentReceived" is published
    And the workflow ends
    Then the workflow completes
