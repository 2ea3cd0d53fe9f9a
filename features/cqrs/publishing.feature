@integration-9 @needs-cqrs
Feature: Publishing what aggregates decide

  Events are saved first, in one transaction with the change that they are. What is saved is published from the store,
  also after an outage of the bus or a crash, at least once.

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

  Scenario: Events are saved before they are published, and marked then
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

  Scenario: All events of a command reach the bus, in their order
    When the command "move" is sent to "acc-1"
    Then the timeline has, in order:
      | event           | type      | id      |
      | event_published | Withdrawn | acc-1/1 |
      | event_published | Deposited | acc-1/2 |
    And "Mail.send" is executed 1 time

  Scenario: While the bus is away the command succeeds, and its events are published when it is back
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

  Scenario: A crash between store and publish loses no event
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

  Scenario: After a crash between publish and mark, an event is published twice and handled once
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
  Scenario: What was not published when the store's process ended is published from its file
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

  Scenario: A store that is away publishes nothing, and the caller is told
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
