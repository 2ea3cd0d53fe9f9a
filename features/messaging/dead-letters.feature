@needs-messaging
Feature: Dead letters
  An event that a handler fails on permanently is kept with everything known about the failure, until
  the cause is fixed and it is redriven.

  Background:
    Given a service "Mail"
    And a service "Audit"
    And "Mail.send" handles "OrderPlaced"
    And "Audit.note" handles "OrderPlaced"

  Rule: A dead letter records the whole failure

    @integration-4
    Scenario: A dead letter holds the event, error, retries, first and last time, and origin
      Given events come from "/shop"
      And "Mail.send" takes 10 ms
      And "Mail.send" fails with "CONNECTION_RESET"
      When 1 s passes
      And the event "OrderPlaced" of "order-1" is published with:
        """json
        { "total": 12.5 }
        """
      Then the dead letters are:
        | subscription | type        | source | id      | subject | code             | retries | firstAt | lastAt  |
        | Mail.send    | OrderPlaced | /shop  | event-1 | order-1 | CONNECTION_RESET | 2       | 1 s     | 4030 ms |
      When "DeadLetters.list" is called
      Then the reply has:
        | path              | value                                       |
        | /0/id             | Mail.send//shop#event-1                     |
        | /0/subscription   | Mail.send                                   |
        | /0/origin         | { "source": "/shop", "type": "OrderPlaced" } |
        | /0/event/id       | event-1                                     |
        | /0/event/data     | { "total": 12.5 }                           |
        | /0/error/code     | CONNECTION_RESET                            |
        | /0/retries        | 2                                           |
        | /0/firstAt        | 1 s                                         |
        | /0/lastAt         | 4 s 30 ms                                   |

    @integration-6
    Scenario: Events whose source and id read the same when joined are two events
      Given "Mail.send" fails 1 time with "PERMANENT_ERROR"
      When the event is published:
        """json
        { "type": "OrderPlaced", "source": "/shop#1", "id": "a", "data": 1 }
        """
      And the event is published:
        """json
        { "type": "OrderPlaced", "source": "/shop", "id": "1#a", "data": 2 }
        """
      Then the dead letters are:
        | subscription | source  | id | code            |
        | Mail.send    | /shop#1 | a  | PERMANENT_ERROR |
      And the timeline has, in order:
        | event         | subscription | source | id  |
        | event_handled | Mail.send    | /shop  | 1#a |
      When the dead letters are redriven
      Then no dead letter is left
      And "Mail.send" is executed 3 times
      And no effect happens twice

  Rule: A dead letter can be redriven

    @integration-4
    Scenario: A redriven event is handled under its old id, only by the handler that failed
      Given "Mail.send" fails 3 times with "CONNECTION_RESET"
      When the event "OrderPlaced" of "order-1" is published
      And the dead letters are redriven
      Then no dead letter is left
      And "Mail.send" is executed 4 times
      And "Audit.note" is executed 1 time
      And the timeline has, in order:
        | at  | event               | subscription | id      | result |
        | 0 s | event_handled       | Audit.note   | event-1 |        |
        | 3 s | event_dead_lettered | Mail.send    | event-1 |        |
        | 3 s | event_handled       | Mail.send    | event-1 |        |
        | 3 s | event_redriven      | Mail.send    | event-1 | ok     |
      And no effect happens twice
      And the calls are:
        | call                 | result           |
        | Outbox.store         | ok               |
        | Outbox.unpublished   | ok               |
        | EventBus.publish     | ok               |
        | Outbox.markPublished | ok               |
        | Mail.send            | CONNECTION_RESET |
        | Audit.note           | ok               |
        | Mail.send            | CONNECTION_RESET |
        | Mail.send            | CONNECTION_RESET |
        | DeadLetters.put      | ok               |
        | DeadLetters.list     | ok               |
        | Mail.send            | ok               |
        | DeadLetters.remove   | ok               |

    @integration-4
    Scenario: A redriven event that fails again stays in the queue and keeps counting retries
      Given "Mail.send" fails with "CONNECTION_RESET"
      When the event "OrderPlaced" is published
      And 10 s pass
      And the dead letters are redriven
      Then the dead letters are:
        | subscription | id      | retries | firstAt | lastAt |
        | Mail.send    | event-1 | 5       | 0 s     | 16 s   |
      And the timeline has, in order:
        | at   | event               | result           | retries |
        | 3 s  | event_dead_lettered |                  | 2       |
        | 16 s | event_redriven      | CONNECTION_RESET |         |
        | 16 s | event_dead_lettered |                  | 5       |

    @integration-4
    Scenario: All dead letters are redriven in order of arrival
      Given "Mail.send" fails 2 times with "PERMANENT_ERROR"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
        | OrderPlaced | order-3 |
      Then the dead letters are:
        | subscription | subject |
        | Mail.send    | order-1 |
        | Mail.send    | order-2 |
      When the dead letters are redriven
      Then no dead letter is left
      And the timeline has, in order:
        | event          | subscription | subject |
        | event_handled  | Mail.send    | order-3 |
        | event_redriven | Mail.send    | order-1 |
        | event_redriven | Mail.send    | order-2 |
      And "Audit.note" is executed 3 times

    @integration-4
    Scenario: A redriven letter that could not be removed is removed next time without being handled again
      Given "Mail.send" fails 1 time with "PERMANENT_ERROR"
      And "DeadLetters.remove" fails 1 time with "SERVICE_UNAVAILABLE"
      When the event "OrderPlaced" is published
      And the dead letters are redriven
      Then the dead letters are:
        | subscription |
        | Mail.send    |
      And the timeline has, in order:
        | event         | about              | subscription |
        | event_handled |                    | Mail.send    |
        | warning       | DeadLetters.remove |              |
      When the dead letters are redriven
      Then no dead letter is left
      And "Mail.send" is executed 2 times
      And the timeline has, in order:
        | event             | subscription | result |
        | duplicate_dropped | Mail.send    |        |
        | event_redriven    | Mail.send    | ok     |

    @integration-4
    Scenario: The dead letter of an ended subscription stays in the queue
      Given "Mail.send" fails 1 time with "PERMANENT_ERROR"
      When the event "OrderPlaced" is published
      And the subscription of "Mail.send" is ended
      And the dead letters are redriven
      Then the dead letters are:
        | subscription |
        | Mail.send    |
      And the timeline has, in order:
        | event   | about       | message                                                                                                                |
        | warning | DeadLetters | dead letter Mail.send/scenario#event-1 stays in the queue: subscription "Mail.send" does not exist: there are: "Audit.note" |

    @integration-4
    Scenario: Redriving from a queue that is down fails with its error
      Given "Mail.send" fails 1 time with "PERMANENT_ERROR"
      And "DeadLetters.list" fails 1 time with "SERVICE_UNAVAILABLE"
      When the event "OrderPlaced" is published
      And the dead letters are redriven
      Then the call fails with "SERVICE_UNAVAILABLE"
      And "Mail.send" is executed 1 time
      And the dead letters are:
        | subscription |
        | Mail.send    |

    @integration-4
    Scenario: A redriven event that comes after newer events of its subject is reported
      Given "Mail.send" fails 1 time with "PERMANENT_ERROR"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      And the dead letters are redriven
      Then no dead letter is left
      And the timeline has, in order:
        | event         | about     | subscription | id      | message                                                                   |
        | event_handled |           | Mail.send    | event-2 |                                                                           |
        | warning       | Mail.send |              |         | the redriven event scenario#event-1 comes after newer events of "order-1" |
        | event_handled |           | Mail.send    | event-1 |                                                                           |

    @integration-4
    Scenario Outline: A redriven event <that overtakes nothing> causes no warning
      Given "Mail.send" fails <failures> with "PERMANENT_ERROR"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | <other> |
      And the dead letters are redriven
      Then no dead letter is left
      And the timeline has none of:
        | event   |
        | warning |

      Examples:
        | that overtakes nothing                             | failures | other   |
        | whose newer events are of another subject          | 1 time   | order-2 |
        | whose newer events are dead letters behind it      | 2 times  | order-1 |

    @integration-4
    Scenario: The number of redrives is in the dead letter and can be limited
      Given dead letters are redriven up to 2 times
      And "Mail.send" fails with "PERMANENT_ERROR"
      When the event "OrderPlaced" is published
      And the dead letters are redriven
      And the dead letters are redriven
      And the dead letters are redriven
      Then "Mail.send" is executed 3 times
      And the dead letters are:
        | subscription | retries | redrives |
        | Mail.send    | 2       | 2        |
      And the timeline has, in order:
        | event               | redrives | about       | message                                                                                              |
        | event_dead_lettered | 0        |             |                                                                                                      |
        | event_dead_lettered | 1        |             |                                                                                                      |
        | event_dead_lettered | 2        |             |                                                                                                      |
        | warning             |          | DeadLetters | dead letter Mail.send/scenario#event-1 stays in the queue: it was redriven 2 time(s), the most allowed |
      When "DeadLetters.list" is called
      Then the reply has:
        | path        | value |
        | /0/redrives | 2     |

    @integration-4
    Scenario: A subscription has its own limit of redrives
      Given a service "Stock"
      And "Stock.reserve" handles "OrderPlaced":
        | field       | value |
        | maxRedrives | 1     |
      And dead letters are redriven up to 2 times
      And "Mail.send" fails with "PERMANENT_ERROR"
      And "Stock.reserve" fails with "PERMANENT_ERROR"
      When the event "OrderPlaced" is published
      And the dead letters are redriven
      And the dead letters are redriven
      And the dead letters are redriven
      Then the dead letters are:
        | subscription  | redrives |
        | Mail.send     | 2        |
        | Stock.reserve | 1        |

    @integration-4
    Scenario: The redrives of an outbox's dead letter are limited too
      Given dead letters are redriven up to 1 time
      And "EventBus.publish" fails 10 times with "VALIDATION_FAILED"
      When the event "OrderPlaced" is published
      And every event is handled
      And the dead letters are redriven
      And every event is handled
      And the dead letters are redriven
      Then the dead letters are:
        | outbox | retries | redrives |
        | Outbox | 9       | 1        |
      And "EventBus.publish" is executed 10 times

  Rule: A dead letter may hold the later events of its subject

    @integration-4
    Scenario: Later events of the subject wait for the dead letter, others do not
      Given a dead letter of "Mail.send" holds its subject
      And "Mail.send" fails 1 time with "PERMANENT_ERROR"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
      And the event "OrderPlaced" of "order-1" is published
      And 24 h pass
      Then "Mail.send" is executed 2 times
      And "Audit.note" is executed 4 times
      And the timeline has, in order:
        | event               | subscription | id      |
        | event_dead_lettered | Mail.send    | event-1 |
        | event_held_back     | Mail.send    | event-2 |
        | event_handled       | Mail.send    | event-3 |
        | event_held_back     | Mail.send    | event-4 |
      When the dead letters are redriven
      Then no dead letter is left
      And the timeline has, in order:
        | event          | subscription | id      |
        | event_handled  | Mail.send    | event-1 |
        | event_handled  | Mail.send    | event-2 |
        | event_handled  | Mail.send    | event-4 |
      And the timeline has none of:
        | event   |
        | warning |

    @integration-4
    Scenario: A subscription says that its dead letters hold their subjects
      Given a service "Profile"
      And "Profile.set" handles "AddressChanged":
        | field        | value       |
        | onDeadLetter | holdSubject |
      And "Profile.set" fails 1 time with "PERMANENT_ERROR"
      When these events are published:
        | event          | subject | data              |
        | AddressChanged | c-1     | { "city": "Old" } |
        | AddressChanged | c-1     | { "city": "New" } |
      Then "Profile.set" is executed 1 time
      When the dead letters are redriven
      Then "Profile.set" is executed 3 times
      And "Profile.set" received in execution 2:
        | path       | value |
        | /data/city | Old   |
      And "Profile.set" received in execution 3:
        | path       | value |
        | /data/city | New   |

    @integration-4
    Scenario: A subscription says that later events are handled
      Given a service "Profile"
      And "Profile.set" handles "AddressChanged":
        | field        | value    |
        | onDeadLetter | continue |
      And "Profile.set" fails 1 time with "PERMANENT_ERROR"
      When these events are published:
        | event          | subject |
        | AddressChanged | c-1     |
        | AddressChanged | c-1     |
      Then "Profile.set" is executed 2 times

    @integration-4
    Scenario: A dead letter that fails again when it is redriven holds its subject further
      Given a dead letter of "Mail.send" holds its subject
      And "Mail.send" fails 2 times with "PERMANENT_ERROR"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      And the dead letters are redriven
      Then "Mail.send" is executed 2 times
      When the dead letters are redriven
      Then "Mail.send" is executed 4 times
      And the timeline has, in order:
        | event               | subscription | id      | redrives |
        | event_dead_lettered | Mail.send    | event-1 | 0        |
        | event_dead_lettered | Mail.send    | event-1 | 1        |
        | event_handled       | Mail.send    | event-1 |          |
        | event_handled       | Mail.send    | event-2 |          |

    @integration-5
    Scenario: A dead letter holds its subject while it waits for its queue
      Given a dead letter of "Mail.send" holds its subject
      And "Mail.send" fails 1 time with "PERMANENT_ERROR"
      And "DeadLetters" is down for 5 s
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      And 1 h passes
      Then "Mail.send" is executed 1 time
      And the dead letters are:
        | subscription | id      |
        | Mail.send    | event-1 |

    @integration-4
    Scenario: A dead letter redriven during a pause holds its subject until the end of the pause
      Given a dead letter of "Mail.send" holds its subject
      And "Mail.send" fails 1 time with "PERMANENT_ERROR"
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-1 |
      And the subscription of "Mail.send" is paused
      And the dead letters are redriven
      Then "Mail.send" is executed 1 time
      When the subscription of "Mail.send" is resumed
      And every event is handled
      Then "Mail.send" is executed 3 times
      And no dead letter is left

  Rule: A dead letter queue that is down loses nothing and does not affect other subscriptions

    @integration-5
    Scenario: A dead letter waits for its queue
      Given "Mail.send" fails with "PERMANENT_ERROR"
      And "DeadLetters" is down for 5 s
      When the event "OrderPlaced" of "order-1" is published
      Then it takes 0 s
      And no dead letter is left
      And the timeline has, in order:
        | at  | event              | subscription | id      | code                | delay |
        | 0 s | dead_letter_failed | Mail.send    | event-1 | SERVICE_UNAVAILABLE | 1 s   |
        | 0 s | event_handled      | Audit.note   | event-1 |                     |       |
      When every event is handled
      Then it takes 7 s
      And the dead letters are:
        | subscription | id      | code            | retries | firstAt | lastAt |
        | Mail.send    | event-1 | PERMANENT_ERROR | 0       | 0 s     | 0 s    |
      And the timeline has, in order:
        | at  | event               | delay |
        | 1 s | dead_letter_failed  | 2 s   |
        | 3 s | dead_letter_failed  | 4 s   |
        | 7 s | event_dead_lettered |       |

    @integration-5
    Scenario: A queue that hangs blocks one subject of one subscription until it times out
      Given "Mail.send" fails 1 time with "PERMANENT_ERROR"
      And "DeadLetters.put" hangs 1 time
      When these events are published:
        | event       | subject |
        | OrderPlaced | order-1 |
        | OrderPlaced | order-2 |
        | OrderPlaced | order-1 |
      Then it takes 30 s
      And the timeline has, in order:
        | at   | event              | subscription | id      | code    |
        | 0 s  | event_handled      | Mail.send    | event-2 |         |
        | 30 s | dead_letter_failed | Mail.send    | event-1 | TIMEOUT |
        | 30 s | event_handled      | Mail.send    | event-3 |         |
      And "Audit.note" is executed 3 times
      When every event is handled
      Then it takes 1 s
      And the dead letters are:
        | subscription | id      |
        | Mail.send    | event-1 |

    @integration-5
    Scenario: A dead letter waiting for its queue survives the end of its subscription
      Given "Mail.send" fails with "PERMANENT_ERROR"
      And "DeadLetters" is down for 5 s
      When the event "OrderPlaced" is published
      And the subscription of "Mail.send" is ended
      And every event is handled
      Then the dead letters are:
        | subscription | id      |
        | Mail.send    | event-1 |

    @integration-5
    Scenario: A duplicate of a dead-lettered event is dropped
      Given "Mail.send" fails 1 time with "PERMANENT_ERROR"
      And "DeadLetters" is down for 5 s
      And the bus delivers every event twice
      When the event "OrderPlaced" is published
      And every event is handled
      Then "Mail.send" is executed 1 time
      And the dead letters are:
        | subscription | id      |
        | Mail.send    | event-1 |
