@needs-messaging
Feature: Delivery
  A bus may deliver an event twice or out of order. A subscription handles each event once, and those
  of a subject in the order they were published.

  Background:
    Given a service "Mail"
    And a service "Audit"

  Rule: Duplicates are dropped

    @integration-6
    Scenario: Every event is delivered twice and handled once
      Given "Mail.send" handles "OrderPlaced"
      And the bus delivers every event twice
      When the event "OrderPlaced" of "order-1" is published
      And the event "OrderPlaced" is published
      Then "Mail.send" is executed 2 times
      And no effect happens twice
      And the timeline has, in order:
        | event             | call      | subscription | id      |
        | fault_injected    | Mail.send |              |         |
        | event_handled     |           | Mail.send    | event-1 |
        | duplicate_dropped |           | Mail.send    | event-1 |
        | fault_injected    | Mail.send |              |         |
        | event_handled     |           | Mail.send    | event-2 |
        | duplicate_dropped |           | Mail.send    | event-2 |

    @integration-6
    Scenario: A duplicate is dropped while the first is still being retried
      Given "Mail.send" handles "OrderPlaced"
      And the bus delivers every event twice
      And "Mail.send" fails 1 time with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then it takes 1 s
      And the timeline has, in order:
        | at  | event             |
        | 0 s | duplicate_dropped |
        | 1 s | event_handled     |
      And "Mail.send" is executed 2 times

    @integration-6
    Scenario: An event with the same id from another source is not a duplicate
      Given "Mail.send" handles "OrderPlaced"
      When the event is published:
        """json
        { "type": "OrderPlaced", "source": "/shop", "id": "1" }
        """
      And the event is published:
        """json
        { "type": "OrderPlaced", "source": "/web", "id": "1" }
        """
      Then "Mail.send" is executed 2 times

    @integration-6
    Scenario: A duplicate published by another service is dropped too
      Given "Mail.send" handles "OrderPlaced"
      When "EventBus.publish" is called with:
        """json
        [
          { "specversion": "1.0", "type": "OrderPlaced", "source": "/web", "id": "e-1", "subject": "order-1",
            "time": "2025-01-01T00:00:00Z", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
          { "specversion": "1.0", "type": "OrderPlaced", "source": "/web", "id": "e-1", "subject": "order-1",
            "time": "2025-01-01T00:00:00Z", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
          { "specversion": "1.0", "type": "OrderPlaced", "source": "/web", "id": "e-2", "subject": "order-1",
            "time": "2025-01-01T00:00:00Z", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }
        ]
        """
      And every event is handled
      Then "Mail.send" is executed 2 times
      And the timeline has, in order:
        | event             | id  |
        | duplicate_dropped | e-1 |
        | event_handled     | e-2 |

    @integration-6
    Scenario: A batch with an invalid event is refused as a whole
      Given "Mail.send" handles "OrderPlaced"
      When "EventBus.publish" is called with:
        """json
        [
          { "specversion": "1.0", "type": "OrderPlaced", "source": "/web", "id": "1",
            "time": "2025-01-01T00:00:00Z", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
          { "specversion": "1.0", "type": "OrderPlaced", "source": "/web" }
        ]
        """
      Then the call fails with "VALIDATION_FAILED"
      And "Mail.send" is never executed

  Rule: Events of a subject are handled in order

    @integration-6
    Scenario: An event that overtakes another is held back until the other arrives
      Given "Mail.send" handles "OrderPlaced"
      And "Audit.note" handles "OrderPlaced"
      And the bus delivers event 1 to "Mail.send" 2 s late
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
        | OrderPlaced | order-1 |
      Then it takes 2 s
      And the timeline has, in order:
        | at  | event           | subscription | id      |
        | 0 s | event_held_back | Mail.send    | event-2 |
        | 0 s | event_handled   | Mail.send    | event-3 |
        | 0 s | event_held_back | Mail.send    | event-4 |
        | 2 s | event_handled   | Mail.send    | event-1 |
        | 2 s | event_handled   | Mail.send    | event-2 |
        | 2 s | event_handled   | Mail.send    | event-4 |
      And the timeline has, in order:
        | at  | event         | subscription | id      |
        | 0 s | event_handled | Audit.note   | event-1 |
        | 0 s | event_handled | Audit.note   | event-2 |
        | 0 s | event_handled | Audit.note   | event-4 |

    @integration-6
    Scenario: An event that is both late and duplicated is handled once
      Given "Mail.send" handles "OrderPlaced"
      And the bus delivers every event twice
      And the bus delivers event 1 to "Mail.send" 2 s late
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      Then "Mail.send" is executed 2 times
      And no effect happens twice
      And the timeline has, in order:
        | at  | event             | id      |
        | 0 s | event_held_back   | event-2 |
        | 0 s | duplicate_dropped | event-2 |
        | 2 s | event_handled     | event-1 |
        | 2 s | event_handled     | event-2 |
        | 2 s | duplicate_dropped | event-1 |

    @integration-4
    Scenario: A subject being retried does not block other subjects
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails 1 time with "CONNECTION_RESET"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
      Then it takes 1 s
      And the timeline has, in order:
        | at  | event         | id      |
        | 0 s | event_handled | event-3 |
        | 1 s | event_handled | event-1 |
        | 1 s | event_handled | event-2 |

    @integration-4
    Scenario: A dead letter does not block later events of its subject
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails 1 time with "PERMANENT_ERROR"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      Then the timeline has, in order:
        | event               | id      |
        | event_dead_lettered | event-1 |
        | event_handled       | event-2 |

    @integration-4
    Scenario: Events without a subject are not ordered
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails 1 time with "CONNECTION_RESET"
      When the event "OrderPlaced" is published 2 times
      Then the timeline has, in order:
        | at  | event         | id      |
        | 0 s | event_handled | event-2 |
        | 1 s | event_handled | event-1 |

  Rule: What a lost consumer has not acknowledged is delivered again

    @integration-6
    Scenario: An event whose consumer is lost before it acknowledges it is handled once
      Given "Mail.send" handles "OrderPlaced"
      And the consumer of "Mail.send" is lost before it acknowledges an event
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      Then "Mail.send" is executed 2 times
      And the timeline has, in order:
        | event             | subscription | call      | id      | inbox |
        | event_handled     | Mail.send    |           | event-1 |       |
        | fault_injected    |              | Mail.send |         |       |
        | consumer_lost     | Mail.send    |           | event-1 | kept  |
        | duplicate_dropped | Mail.send    |           | event-1 |       |
        | event_handled     | Mail.send    |           | event-2 |       |

    @integration-6
    Scenario: An event whose consumer is lost with its inbox is handled twice, before later ones of its subject
      Given "Mail.send" handles "OrderPlaced"
      And the consumer of "Mail.send" is lost with its inbox before it acknowledges an event
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      Then "Mail.send" is executed 3 times
      And the timeline has, in order:
        | event         | subscription | id      | inbox |
        | event_handled | Mail.send    | event-1 |       |
        | consumer_lost | Mail.send    | event-1 | lost  |
        | event_handled | Mail.send    | event-1 |       |
        | event_handled | Mail.send    | event-2 |       |
      And no effect happens twice

    @integration-6
    Scenario: A handler that is not idempotent has the effect twice when its inbox is lost
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" is not idempotent
      And the consumer of "Mail.send" is lost with its inbox before it acknowledges an event
      When the event "OrderPlaced" of "order-1" is published
      Then these effects happened:
        | call         | times |
        | Outbox.store | 1     |
        | Mail.send    | 2     |

    @integration-6
    Scenario: A duplicate that arrives after the inbox is lost is handled again
      Given "Mail.send" handles "OrderPlaced"
      And the publisher crashes after publishing
      When the event "OrderPlaced" of "order-1" is published
      Then "Mail.send" is executed 1 time
      Given the consumer of "Mail.send" is lost with its inbox before it acknowledges an event
      When "EventBus.publish" is called with:
        """json
        {
          "specversion": "1.0", "type": "OrderPlaced", "source": "/web", "id": "e-2",
          "time": "2025-01-01T00:00:00Z", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        }
        """
      And the publisher restarts
      Then "Mail.send" is executed 4 times
      And the timeline has, in order:
        | event         | id      |
        | event_handled | event-1 |
        | consumer_lost | e-2     |
        | event_handled | e-2     |
        | event_handled | event-1 |

    @integration-6
    Scenario: Events that were at the handler when its consumer was lost are delivered again in order
      Given "Mail.send" handles "OrderPlaced"
      And "Audit.note" handles "OrderPlaced"
      And "Mail.send" takes 2 s
      And "Mail.send" answers:
        | execution | answer     |
        | 1         | after 1 s ok |
      And the consumer of "Mail.send" is lost before it acknowledges an event
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
        | OrderPlaced | order-3 |
        | OrderPlaced | order-2 |
      Then it takes 5 s
      And "Audit.note" is executed 4 times
      And no effect happens twice
      And the timeline has, in order:
        | at  | event             | call      | execution | subscription | id      |
        | 0 s | call_started      | Mail.send | 3         |              |         |
        | 1 s | consumer_lost     |           |           | Mail.send    | event-1 |
        | 1 s | call_started      | Mail.send | 4         |              |         |
        | 1 s | call_started      | Mail.send | 5         |              |         |
        | 3 s | event_handled     |           |           | Mail.send    | event-2 |
        | 3 s | event_handled     |           |           | Mail.send    | event-3 |
        | 5 s | event_handled     |           |           | Mail.send    | event-4 |

    @integration-6
    Scenario: A redriven event whose consumer is lost leaves the dead letters
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails 1 time with "PERMANENT_ERROR"
      And the consumer of "Mail.send" is lost before it acknowledges an event
      When the event "OrderPlaced" of "order-1" is published
      And the dead letters are redriven
      Then "Mail.send" is executed 2 times
      And no dead letter is left

    @integration-6
    Scenario: A dead letter still holds its subject when the consumer is lost with its inbox
      Given "Mail.send" handles "OrderPlaced"
      And a dead letter of "Mail.send" holds its subject
      And "Mail.send" fails 1 time with "PERMANENT_ERROR"
      And the consumer of "Mail.send" is lost with its inbox before it acknowledges an event
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
      Then the timeline has none of:
        | event         | id      |
        | event_handled | event-2 |
      When the dead letters are redriven
      Then no dead letter is left
      And the timeline has, in order:
        | event         | id      |
        | consumer_lost | event-3 |
        | event_handled | event-1 |
        | event_handled | event-2 |
