@integration-9 @needs-cqrs
Feature: Publishing the events of aggregates

  The events of a command are saved in one transaction. They are published from the store at least once, even after an
  outage of the bus or a crash.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Account",
        "initial": { "balance": 0 },
        "commands": {
          "deposit": { "emits": [{ "event": "Deposited", "data": { "amount": "${/command/payload/amount}" } }] },
          "move": { "emits": [{ "event": "Withdrawn", "data": { "amount": 1 } }, { "event": "Deposited", "data": { "amount": 1 } }] }
        },
        "events": {
          "Deposited": [{ "add": "/balance", "by": "${/event/data/amount}" }],
          "Withdrawn": [{ "subtract": "/balance", "by": "${/event/data/amount}" }]
        }
      }
      """
    And a service "Mail"
    And "Mail.send" handles "Deposited"

  Scenario: Events are saved, published and then marked
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    Then the command succeeds
    And the timeline has, in order:
      | event           | call                     | type      | subject | aggregateId | subscription |
      | events_appended |                          |           |         | acc-1       |              |
      | command_handled |                          | deposit   |         | acc-1       |              |
      | event_published |                          | Deposited | acc-1   |             |              |
      | call_ended      | EventStore.markPublished |           |         |             |              |
    And the event "Deposited" reaches the bus 1 time
    And "Mail.send" is executed 1 time

  Scenario: All events of a command reach the bus in order
    When the command "move" is sent to "acc-1"
    Then the timeline has, in order:
      | event           | type      | id      |
      | event_published | Withdrawn | acc-1/1 |
      | event_published | Deposited | acc-1/2 |
    And "Mail.send" is executed 1 time

  Scenario: A command during an outage of the bus succeeds, and its events are published afterwards
    Given "EventBus" is down
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    Then the command succeeds
    And the event "Deposited" never reaches the bus
    And the timeline has, in order:
      | event                    | call                  | type      | code                |
      | events_appended          |                       |           |                     |
      | event_publication_failed |                       | Deposited | SERVICE_UNAVAILABLE |
      | call_ended               | EventStore.markFailed |           |                     |
    When "EventBus" comes back
    And every event is handled
    Then the event "Deposited" reaches the bus 1 time
    And "Mail.send" is executed 1 time

  Scenario: A crash between saving and publishing loses no event
    Given the publisher of "EventStore" crashes before publishing
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    Then the command succeeds
    And the event "Deposited" never reaches the bus
    When the publisher of "EventStore" restarts
    Then the event "Deposited" reaches the bus 1 time
    And "Mail.send" is executed 1 time

  Scenario: An event is published twice and handled once after a crash between publishing and marking
    Given the publisher of "EventStore" crashes after publishing
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    And the publisher of "EventStore" restarts
    Then the event "Deposited" reaches the bus 2 times
    And "Mail.send" is executed 1 time
    And the timeline has, in order:
      | event             | subject |
      | duplicate_dropped | acc-1   |

  @needs-sqlite
  Scenario: Unpublished events are published from the file after a restart
    Given the event store is kept in a file
    And the publisher of "EventStore" crashes before publishing
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    And the event store is reopened
    And the publisher of "EventStore" restarts
    Then the event "Deposited" reaches the bus 1 time
    When the event store is reopened
    Then the event "Deposited" reaches the bus 1 time

  @needs-sqlite
  Scenario: An event that the bus refuses for good is a dead letter of the store, also after a restart
    Given the event store is kept in a file
    And "EventBus.publish" fails 5 times with "VALIDATION_FAILED"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    And the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 7 }
      """
    And every event is handled
    Then the dead letters are:
      | outbox     | id      | code              | retries |
      | EventStore | acc-1/1 | VALIDATION_FAILED | 4       |
    When the event store is reopened
    And 1 h passes
    Then the event "Deposited" reaches the bus 1 time
    When the dead letters are redriven
    Then no dead letter is left
    And the event "Deposited" reaches the bus 2 times
    And the timeline has, in order:
      | event         | about      | message                                                                 | id      |
      | event_handled |            |                                                                         | acc-1/2 |
      | warning       | EventStore | the redriven event /Account#acc-1/1 comes after newer events of "acc-1" |         |
      | event_handled |            |                                                                         | acc-1/1 |

  Scenario: An outage of the store fails the command, and nothing is published
    Given "EventStore.append" fails with "SERVICE_UNAVAILABLE"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    Then the command fails with "SERVICE_UNAVAILABLE"
    And the event "Deposited" never reaches the bus
    And "Mail.send" is never executed

  Scenario: Projections do not wait for the bus
    Given "EventBus" is down
    And the projection:
      """json
      { "name": "Counts", "handles": { "Deposited": { "changes": [{ "add": "/count", "by": 1 }] } } }
      """
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 5 }
      """
    Then the read model "Counts" has "acc-1":
      """json
      { "count": 1 }
      """
