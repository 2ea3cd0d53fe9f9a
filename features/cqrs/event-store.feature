@integration-9 @needs-cqrs
Feature: Event store

  Events are stored in memory or in a file, which another process can open again.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Account",
        "initial": { "open": false, "balance": 0 },
        "commands": {
          "open": {
            "refuse": [
              {
                "unless": { "properties": { "state": { "properties": { "open": { "const": false } } } } },
                "code": "ALREADY_OPEN",
                "message": "the account is open already"
              }
            ],
            "emits": [{ "event": "AccountOpened", "data": { "owner": "${/command/payload/owner}" } }]
          },
          "deposit": {
            "payload": { "required": ["amount"], "properties": { "amount": { "type": "number", "exclusiveMinimum": 0 } } },
            "emits": [{ "event": "Deposited", "data": { "amount": "${/command/payload/amount}" } }]
          },
          "withdraw": {
            "emits": [
              { "event": "Withdrawn", "data": { "amount": "${/command/payload/amount}" } },
              { "event": "FeeCharged", "data": { "amount": 1 } }
            ]
          },
          "look": {}
        },
        "events": {
          "AccountOpened": [
            { "set": "/open", "to": true },
            { "set": "/owner", "to": "${/event/data/owner}" }
          ],
          "Deposited": [{ "add": "/balance", "by": "${/event/data/amount}" }],
          "Withdrawn": [{ "subtract": "/balance", "by": "${/event/data/amount}" }],
          "FeeCharged": [{ "subtract": "/balance", "by": "${/event/data/amount}" }]
        },
        "invariants": [
          {
            "unless": { "properties": { "state": { "properties": { "balance": { "minimum": 0 } } } } },
            "code": "INSUFFICIENT_FUNDS",
            "message": "an account is never overdrawn"
          }
        ]
      }
      """

  @needs-sqlite
  Scenario: Events survive reopening the file
    Given the event store is kept in a file
    When these commands are sent:
      | command  | to    | payload           | id  |
      | deposit  | acc-1 | { "amount": 100 } | c-1 |
      | withdraw | acc-1 | { "amount": 30 }  | c-2 |
      | deposit  | acc-2 | { "amount": 1 }   | c-3 |
    And the event store is reopened
    And the command "withdraw" is sent to "acc-1" with:
      """json
      { "amount": 60 }
      """
    Then the command succeeds
    And the reply has:
      | path     | value |
      | /version | 5     |
    When the command "withdraw" is sent to "acc-1" with:
      """json
      { "amount": 9 }
      """
    Then the command fails with "INSUFFICIENT_FUNDS"

  @needs-sqlite
  Scenario: A command repeated after reopening is handled once
    Given the event store is kept in a file
    When these commands are sent:
      | command | to    | payload         | id  |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
    And the event store is reopened
    And these commands are sent:
      | command | to    | payload         | id  |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
    Then the command succeeds
    And the version of "acc-1" is 1
    And the timeline has, in order:
      | event            | command | version |
      | command_handled  | c-1     | 1       |
      | command_repeated | c-1     | 1       |

  @needs-sqlite
  Scenario: Positions of events over all aggregates stay the same after reopening
    Given the event store is kept in a file
    When these commands are sent:
      | command  | to    | payload          |
      | deposit  | acc-1 | { "amount": 10 } |
      | deposit  | acc-2 | { "amount": 20 } |
      | withdraw | acc-1 | { "amount": 5 }  |
    And the event store is reopened
    And "EventStore.read" is called with:
      """json
      { "after": 1, "limit": 2 }
      """
    Then the reply has:
      | path                    | value     |
      | /events/0/position      | 2         |
      | /events/0/event/subject | acc-2     |
      | /events/1/position      | 3         |
      | /events/1/event/type    | Withdrawn |

  Scenario: An append at an unexpected version fails with both versions
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 10 }
      """
    And "EventStore.append" is called with:
      """json
      { "aggregate": "Account", "aggregateId": "acc-1", "expectedVersion": 4, "events": [] }
      """
    Then the call fails with "CONCURRENT_MODIFICATION"
    And the failure has:
      | path     | value                                      |
      | /message | Account/acc-1 is at version 1, expected 4 |

  Scenario: An event that does not follow in its stream is refused
    When "EventStore.append" is called with:
      """json
      {
        "aggregate": "Account",
        "aggregateId": "acc-1",
        "expectedVersion": 0,
        "events": [
          {
            "specversion": "1.0", "id": "acc-1/2", "source": "/Account", "type": "Deposited", "subject": "acc-1",
            "time": "2025-01-01T00:00:00Z", "sequence": "2",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
          }
        ]
      }
      """
    Then the call fails with "VALIDATION_FAILED"
    And the failure has:
      | path     | value                                                                                         |
      | /message | the event /Account#acc-1/2 cannot be appended to Account/acc-1: its sequence is not 1 |
