@needs-messaging
Feature: Subscribing to events
  Each handler of an event is independent: it has its own filter, retries and queue, and its failures
  do not affect the others.

  Background:
    Given a service "Mail"
    And a service "Stock"
    And a service "Audit"

  Rule: Handlers work in parallel and in isolation

    @integration-4
    Scenario: A failing handler ends in a dead letter and does not affect the others
      Given "Mail.send" handles "OrderPlaced"
      And "Stock.reserve" handles "OrderPlaced"
      And "Audit.note" handles "OrderPlaced"
      And "Stock.reserve" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" of "order-1" is published
      Then it takes 3 s
      And the timeline has, in order:
        | at  | event               | subscription  | call          | execution | delay | code             | retries |
        | 0 s | event_handled       | Mail.send     |               |           |       |                  |         |
        | 0 s | retry_scheduled     |               | Stock.reserve | 1         | 1 s   |                  |         |
        | 0 s | event_handled       | Audit.note    |               |           |       |                  |         |
        | 1 s | retry_scheduled     |               | Stock.reserve | 2         | 2 s   |                  |         |
        | 3 s | event_dead_lettered | Stock.reserve |               |           |       | CONNECTION_RESET | 2       |
      And the calls are:
        | at  | call                 | execution | result           |
        | 0 s | Outbox.store         | 1         | ok               |
        | 0 s | Outbox.unpublished   | 1         | ok               |
        | 0 s | EventBus.publish     | 1         | ok               |
        | 0 s | Outbox.markPublished | 1         | ok               |
        | 0 s | Mail.send            | 1         | ok               |
        | 0 s | Stock.reserve        | 1         | CONNECTION_RESET |
        | 0 s | Audit.note           | 1         | ok               |
        | 1 s | Stock.reserve        | 2         | CONNECTION_RESET |
        | 3 s | Stock.reserve        | 3         | CONNECTION_RESET |
        | 3 s | DeadLetters.put      | 1         | ok               |

    @integration-4
    Scenario: Slow handlers run in parallel
      Given "Mail.send" handles "OrderPlaced"
      And "Stock.reserve" handles "OrderPlaced"
      And "Mail.send" takes 200 ms
      And "Stock.reserve" takes 300 ms
      When the event "OrderPlaced" is published
      Then it takes 300 ms

    @integration-4
    Scenario: A handler with transient failures is retried
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails 2 times with "SERVICE_UNAVAILABLE"
      When the event "OrderPlaced" is published
      Then it takes 3 s
      And "Mail.send" waits "1 s, 2 s" between executions
      And no event is dead-lettered
      And the timeline has, in order:
        | at  | event         | subscription |
        | 3 s | event_handled | Mail.send    |

    @integration-4
    Scenario: A handler that hangs times out and is retried
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" times out after 5 s
      And "Mail.send" hangs 1 time
      When the event "OrderPlaced" is published
      Then it takes 6 s
      And no event is dead-lettered

    @integration-4
    Scenario: A handler that replies late has its effect once
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" times out after 5 s
      And "Mail.send" answers:
        | execution | answer   |
        | 1         | late 1 s |
      When the event "OrderPlaced" is published
      And 10 s pass
      Then "Mail.send" is executed 2 times
      And no effect happens twice

    @integration-4
    Scenario: A handler that fails permanently is not retried
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails with "VALIDATION_FAILED"
      When the event "OrderPlaced" is published
      Then it takes 0 s
      And the dead letters are:
        | subscription | code              | retries |
        | Mail.send    | VALIDATION_FAILED | 0       |

    @integration-4
    Scenario: A handler whose service was removed fails like any other
      Given "Mail.send" handles "OrderPlaced"
      And "Audit.note" handles "OrderPlaced"
      When "Mail" is removed
      And the event "OrderPlaced" is published
      Then the dead letters are:
        | subscription | code              |
        | Mail.send    | SERVICE_NOT_FOUND |
      And "Audit.note" is executed 1 time

    @integration-4
    Scenario: A handler works on at most ten events concurrently
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" takes 100 ms
      When the event "OrderPlaced" is published 25 times
      Then it takes 300 ms
      And at most 10 calls to "Mail" run at once

    @integration-4
    Scenario: Events that wait for a retry do not keep other events waiting
      Given "Mail.send" handles "OrderPlaced":
        | field | value                              |
        | retry | { "maxRetries": 1, "base": "1 h" } |
      And "Mail.send" fails 10 times with "CONNECTION_RESET"
      When these events are published:
        | event       | subject  |
        | OrderPlaced | order-1  |
        | OrderPlaced | order-2  |
        | OrderPlaced | order-3  |
        | OrderPlaced | order-4  |
        | OrderPlaced | order-5  |
        | OrderPlaced | order-6  |
        | OrderPlaced | order-7  |
        | OrderPlaced | order-8  |
        | OrderPlaced | order-9  |
        | OrderPlaced | order-10 |
        | OrderPlaced | order-10 |
        | OrderPlaced | order-11 |
      Then the timeline has, in order:
        | at  | event         | subject  | id       |
        | 0 s | event_handled | order-11 | event-12 |
        | 1 h | event_handled | order-10 | event-10 |
        | 1 h | event_handled | order-10 | event-11 |

    @integration-4
    Scenario: An event whose filter waits for a retry does not keep other events waiting
      Given a service "Rules"
      And "Mail.send" handles "OrderPlaced":
        | field  | value                              |
        | filter | Rules.wants                        |
        | retry  | { "maxRetries": 1, "base": "1 h" } |
      And "Rules.wants" replies:
        """json
        true
        """
      And "Rules.wants" fails 10 times with "CONNECTION_RESET"
      When the event "OrderPlaced" is published 11 times
      Then the timeline has, in order:
        | at  | event         | id       |
        | 0 s | event_handled | event-11 |
        | 1 h | event_handled | event-1  |

    @integration-4
    Scenario: A retry waits until the handler has a place
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails 1 time with "CONNECTION_RESET"
      And "Mail.send" takes 900 ms
      When the event "OrderPlaced" is published 30 times
      Then at most 10 calls to "Mail" run at once
      And the timeline has, in order:
        | at      | event           | call      | execution | delay | id      |
        | 900 ms  | retry_scheduled | Mail.send | 1         | 1 s   |         |
        | 2700 ms | call_started    | Mail.send | 31        |       |         |
        | 3600 ms | event_handled   |           |           |       | event-1 |

    @integration-4
    Scenario: A dead letter queue that hangs does not keep other events waiting
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails 10 times with "PERMANENT_ERROR"
      And "DeadLetters.put" hangs 10 times
      When the event "OrderPlaced" is published 11 times
      Then the timeline has, in order:
        | at   | event              | id       |
        | 0 s  | event_handled      | event-11 |
        | 30 s | dead_letter_failed | event-1  |

    @integration-4
    Scenario: One operation handles several event types in one order
      Given "Audit.note" handles "OrderPlaced"
      And "Audit.note" handles "OrderShipped"
      And "Audit.note" takes 10 ms
      When these events are published:
        | event        | subject |
        | OrderPlaced  | order-1 |
        | OrderShipped | order-1 |
      Then it takes 20 ms
      And the timeline has, in order:
        | at    | event         | type         | subscription |
        | 10 ms | event_handled | OrderPlaced  | Audit.note   |
        | 20 ms | event_handled | OrderShipped | Audit.note   |

  Rule: A subscription has its own retry policy unless the handler's operation has one

    @integration-4
    Scenario: The default retry policy is the preset for subscribers
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Mail.send" waits "1 s, 2 s" between executions
      And the dead letters are:
        | subscription | retries |
        | Mail.send    | 2       |

    @integration-4
    Scenario: The retry policy of every call applies
      Given "Mail.send" handles "OrderPlaced"
      And every call is retried up to 3 times
      And "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Mail.send" waits "100 ms, 200 ms, 400 ms" between executions

    @integration-4
    Scenario: The subscription names a retry preset
      Given "Mail.send" handles "OrderPlaced":
        | field | value    |
        | retry | constant |
      And "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Mail.send" waits "2 s, 2 s, 2 s" between executions
      And the dead letters are:
        | subscription | code             | retries |
        | Mail.send    | CONNECTION_RESET | 3       |

    @integration-4
    Scenario: The subscription gives a whole retry policy
      Given "Mail.send" handles "OrderPlaced":
        | field | value                                |
        | retry | { "maxRetries": 1, "base": "50 ms" } |
      And "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Mail.send" waits "50 ms" between executions

    @integration-4
    Scenario: Zero retries mean one execution
      Given "Mail.send" handles "OrderPlaced":
        | field | value |
        | retry | none  |
      And "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Mail.send" is executed 1 time
      And the dead letters are:
        | subscription | retries |
        | Mail.send    | 0       |

    @integration-4
    Scenario: The operation's policy takes precedence
      Given "Mail.send" handles "OrderPlaced":
        | field | value    |
        | retry | constant |
      And "Mail.send" is retried up to 1 time
      And "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Mail.send" waits "2 s" between executions

    @integration-4
    Scenario: Refusals by the handler's breaker use up retries, not executions
      Given "Mail.send" handles "OrderPlaced"
      And a circuit breaker on "Mail" opening after 1 failure for 60 s
      And "Mail.send" fails 1 time with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Mail.send" is executed 1 time
      And the dead letters are:
        | subscription | code                | retries |
        | Mail.send    | SERVICE_UNAVAILABLE | 0       |

  Rule: A filter selects the events for a handler

    @integration-4
    Scenario: Events that do not match the schema are not handled
      Given "Mail.send" handles "OrderPlaced":
        | field  | value                                                                        |
        | filter | { "properties": { "data": { "properties": { "total": { "minimum": 100 } } } } } |
      And "Audit.note" handles "OrderPlaced"
      When these events are published:
        | event       | subject | data             |
        | OrderPlaced | order-1 | { "total": 99 }  |
        | OrderPlaced | order-2 | { "total": 100 } |
      Then "Mail.send" is executed 1 time
      And "Audit.note" is executed 2 times
      And the timeline has, in order:
        | event          | subscription | subject |
        | event_filtered | Mail.send    | order-1 |
        | event_handled  | Mail.send    | order-2 |
      And no event is dead-lettered

    @integration-4
    Scenario: A service can be the filter
      Given a service "Rules"
      And "Mail.send" handles "OrderPlaced":
        | field  | value       |
        | filter | Rules.wants |
      And "Rules.wants" answers:
        | execution | answer      |
        | 1         | reply false |
        | 2         | reply true  |
      When the event "OrderPlaced" is published 2 times
      Then "Mail.send" is executed 1 time
      And the timeline has, in order:
        | event          | id      |
        | event_filtered | event-1 |
        | event_handled  | event-2 |

    @integration-4
    Scenario: A failing filter counts as a failing handler
      Given a service "Rules"
      And "Rules.wants" replies:
        """json
        true
        """
      And "Mail.send" handles "OrderPlaced":
        | field  | value       |
        | filter | Rules.wants |
      And "Audit.note" handles "OrderPlaced"
      And "Rules.wants" fails 1 time with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then "Rules.wants" waits "1 s" between executions
      And "Mail.send" is executed 1 time
      Given "Rules.wants" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      Then the dead letters are:
        | subscription | id      | code             | retries | firstAt | lastAt |
        | Mail.send    | event-2 | CONNECTION_RESET | 2       | 1 s     | 4 s    |
      And "Mail.send" is executed 1 time
      And "Audit.note" is executed 2 times

    @integration-4
    Scenario: A filter that does not reply true or false fails permanently
      Given a service "Rules"
      And "Mail.send" handles "OrderPlaced":
        | field  | value       |
        | filter | Rules.wants |
      When the event "OrderPlaced" is published
      Then the dead letters are:
        | subscription | code               | retries |
        | Mail.send    | CONTRACT_VIOLATION | 0       |
      And "Mail.send" is never executed

  Rule: A subscription can be paused, resumed and ended

    @integration-4
    Scenario: Events during a pause are handled after it, in order
      Given "Mail.send" handles "OrderPlaced"
      And "Audit.note" handles "OrderPlaced"
      When the subscription of "Mail.send" is paused
      And these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
        | OrderPlaced | order-1 |
      Then "Mail.send" is never executed
      And "Audit.note" is executed 3 times
      When 1 h passes
      Then "Mail.send" is never executed
      When the subscription of "Mail.send" is resumed
      Then the timeline has, in order:
        | at  | event                | subscription | id      |
        | 0 s | subscription_paused  | Mail.send    |         |
        | 0 s | event_handled        | Audit.note   | event-3 |
        | 1 h | subscription_resumed | Mail.send    |         |
        | 1 h | event_handled        | Mail.send    | event-1 |
        | 1 h | event_handled        | Mail.send    | event-2 |
        | 1 h | event_handled        | Mail.send    | event-3 |

    @integration-4
    Scenario: A pause lets the event at the handler finish
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" takes 10 s
      When the event "OrderPlaced" of "order-1" is sent
      And the event "OrderPlaced" of "order-1" is sent
      And 4 s pass
      And the subscription of "Mail.send" is paused
      Then it takes 6 s
      And "Mail.send" is executed 1 time

    @integration-4
    Scenario: A handler that is no longer subscribed receives nothing
      Given "Mail.send" handles "OrderPlaced"
      And "Audit.note" handles "OrderPlaced"
      When the event "OrderPlaced" is published
      And the subscription of "Mail.send" is ended
      And the event "OrderPlaced" is published
      Then "Mail.send" is executed 1 time
      And "Audit.note" is executed 2 times

    @integration-4
    Scenario: A subscription that ends discards unhandled events and stops retrying
      Given "Mail.send" handles "OrderPlaced"
      And "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is sent
      And 1500 ms pass
      And the subscription of "Mail.send" is ended
      And 1 h passes
      Then "Mail.send" is executed 2 times
      And no event is dead-lettered

    @integration-4
    Scenario: The last subscription to a type releases its topic on the bus
      Given "Mail.send" handles "OrderPlaced"
      And "Audit.note" handles "OrderPlaced"
      And "Audit.note" handles "OrderShipped"
      When the subscription of "Audit.note" is ended
      And the subscription of "Mail.send" is ended
      Then the timeline has, in order:
        | event              | type         | subscription |
        | topic_opened       | OrderPlaced  |              |
        | topic_opened       | OrderShipped |              |
        | subscription_ended |              | Audit.note   |
        | topic_released     | OrderShipped |              |
        | subscription_ended |              | Mail.send    |
        | topic_released     | OrderPlaced  |              |

    @integration-4
    Scenario: A handler can subscribe again after its subscription ended
      Given "Mail.send" handles "OrderPlaced"
      When the subscription of "Mail.send" is ended
      And the event "OrderPlaced" is published
      Given "Mail.send" handles "OrderPlaced"
      When the event "OrderPlaced" is published
      Then "Mail.send" is executed 1 time
      And the timeline has, in order:
        | event         | id      |
        | event_handled | event-2 |
