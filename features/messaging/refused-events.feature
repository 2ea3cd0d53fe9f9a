@needs-messaging
Feature: Events that the bus refuses for good
  What the bus refuses with a code that is not retryable is published five times in all. Then it becomes a
  dead letter of its outbox, and the later events of its subject are published.

  Background:
    Given a service "Mail"
    And "Mail.send" handles "OrderPlaced"

  @integration-3
  Scenario: An event that is refused five times is set aside, and its subject continues
    Given "EventBus.publish" answers:
      | execution | answer                  |
      | 1         | error VALIDATION_FAILED |
      | 3-6       | error VALIDATION_FAILED |
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-2 |
    And every event is handled
    Then it takes 15 s
    And the dead letters are:
      | subscription | outbox | type        | source   | id      | subject | code              | retries | firstAt | lastAt |
      |              | Outbox | OrderPlaced | scenario | event-1 | order-1 | VALIDATION_FAILED | 4       | 0 s     | 15 s   |
    And the timeline has, in order:
      | at   | event                    | outbox | id      | code              | delay | retries |
      | 0 s  | event_publication_failed |        | event-1 | VALIDATION_FAILED | 1 s   |         |
      | 0 s  | event_handled            |        | event-3 |                   |       |         |
      | 1 s  | event_publication_failed |        | event-1 | VALIDATION_FAILED | 2 s   |         |
      | 3 s  | event_publication_failed |        | event-1 | VALIDATION_FAILED | 4 s   |         |
      | 7 s  | event_publication_failed |        | event-1 | VALIDATION_FAILED | 8 s   |         |
      | 15 s | event_dead_lettered      | Outbox | event-1 | VALIDATION_FAILED |       | 4       |
      | 15 s | event_published          |        | event-2 |                   |       |         |
      | 15 s | event_handled            |        | event-2 |                   |       |         |
    And "Mail.send" is executed 2 times

  @integration-3
  Scenario: The outbox and the dead letter queue say what became of a refused event
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    When the event "OrderPlaced" of "order-1" is published
    And "Outbox.publication" is called with:
      """json
      { "source": "scenario", "id": "event-1" }
      """
    Then the reply has:
      | path          | value             |
      | /status       | failed            |
      | /failure/code | VALIDATION_FAILED |
    When every event is handled
    And "Outbox.publication" is called with:
      """json
      { "source": "scenario", "id": "event-1" }
      """
    Then the reply has:
      | path          | value             |
      | /status       | dead_lettered     |
      | /failure/code | VALIDATION_FAILED |
    When "DeadLetters.list" is called
    Then the reply has:
      | path          | value                                           |
      | /0/id         | Outbox/scenario#event-1                         |
      | /0/outbox     | Outbox                                          |
      | /0/origin     | { "source": "scenario", "type": "OrderPlaced" } |
      | /0/event/id   | event-1                                         |
      | /0/error/code | VALIDATION_FAILED                               |
      | /0/retries    | 4                                               |
    When 24 h pass
    Then "EventBus.publish" is executed 5 times
    And "Outbox.unpublished" is executed 5 times

  @integration-3
  Scenario: An event of a type that the bus does not know becomes a dead letter
    Given the event types are:
      | OrderPlaced |
    When "Outbox.store" is called with:
      """json
      {
        "specversion": "1.0", "type": "OrderLost", "source": "/other", "id": "e-1",
        "time": "2025-01-01T00:00:00Z",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      }
      """
    And every event is handled
    Then the dead letters are:
      | outbox | type      | source | id  | code               | retries |
      | Outbox | OrderLost | /other | e-1 | UNKNOWN_EVENT_TYPE | 4       |

  @integration-3
  Scenario: A bus that is down makes no dead letter
    Given "EventBus" is down
    When the event "OrderPlaced" is published
    And 24 h pass
    Then no event is dead-lettered

  @integration-3
  Scenario: A bus that was removed makes no dead letter
    When "EventBus" is removed
    And the event "OrderPlaced" is published
    And 24 h pass
    Then no event is dead-lettered
    Given a service "EventBus"
    When every event is handled
    Then the event "OrderPlaced" reaches the bus 1 time

  @integration-3
  Scenario: A refused event waits for the dead letter queue, and its subject with it
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    And "DeadLetters.put" fails 1 time with "SERVICE_UNAVAILABLE"
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
    And every event is handled
    Then it takes 16 s
    And "EventBus.publish" is executed 6 times
    And the timeline has, in order:
      | at   | event               | outbox | id      | code                | delay |
      | 15 s | dead_letter_failed  | Outbox | event-1 | SERVICE_UNAVAILABLE | 1 s   |
      | 16 s | event_dead_lettered | Outbox | event-1 | VALIDATION_FAILED   |       |
      | 16 s | event_handled       |        | event-2 |                     |       |

  @integration-3
  Scenario: A dead letter that the outbox could not mark is marked later, without being published again
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    And "Outbox.markDeadLettered" fails 1 time with "IO_ERROR"
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
    And every event is handled
    Then it takes 16 s
    And "EventBus.publish" is executed 6 times
    And the dead letters are:
      | outbox | id      |
      | Outbox | event-1 |
    And the timeline has, in order:
      | at   | event               | about                   | id      |
      | 15 s | event_dead_lettered |                         | event-1 |
      | 15 s | warning             | Outbox.markDeadLettered |         |
      | 16 s | event_handled       |                         | event-2 |

  @integration-3
  Scenario: A dead letter that neither the outbox nor its queue accepts waits
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    And "Outbox.markDeadLettered" fails 1 time with "IO_ERROR"
    And "DeadLetters.put" answers:
      | execution | answer         |
      | 1         | ok             |
      | 2         | error IO_ERROR |
    When the event "OrderPlaced" of "order-1" is published
    And every event is handled
    Then it takes 18 s
    And "EventBus.publish" is executed 5 times
    And "DeadLetters.put" is executed 3 times

  @integration-3
  Scenario: A redriven event is published under its old id and leaves the dead letters
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    When the event "OrderPlaced" of "order-1" is published
    And every event is handled
    And the dead letters are redriven
    Then no dead letter is left
    And "Mail.send" is executed 1 time
    And the timeline has, in order:
      | at   | event               | outbox | id      | result |
      | 15 s | event_dead_lettered | Outbox | event-1 |        |
      | 15 s | event_published     |        | event-1 |        |
      | 15 s | event_redriven      | Outbox | event-1 | ok     |
      | 15 s | event_handled       |        | event-1 |        |
    And the timeline has none of:
      | event   |
      | warning |

  @integration-3
  Scenario: A redriven event that is refused again stays in the queue and keeps counting retries
    Given "EventBus.publish" fails 10 times with "VALIDATION_FAILED"
    When the event "OrderPlaced" of "order-1" is published
    And every event is handled
    And the dead letters are redriven
    And every event is handled
    Then the dead letters are:
      | outbox | id      | code              | retries | firstAt | lastAt |
      | Outbox | event-1 | VALIDATION_FAILED | 9       | 0 s     | 30 s   |
    And the timeline has, in order:
      | at   | event               | outbox | result            | retries |
      | 15 s | event_dead_lettered | Outbox |                   | 4       |
      | 30 s | event_redriven      | Outbox | VALIDATION_FAILED |         |
      | 30 s | event_dead_lettered | Outbox |                   | 9       |

  @integration-3
  Scenario: A redriven event that comes after newer events of its subject is reported
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
    And every event is handled
    And the dead letters are redriven
    Then the timeline has, in order:
      | event         | about  | id      | message                                                                         |
      | event_handled |        | event-2 |                                                                                 |
      | warning       | Outbox |         | the redriven event scenario#event-1 comes after newer events of "order-1" |
      | event_handled |        | event-1 |                                                                                 |

  @integration-3
  Scenario: A redriven event that is refused again goes before a later one that is refused too
    Given "EventBus.publish" answers:
      | execution | answer                  |
      | 1-7       | error VALIDATION_FAILED |
      | 8-9       | ok                      |
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
    And 15 s pass
    And the dead letters are redriven
    And every event is handled
    Then the timeline has, in order:
      | at   | event                    | outbox | id      | delay |
      | 15 s | event_dead_lettered      | Outbox | event-1 |       |
      | 15 s | event_publication_failed |        | event-2 | 1 s   |
      | 15 s | event_publication_failed |        | event-1 | 1 s   |
      | 16 s | event_handled            |        | event-1 |       |
      | 16 s | event_handled            |        | event-2 |       |

  @integration-3
  Scenario: A redriven event that was published before a crash leaves the dead letters with the next redrive
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    When the event "OrderPlaced" of "order-1" is published
    And every event is handled
    Given the publisher crashes before publishing
    When the dead letters are redriven
    And the publisher restarts
    Then "Mail.send" is executed 1 time
    And the dead letters are:
      | outbox | id      |
      | Outbox | event-1 |
    When the dead letters are redriven
    Then no dead letter is left
    And "Mail.send" is executed 1 time

  @integration-3
  Scenario: A crashed publisher redrives nothing
    Given "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    And the publisher crashes after publishing
    When these events are published:
      | event       | subject |
      | OrderPlaced | order-1 |
      | OrderPlaced | order-1 |
    And 1 min passes
    And the dead letters are redriven
    Then the dead letters are:
      | outbox | id      |
      | Outbox | event-1 |
    And the timeline has, in order:
      | event             | about       | message                                                                           |
      | publisher_crashed |             |                                                                                   |
      | warning           | DeadLetters | dead letter Outbox/scenario#event-1 stays in the queue: the publisher has crashed |
