@needs-messaging
Feature: Publishing events
  An event is stored before it is published, so its publisher can continue and no outage or crash
  loses it. A relay publishes it from the outbox to the bus, retrying until it succeeds.

  Background:
    Given a service "Mail"
    And "Mail.send" handles "OrderPlaced"

  Rule: An event is stored, published and marked

    @integration-3
    Scenario: An event reaches its handler through the outbox
      When the event "OrderPlaced" of "order-1" is published with:
        """json
        { "total": 12.5 }
        """
      Then the publication succeeds
      And it takes 0 s
      And the calls are:
        | call                 | result |
        | Outbox.store         | ok     |
        | Outbox.unpublished   | ok     |
        | EventBus.publish     | ok     |
        | Outbox.markPublished | ok     |
        | Mail.send            | ok     |
      And the timeline has, in order:
        | event           | type        | source   | id      | subject | subscription |
        | topic_opened    | OrderPlaced |          |         |         |              |
        | event_stored    | OrderPlaced | scenario | event-1 | order-1 |              |
        | event_published | OrderPlaced | scenario | event-1 | order-1 |              |
        | event_handled   | OrderPlaced | scenario | event-1 | order-1 | Mail.send    |
      And no effect happens twice

    @integration-3
    Scenario: An event is written as a CloudEvent
      Given events come from "/shop"
      When 1500 ms pass
      And the event "OrderPlaced" of "order-1" is published with:
        """json
        { "total": 12.5 }
        """
      Then the event has:
        | path             | value                    |
        | /specversion     | "1.0"                    |
        | /type            | OrderPlaced              |
        | /source          | /shop                    |
        | /id              | event-1                  |
        | /subject         | order-1                  |
        | /sequence        | "1"                      |
        | /time            | 2025-01-01T00:00:01.5Z   |
        | /datacontenttype | application/json         |
        | /data            | { "total": 12.5 }        |

    @integration-3
    Scenario: Attributes set by the publisher are kept
      When the event is published:
        """json
        {
          "type": "OrderPlaced", "source": "/web", "id": "e-7", "subject": "order-7",
          "time": "2024-12-31T23:59:59Z", "sequence": "41", "correlationid": "basket-3",
          "causationid": "command-9", "region": "eu"
        }
        """
      Then the event has:
        | path           | value                |
        | /source        | /web                 |
        | /id            | e-7                  |
        | /time          | 2024-12-31T23:59:59Z |
        | /sequence      | "41"                 |
        | /correlationid | basket-3             |
        | /causationid   | command-9            |
        | /region        | eu                   |
      And the timeline has, in order:
        | event         | source | id  | subscription |
        | event_handled | /web   | e-7 | Mail.send    |

    @integration-3
    Scenario: The sequence number of an event that was not stored is reused
      Given "Outbox.store" answers:
        | execution | answer       |
        | 1-2       | ok           |
        | 3         | error ENOSPC |
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
        | OrderPlaced | order-1 |
      Then the publication fails with "ENOSPC"
      When the event "OrderPlaced" of "order-1" is published
      Then the event has:
        | path      | value |
        | /sequence | "2"   |

    @integration-3
    Scenario: Events are read from the outbox in batches of 100 and published one by one
      When the event "OrderPlaced" is published 250 times
      Then the event "OrderPlaced" reaches the bus 250 times
      And "EventBus.publish" is executed 250 times
      And "Outbox.unpublished" is executed 3 times
      And "Mail.send" is executed 250 times

  Rule: An outage of the bus only delays events

    @integration-3
    Scenario: An event refused during an outage is marked as failed and published after it
      Given "EventBus" is down for 5 s
      When the event "OrderPlaced" is published
      Then the publication succeeds
      And it takes 0 s
      And the timeline has, in order:
        | at  | event                    | call                 | type        | code                | result              | delay |
        | 0 s | event_stored             |                      | OrderPlaced |                     |                     |       |
        | 0 s | call_ended               | EventBus.publish     |             |                     | SERVICE_UNAVAILABLE |       |
        | 0 s | event_publication_failed |                      | OrderPlaced | SERVICE_UNAVAILABLE |                     | 1 s   |
        | 0 s | call_ended               | Outbox.markFailed    |             |                     | ok                  |       |
      When every event is handled
      Then it takes 7 s
      And the timeline has, in order:
        | at  | event                    | type        | delay |
        | 1 s | event_publication_failed | OrderPlaced | 2 s   |
        | 3 s | event_publication_failed | OrderPlaced | 4 s   |
        | 7 s | event_published          | OrderPlaced |       |
        | 7 s | event_handled            | OrderPlaced |       |
      And "Mail.send" is executed 1 time

    @integration-3
    Scenario: Events stored during an outage wait behind earlier ones
      Given "EventBus" is down
      When the event "OrderPlaced" of "order-1" is published
      And the event "OrderPlaced" of "order-2" is published
      Then "EventBus.publish" is executed 1 time
      When 10 min pass
      Then the event "OrderPlaced" never reaches the bus
      And the timeline has, in order:
        | at      | event                    | id      | delay |
        | 0 s     | event_publication_failed | event-1 | 1 s   |
        | 1 s     | event_publication_failed | event-1 | 2 s   |
        | 1 s     | event_publication_failed | event-2 | 2 s   |
        | 3 s     | event_publication_failed | event-1 | 4 s   |
        | 7 s     | event_publication_failed | event-1 | 8 s   |
        | 15 s    | event_publication_failed | event-1 | 16 s  |
        | 31 s    | event_publication_failed | event-1 | 32 s  |
        | 63 s    | event_publication_failed | event-1 | 1 min |
        | 123 s   | event_publication_failed | event-1 | 1 min |
        | 183 s   | event_publication_failed | event-1 | 1 min |
      When "EventBus" comes back
      And every event is handled
      Then the timeline has, in order:
        | event         | subject |
        | event_handled | order-1 |
        | event_handled | order-2 |
      And "Mail.send" is executed 2 times

    @integration-3
    Scenario: An event whose publication timed out is published again and handled once
      Given "EventBus.publish" answers:
        | execution | answer   |
        | 1         | late 1 s |
      When the event "OrderPlaced" is published
      And every event is handled
      Then the timeline has, in order:
        | at   | event                    | call             | result  | type        | subscription |
        | 30 s | call_ended               | EventBus.publish | TIMEOUT |             |              |
        | 30 s | event_publication_failed |                  |         | OrderPlaced |              |
        | 31 s | event_published          |                  |         | OrderPlaced |              |
      And the timeline has, in order:
        | event             | subscription |
        | event_handled     | Mail.send    |
        | duplicate_dropped | Mail.send    |
      And "Mail.send" is executed 1 time

    @integration-3
    Scenario: A publisher cut off from the bus continues after the partition
      Given "publisher" is cut off from "EventBus" for 10 s
      When the event "OrderPlaced" is published
      Then it takes 30 s
      And the timeline has, in order:
        | at   | event                    | code    | delay |
        | 30 s | event_publication_failed | TIMEOUT | 1 s   |
      When every event is handled
      Then it takes 1 s
      And "Mail.send" is executed 1 time

    @integration-3
    Scenario: A refused event blocks only its own subject
      Given "EventBus.publish" answers:
        | execution | answer                  |
        | 1         | error VALIDATION_FAILED |
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
        | OrderPlaced | order-1 |
      Then the timeline has, in order:
        | event                    | id      | subject | delay |
        | event_publication_failed | event-1 | order-1 | 1 s   |
        | event_published          | event-2 | order-2 |       |
        | event_handled            | event-2 | order-2 |       |
      And the event "OrderPlaced" reaches the bus 1 time
      When every event is handled
      Then it takes 1 s
      And the timeline has, in order:
        | at  | event           | id      |
        | 1 s | event_published | event-1 |
        | 1 s | event_published | event-3 |
        | 1 s | event_handled   | event-1 |
        | 1 s | event_handled   | event-3 |

  Rule: An event that cannot be stored is not published, and publishing fails

    @integration-3
    Scenario Outline: An outbox that <fails> stores no event
      Given <fault>
      When the event "OrderPlaced" is published
      Then the publication fails with "<code>"
      And the event "OrderPlaced" never reaches the bus
      And "EventBus.publish" is never executed
      And "Mail.send" is never executed
      And nothing has an effect

      Examples:
        | fails           | fault                                     | code                |
        | is down         | "Outbox" is down                          | SERVICE_UNAVAILABLE |
        | is full         | "Outbox.store" fails 1 time with "ENOSPC" | ENOSPC              |
        | never answers   | "Outbox.store" hangs                      | TIMEOUT             |
        | is unreachable  | "publisher" is cut off from "Outbox"      | TIMEOUT             |

    @integration-3
    Scenario: A store call retried after a lost reply stores and publishes the event once
      Given "Outbox.store" is retried up to 1 time
      And "Outbox.store" answers:
        | execution | answer   |
        | 1         | late 0 s |
      When the event "OrderPlaced" is published
      Then the publication succeeds
      And "Outbox.store" is executed 2 times
      And the event "OrderPlaced" reaches the bus 1 time
      And "Mail.send" is executed 1 time

    @integration-3
    Scenario Outline: An event id that comes again with another <difference> is refused
      When the event is published:
        """json
        { "type": "OrderPlaced", "id": "e-1", "data": 1 }
        """
      And the event is published:
        """json
        { "id": "e-1", <event> }
        """
      Then the publication fails with "EVENT_ALREADY_EXISTS"
      And "Mail.send" is executed 1 time

      Examples:
        | difference | event                                                   |
        | data       | "type": "OrderPlaced", "data": 2                        |
        | type       | "type": "OrderCancelled", "data": 1                     |
        | subject    | "type": "OrderPlaced", "data": 1, "subject": "order-1" |

    @integration-3
    Scenario: The same id from another source is another event
      When the event is published:
        """json
        { "type": "OrderPlaced", "source": "/shop", "id": "e-1" }
        """
      And the event is published:
        """json
        { "type": "OrderPlaced", "source": "/till", "id": "e-1" }
        """
      Then the publication succeeds
      And "Mail.send" is executed 2 times

    @integration-3
    Scenario: An outage of the outbox after storing delays the event
      Given "Outbox.unpublished" fails 2 times with "SERVICE_UNAVAILABLE"
      When the event "OrderPlaced" is published
      Then the publication succeeds
      And the event "OrderPlaced" never reaches the bus
      And the timeline has, in order:
        | at  | event   | about              |
        | 0 s | warning | Outbox.unpublished |
      When every event is handled
      Then it takes 3 s
      And "Mail.send" is executed 1 time

    @integration-3
    Scenario: An event that could not be marked is published again and handled once
      Given "Outbox.markPublished" fails 1 time with "IO_ERROR"
      When the event "OrderPlaced" is published
      And every event is handled
      Then it takes 1 s
      And the event "OrderPlaced" reaches the bus 2 times
      And "Mail.send" is executed 1 time
      And the timeline has, in order:
        | at  | event             | about                |
        | 0 s | event_published   |                      |
        | 0 s | warning           | Outbox.markPublished |
        | 0 s | event_handled     |                      |
        | 1 s | event_published   |                      |
        | 1 s | duplicate_dropped |                      |

  Rule: A crash loses nothing, and nothing is handled twice

    @integration-3
    Scenario: A publisher that crashes between storing and publishing publishes after its restart
      Given the publisher crashes before publishing
      When the event "OrderPlaced" is published
      Then the publication succeeds
      And the event "OrderPlaced" never reaches the bus
      When 1 h passes
      Then the event "OrderPlaced" never reaches the bus
      When the publisher restarts
      Then the event "OrderPlaced" reaches the bus 1 time
      And "Mail.send" is executed 1 time
      And the timeline has, in order:
        | at  | event               | type        | outbox |
        | 0 s | event_stored        | OrderPlaced |        |
        | 0 s | publisher_crashed   |             | Outbox |
        | 1 h | publisher_restarted |             | Outbox |
        | 1 h | event_published     | OrderPlaced |        |
        | 1 h | event_handled       | OrderPlaced |        |

    @integration-3
    Scenario: A publisher that crashes between publishing and marking publishes again
      Given the publisher crashes after publishing
      When the event "OrderPlaced" is published
      Then the event "OrderPlaced" reaches the bus 1 time
      And "Outbox.markPublished" is never executed
      When the publisher restarts
      Then the event "OrderPlaced" reaches the bus 2 times
      And "Mail.send" is executed 1 time
      And no effect happens twice
      And the timeline has, in order:
        | event               | subscription |
        | event_published     |              |
        | publisher_crashed   |              |
        | event_handled       | Mail.send    |
        | publisher_restarted |              |
        | event_published     |              |
        | duplicate_dropped   | Mail.send    |

    @integration-3
    Scenario: A crashed publisher accepts no event
      Given the publisher crashes before publishing
      When the event "OrderPlaced" is published
      And the event "OrderPlaced" is published
      Then the publication fails with "SERVICE_UNAVAILABLE"
      And "Outbox.store" is executed 1 time

  Rule: An invalid event is refused before it is stored

    @integration-3
    Scenario Outline: An event with <fault> is refused, naming the attribute
      When the event is published:
        """json
        <event>
        """
      Then the publication fails with "VALIDATION_FAILED"
      And the failure has:
        | path     | value       |
        | /field   | <attribute> |
        | /message | <message>   |
      And "Outbox.store" is never executed

      Examples:
        | fault                 | event                                      | attribute   | message                                                                      |
        | no type               | { "subject": "order-1" }                   | type        | the event's "type" is missing                                                |
        | an invalid time       | { "type": "OrderPlaced", "time": "noon" }  | time        | the event's "time" is not an RFC 3339 timestamp                             |
        | another version       | { "type": "OrderPlaced", "specversion": "0.3" } | specversion | the event's "specversion" is not "1.0"                                  |
        | a name with a capital | { "type": "OrderPlaced", "userId": "u-1" } | userId      | the event's "userId" is not an attribute name, expected lower-case letters and digits |

    @integration-3
    Scenario: An unknown event type is refused with the nearest known one
      Given the event types are:
        | OrderPlaced  |
        | OrderShipped |
      When the event "OrderPlacd" is published
      Then the publication fails with "UNKNOWN_EVENT_TYPE"
      And the failure has:
        | path     | value                                                                      |
        | /message | event type "OrderPlacd" does not exist: did you mean "OrderPlaced"? |
      And "Outbox.store" is never executed
      When the event "OrderShipped" is published
      Then the publication succeeds

    @integration-3
    Scenario Outline: <call> refuses invalid input and names the field
      When "<call>" is called with:
        """json
        <input>
        """
      Then the call fails with "<code>"
      And the failure has:
        | path   | value   |
        | /field | <field> |

      Examples:
        | call                 | input                                       | code              | field        |
        | Outbox.store         | { "type": "OrderPlaced" }                   | VALIDATION_FAILED | specversion  |
        | Outbox.unpublished   | { "limit": -1 }                             | VALIDATION_FAILED | /limit       |
        | Outbox.markPublished | { "events": { "shop": "e-1" } }             | VALIDATION_FAILED | /events/shop |
        | Outbox.markFailed    | { "events": {} }                            | VALIDATION_FAILED | /failure     |
        | Outbox.markDeadLettered | { "events": {} }                         | VALIDATION_FAILED | /failure     |
        | Outbox.redrive       | { "source": "shop", "event": "e-1" }        | VALIDATION_FAILED | /event       |
        | Outbox.publication   | { "source": "shop", "id": 1 }               | VALIDATION_FAILED | /id          |
        | DeadLetters.put      | { "id": "a", "subscription": "Mail.send", "outbox": "Outbox", "origin": { "source": "s", "type": "t" }, "event": {}, "error": { "code": "C", "message": "m" }, "retries": 0, "firstAt": "0 s", "lastAt": "0 s" } | VALIDATION_FAILED | /subscription |
        | Outbox.markPublished | { "evnts": [] }                             | VALIDATION_FAILED | /evnts       |
        | EventBus.publish     | [1]                                         | VALIDATION_FAILED | event        |
        | DeadLetters.put      | { "id": 1 }                                 | VALIDATION_FAILED | /id          |
        | DeadLetters.remove   | { "id": "a", "all": true }                  | VALIDATION_FAILED | /all         |

    @integration-3
    Scenario Outline: "<call>" refuses an event that is not stored
      When "<call>" is called with:
        """json
        <input>
        """
      Then the call fails with "EVENT_NOT_FOUND"

      Examples:
        | call                 | input                             |
        | Outbox.markPublished | { "events": { "shop": ["e-1"] } } |
        | Outbox.redrive       | { "source": "shop", "id": "e-1" } |
        | Outbox.publication   | { "source": "shop", "id": "e-1" } |

  Rule: Any part can be replaced

    @integration-3
    Scenario: A service of the scenario replaces the bus
      Given a service "EventBus"
      When the event "OrderPlaced" is published
      Then the event "OrderPlaced" reaches the bus 1 time
      And "EventBus.publish" is executed 1 time
      And "Mail.send" is never executed
