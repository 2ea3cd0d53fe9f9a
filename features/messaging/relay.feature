@needs-messaging
Feature: Relay
  A relay reads the outbox whenever something is stored there, publishes the events one by one and marks
  them as published. Whatever goes wrong, it reads the outbox again.

  Background:
    Given a service "Mail"
    And "Mail.send" handles "OrderPlaced"
    When the event "OrderPlaced" of "order-1" is published

  @integration-3
  Scenario: An event that another service stores in the outbox is published too
    When "Outbox.store" is called with:
      """json
      {
        "specversion": "1.0", "type": "OrderPlaced", "source": "/other", "id": "e-1",
        "subject": "order-9", "time": "2025-01-01T00:00:00Z",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      }
      """
    Then the call succeeds
    And the event "OrderPlaced" reaches the bus 2 times
    And "Mail.send" is executed 2 times
    When the event "OrderPlaced" of "order-2" is published
    Then the event "OrderPlaced" reaches the bus 3 times
    And "Outbox.unpublished" is executed 3 times
    And the timeline has, in order:
      | at  | event         | source | id  |
      | 0 s | event_handled | /other | e-1 |

  @integration-3
  Scenario: An event stored after its caller timed out is still published
    Given "Outbox.store" answers:
      | execution | answer   |
      | 2         | late 3 s |
    When the event "OrderPlaced" of "order-2" is published
    Then the publication fails with "TIMEOUT"
    And the event "OrderPlaced" reaches the bus 1 time
    When 3 s passes
    Then the event "OrderPlaced" reaches the bus 2 times
    And "Mail.send" is executed 2 times
    And the timeline has, in order:
      | at   | event         | id      | subject |
      | 33 s | event_handled | event-2 | order-2 |

  @integration-3
  Scenario: An event whose store reply was corrupted is still published
    Given "Outbox.store" answers:
      | execution | answer  |
      | 2         | corrupt |
    When the event "OrderPlaced" of "order-2" is published
    Then the publication fails with "CORRUPTION_DETECTED"
    And the event "OrderPlaced" reaches the bus 2 times
    And "Mail.send" is executed 2 times

  @integration-3
  Scenario: An event stored after its caller timed out is not overtaken by the next of its subject
    Given "Outbox.store" takes 5 s
    And "Outbox.store" answers:
      | execution | answer   |
      | 2         | late 3 s |
    When the event "OrderPlaced" of "order-1" is published
    Then the publication fails with "TIMEOUT"
    When the event "OrderPlaced" of "order-1" is published
    Then the publication succeeds
    And the event "OrderPlaced" reaches the bus 3 times
    And the timeline has, in order:
      | at   | event         | id      | subject |
      | 0 s  | event_handled | event-1 | order-1 |
      | 33 s | event_handled | event-2 | order-1 |
      | 35 s | event_handled | event-3 | order-1 |
    And "Mail.send" is executed 3 times

  @integration-3
  Scenario: A publisher that crashes before publishing several events publishes them after its restart
    Given the publisher crashes before publishing
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
    Then the publication succeeds
    When 1 h passes
    Then the event "OrderPlaced" reaches the bus 1 time
    When the publisher restarts
    Then the event "OrderPlaced" reaches the bus 3 times
    And "Mail.send" is executed 3 times
    And the timeline has, in order:
      | at  | event               | id      |
      | 0 s | event_handled       | event-1 |
      | 0 s | event_stored        | event-2 |
      | 0 s | event_stored        | event-3 |
      | 0 s | publisher_crashed   |         |
      | 1 h | publisher_restarted |         |
      | 1 h | event_published     | event-2 |
      | 1 h | event_published     | event-3 |
      | 1 h | event_handled       | event-2 |
      | 1 h | event_handled       | event-3 |

  @integration-3
  Scenario: A publisher that crashes before marking an event publishes it again
    Given the publisher crashes after publishing
    When the event "OrderPlaced" of "order-1" is published
    Then the event "OrderPlaced" reaches the bus 2 times
    And "Outbox.markPublished" is executed 1 time
    When the publisher restarts
    Then the event "OrderPlaced" reaches the bus 3 times
    And "Mail.send" is executed 2 times
    And no effect happens twice
    And the timeline has, in order:
      | event               | id      | subscription |
      | event_published     | event-2 |              |
      | publisher_crashed   |         |              |
      | event_handled       | event-2 | Mail.send    |
      | publisher_restarted |         |              |
      | event_published     | event-2 |              |
      | duplicate_dropped   | event-2 | Mail.send    |

  @integration-3
  Scenario: Events stored during an outage of the bus are published in order after it
    When "EventBus" goes down
    And these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
    Then the publication succeeds
    And "EventBus.publish" is executed 2 times
    And the timeline has, in order:
      | at  | event                    | call              | id      | code                | result | delay |
      | 0 s | event_publication_failed |                   | event-2 | SERVICE_UNAVAILABLE |        | 1 s   |
      | 0 s | event_publication_failed |                   | event-3 | SERVICE_UNAVAILABLE |        | 1 s   |
      | 0 s | call_ended               | Outbox.markFailed |         |                     | ok     |       |
    When "EventBus" comes back
    And every event is handled
    Then it takes 1 s
    And "Mail.send" is executed 3 times
    And the timeline has, in order:
      | at  | event           | id      |
      | 1 s | event_published | event-2 |
      | 1 s | event_published | event-3 |
      | 1 s | event_handled   | event-2 |
      | 1 s | event_handled   | event-3 |
    And no effect happens twice

  @integration-3
  Scenario: A refused event later in a batch blocks only its own subject
    Given "EventBus.publish" answers:
      | execution | answer                  |
      | 2         | error VALIDATION_FAILED |
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-2 |
      | OrderPlaced | order-1 |
    Then the timeline has, in order:
      | event                    | id      | subject | delay |
      | event_publication_failed | event-2 | order-1 | 1 s   |
      | event_handled            | event-3 | order-2 |       |
    And the event "OrderPlaced" reaches the bus 2 times
    When every event is handled
    Then it takes 1 s
    And "Mail.send" is executed 4 times
    And the timeline has, in order:
      | at  | event         | id      |
      | 1 s | event_handled | event-2 |
      | 1 s | event_handled | event-4 |

  @integration-3
  Scenario: A subject waits while its first event is refused, others do not
    Given "EventBus.publish" answers:
      | execution | answer                  |
      | 2         | error VALIDATION_FAILED |
      | 4-5       | error VALIDATION_FAILED |
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-2 |
    And every event is handled
    Then it takes 7 s
    And no event is dead-lettered
    And the timeline has, in order:
      | at  | event                    | id      | subject | delay |
      | 0 s | event_publication_failed | event-2 | order-1 | 1 s   |
      | 0 s | event_handled            | event-4 | order-2 |       |
      | 1 s | event_publication_failed | event-2 | order-1 | 2 s   |
      | 3 s | event_publication_failed | event-2 | order-1 | 4 s   |
      | 7 s | event_handled            | event-2 | order-1 |       |
      | 7 s | event_handled            | event-3 | order-1 |       |

  @integration-3
  Scenario: A later event that could not be marked is published again and handled once
    Given "Outbox.markPublished" answers:
      | execution | answer         |
      | 2         | error IO_ERROR |
    When the event "OrderPlaced" of "order-1" is published
    And every event is handled
    Then it takes 1 s
    And the event "OrderPlaced" reaches the bus 3 times
    And "Mail.send" is executed 2 times
    And the timeline has, in order:
      | at  | event             | id      | about                |
      | 0 s | event_published   | event-2 |                      |
      | 0 s | warning           |         | Outbox.markPublished |
      | 0 s | event_handled     | event-2 |                      |
      | 1 s | event_published   | event-2 |                      |
      | 1 s | duplicate_dropped | event-2 |                      |
