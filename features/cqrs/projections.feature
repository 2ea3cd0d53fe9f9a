@integration-10 @needs-cqrs
Feature: Projections

  A projection builds a read model from events, in order, continuing after its checkpoint. An event that it cannot apply
  holds the checkpoint back and is retried; more than ten recent errors pause it. Other projections continue.

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
    And the projection:
      """json
      {
        "name": "Balances",
        "handles": {
          "Deposited": { "changes": [{ "add": "/balance", "by": "${/event/data/amount}" }] },
          "Withdrawn": { "changes": [{ "subtract": "/balance", "by": "${/event/data/amount}" }] },
          "FeeCharged": { "changes": [{ "subtract": "/balance", "by": "${/event/data/amount}" }] }
        }
      }
      """

  Scenario: Events are applied up to the checkpoint
    When these commands are sent:
      | command  | to    | payload            |
      | open     | acc-1 | { "owner": "Ada" } |
      | deposit  | acc-1 | { "amount": 100 }  |
      | withdraw | acc-1 | { "amount": 30 }   |
      | deposit  | acc-2 | { "amount": 5 }    |
      | open     | acc-2 | { "owner": "Bob" } |
    Then the read model "Balances" has "acc-1":
      """json
      { "balance": 69 }
      """
    And the read model "Balances" has "acc-2":
      """json
      { "balance": 5 }
      """
    And the read model "Balances" has nothing for "acc-3"
    And the checkpoint of "Balances" is 5
    And the projection "Balances" is running
    And no event holds "Balances" back

  Scenario: A projection added later catches up with stored events
    When these commands are sent:
      | command | to    | payload            |
      | open    | acc-1 | { "owner": "Ada" } |
      | open    | acc-2 | { "owner": "Bob" } |
    Given the projection:
      """json
      {
        "name": "Owners",
        "handles": {
          "AccountOpened": {
            "key": "${/event/data/owner}",
            "changes": [{ "append": "/accounts", "item": "${/event/subject}" }]
          }
        }
      }
      """
    When the projections catch up
    Then the read model "Owners" has "Ada":
      """json
      { "accounts": ["acc-1"] }
      """
    And the checkpoint of "Owners" is 2

  Scenario: A query during the lag reads the old state
    Given "Balances.apply" takes 200 ms
    When the command "deposit" is sent to "acc-1" without waiting for projections, with:
      """json
      { "amount": 100 }
      """
    Then the command succeeds
    When "Balances" is queried for "acc-1"
    Then the reply has:
      | path                 | value |
      | /data                | null  |
      | /metadata/checkpoint | 0     |
    When 199 ms pass
    And "Balances" is queried for "acc-1"
    Then the reply has:
      | path  | value |
      | /data | null  |
    When 1 ms passes
    And "Balances" is queried for "acc-1"
    Then the reply is:
      """json
      {
        "data": { "balance": 100 },
        "metadata": { "queryType": "Balances", "timestamp": "2025-01-01T00:00:00.2Z", "checkpoint": 1 }
      }
      """
    And the lag of "Balances" is 200 ms
    And the timeline has, in order:
      | at    | event               | projection | checkpoint | type      | lag   |
      | 200 ms | projection_advanced | Balances   | 1          | Deposited | 200 ms |

  Scenario: Lag adds up if events arrive faster than they are applied
    Given "Balances.apply" takes 200 ms
    When these commands are sent at once:
      | command | to    | payload         |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-2 | { "amount": 1 } |
      | deposit | acc-3 | { "amount": 1 } |
    Then the timeline has, in order:
      | event               | checkpoint | lag   |
      | projection_advanced | 1          | 200 ms |
      | projection_advanced | 2          | 400 ms |
      | projection_advanced | 3          | 600 ms |
    And it takes 600 ms

  Scenario: A query without a key reads all documents
    When these commands are sent:
      | command | to    | payload         |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-2 | { "amount": 2 } |
    And "Balances" is queried
    Then the reply has:
      | path  | value                                                    |
      | /data | { "acc-1": { "balance": 1 }, "acc-2": { "balance": 2 } } |

  Scenario: An unknown read model fails with the nearest name
    When "Balanses" is queried for "acc-1"
    Then the call fails with "UNKNOWN_READ_MODEL"
    And the failure has:
      | path     | value                                                          |
      | /message | read model "Balanses" does not exist: did you mean "Balances"? |

  Scenario: A poison event holds the checkpoint back, and later events wait
    Given "Balances.apply" answers:
      | execution | answer           |
      | 2-4       | error TOOL_ERROR |
    When these commands are sent:
      | command | to    | payload         |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-2 | { "amount": 2 } |
      | deposit | acc-3 | { "amount": 3 } |
    Then the checkpoint of "Balances" is 1
    And the read model "Balances" has nothing for "acc-3"
    And the failed event of "Balances" has:
      | path           | value                |
      | /projection    | Balances             |
      | /position      | 2                    |
      | /event/subject | acc-2                |
      | /error/code    | TOOL_ERROR           |
      | /timestamp     | 2025-01-01T00:00:00Z |
      | /retries       | 0                    |
    When 2 s pass
    Then the checkpoint of "Balances" is 1
    And the failed event of "Balances" has:
      | path       | value                |
      | /retries   | 1                    |
      | /timestamp | 2025-01-01T00:00:02Z |
    When the projections catch up
    Then the checkpoint of "Balances" is 3
    And no event holds "Balances" back
    And the read model "Balances" has "acc-2":
      """json
      { "balance": 2 }
      """
    And the timeline has, in order:
      | at | event               | position | checkpoint | code       | retries | lag |
      | 0 s | projection_advanced |          | 1          |            |         | 0 s |
      | 0 s | projection_failed   | 2        |            | TOOL_ERROR | 0       |     |
      | 2 s | projection_failed   | 2        |            | TOOL_ERROR | 1       |     |
      | 4 s | projection_failed   | 2        |            | TOOL_ERROR | 2       |     |
      | 6 s | projection_advanced |          | 2          |            |         | 6 s |
      | 6 s | projection_advanced |          | 3          |            |         | 6 s |

  Scenario: A projection keeps running after ten errors
    Given "Balances.apply" fails 10 times with "TOOL_ERROR"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 100 }
      """
    And 18 s pass
    Then the projection "Balances" is running
    And the checkpoint of "Balances" is 0
    And the failed event of "Balances" has:
      | path     | value |
      | /retries | 9     |
    When the projections catch up
    Then the projection "Balances" is running
    And the checkpoint of "Balances" is 1

  Scenario: The eleventh error pauses a projection, and the others continue
    Given the projection:
      """json
      {
        "name": "Deposits",
        "handles": { "Deposited": { "key": "all", "changes": [{ "add": "/count", "by": 1 }] } }
      }
      """
    And "Balances.apply" fails 11 times with "TOOL_ERROR"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 100 }
      """
    And the projections catch up
    Then the projection "Balances" is paused
    And the checkpoint of "Balances" is 0
    And "Balances.apply" is executed 11 times
    And the timeline has, in order:
      | at  | event             | projection | errors |
      | 20 s | projection_paused | Balances   | 11     |
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And 1 h passes
    Then the projection "Balances" is paused
    And "Balances.apply" is executed 11 times
    And the projection "Deposits" is running
    And the checkpoint of "Deposits" is 2

  Scenario: A resumed projection continues from its checkpoint
    Given "Balances.apply" fails 11 times with "TOOL_ERROR"
    When these commands are sent:
      | command | to    | payload         |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-1 | { "amount": 2 } |
    And the projections catch up
    Then the projection "Balances" is paused
    When the projection "Balances" is resumed
    Then the projection "Balances" is running
    And the checkpoint of "Balances" is 2
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 3 }
      """
    And the timeline has, in order:
      | event               | projection | checkpoint |
      | projection_paused   | Balances   |            |
      | projection_resumed  | Balances   |            |
      | projection_advanced | Balances   | 1          |
      | projection_advanced | Balances   | 2          |

  Scenario: Errors before a resume no longer count
    Given "Balances.apply" fails 21 times with "TOOL_ERROR"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And the projections catch up
    Then the projection "Balances" is paused
    When the projection "Balances" is resumed
    And the projections catch up
    Then the projection "Balances" is running
    And the checkpoint of "Balances" is 1

  Scenario: Errors outside the window do not pause a projection
    Given the projection:
      """json
      {
        "name": "Patient",
        "errorWindow": "10s",
        "handles": { "Deposited": { "key": "all", "changes": [{ "add": "/count", "by": 1 }] } }
      }
      """
    And "Patient.apply" fails 20 times with "TOOL_ERROR"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And the projections catch up
    Then the projection "Patient" is running
    And "Patient.apply" is executed 21 times

  Scenario: A rebuild replays handled events, sets the checkpoint and resumes
    Given "Balances.apply" fails 11 times with "TOOL_ERROR"
    When these commands are sent:
      | command | to    | payload            |
      | deposit | acc-1 | { "amount": 1 }    |
      | deposit | acc-1 | { "amount": 2 }    |
      | open    | acc-1 | { "owner": "Ada" } |
    And the projections catch up
    Then the projection "Balances" is paused
    When the projection "Balances" is rebuilt
    Then the projection "Balances" is running
    And the checkpoint of "Balances" is 2
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 3 }
      """
    And the timeline has, in order:
      | event              | projection | call           | events | checkpoint |
      | projection_paused  | Balances   |                |        |            |
      | call_ended         |            | Balances.reset |        |            |
      | projection_rebuilt | Balances   |                | 2      | 2          |
      | projection_resumed | Balances   |                |        |            |

  Scenario: A rebuild of a running projection applies each event once
    When these commands are sent:
      | command | to    | payload         |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-1 | { "amount": 2 } |
    And the projection "Balances" is rebuilt
    Then the checkpoint of "Balances" is 2
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 3 }
      """
    And the timeline has none of:
      | event              |
      | projection_resumed |

  Scenario: A rebuild whose replay fails is retried
    When these commands are sent:
      | command | to    | payload         |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-1 | { "amount": 2 } |
    Given "Balances.replay" fails 3 times with "TOOL_ERROR"
    When the projection "Balances" is rebuilt
    Then the projection "Balances" is rebuilding
    And the checkpoint of "Balances" is 0
    And the failed event of "Balances" has:
      | path        | value      |
      | /position   | 1          |
      | /error/code | TOOL_ERROR |
    When the projections catch up
    Then the projection "Balances" is running
    And the checkpoint of "Balances" is 2
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 3 }
      """

  Scenario: A poison event holds a rebuild back and finally pauses it
    Given the projection:
      """json
      {
        "name": "Names",
        "handles": {
          "AccountOpened": {
            "key": "${/event/data/owner}",
            "changes": [{ "append": "/accounts", "item": "${/event/subject}" }]
          },
          "Deposited": { "key": "${/event/data/amount}", "changes": [{ "set": "/a/b", "to": 1 }] }
        }
      }
      """
    When these commands are sent:
      | command | to    | payload            |
      | open    | acc-1 | { "owner": "Ada" } |
      | open    | acc-2 | { "owner": ["x"] } |
      | open    | acc-3 | { "owner": "Eve" } |
    And the projections catch up
    Then the projection "Names" is paused
    And the checkpoint of "Names" is 1
    When the projection "Names" is rebuilt
    Then the projection "Names" is rebuilding
    And the checkpoint of "Names" is 1
    And the read model "Names" has "Ada":
      """json
      { "accounts": ["acc-1"] }
      """
    And the read model "Names" has nothing for "Eve"
    And the failed event of "Names" has:
      | path           | value             |
      | /position      | 2                 |
      | /event/subject | acc-2             |
      | /error/code    | VALIDATION_FAILED |
      | /retries       | 0                 |
    When the projections catch up
    Then the projection "Names" is paused
    And the failed event of "Names" has:
      | path     | value |
      | /retries | 10    |
    And the checkpoint of "Names" is 1

  Scenario: An event is applied once if its first call takes effect after the timeout
    Given "Balances.apply" answers:
      | execution | answer   |
      | 1         | late 1 s |
    And "Balances.apply" times out after 1 s
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And 10 s pass
    Then the checkpoint of "Balances" is 1
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 1 }
      """

  Scenario: An outage of the store does not count as errors of a projection
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    Given "EventStore.read" fails 20 times with "SERVICE_UNAVAILABLE"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 2 }
      """
    Then the checkpoint of "Balances" is 1
    When the projections catch up
    Then the projection "Balances" is running
    And the checkpoint of "Balances" is 2
    And no event holds "Balances" back

  Scenario: A target service receives each event once
    Given a service "Search"
    And the projection:
      """json
      { "name": "SearchIndex", "target": "Search.index", "reset": "Search.clear", "handles": { "Deposited": {} } }
      """
    And "Search.index" fails 2 times with "TOOL_ERROR"
    When these commands are sent:
      | command | to    | payload         |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-2 | { "amount": 2 } |
    And the projections catch up
    Then the checkpoint of "SearchIndex" is 2
    And "Search.index" is executed 4 times
    And no effect happens twice
    When the projection "SearchIndex" is rebuilt
    Then "Search.clear" is executed 1 time
    And "Search.index" is executed 6 times
    And the checkpoint of "SearchIndex" is 2

  @needs-sqlite
  Scenario: A read model survives reopening the store
    Given the event store is kept in a file
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And the event store is reopened
    And the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 2 }
      """
    Then the checkpoint of "Balances" is 2
    And "Balances.apply" is executed 2 times
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 3 }
      """

  Scenario: A reset that takes effect after its timeout does not clear what was rebuilt since
    Given "Balances.reset" times out after 1 s
    And "Balances.reset" answers:
      | execution | answer    |
      | 1         | late 10 s |
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And the projection "Balances" is rebuilt
    And the projections catch up
    And 1 min passes
    Then "Balances.reset" is executed 2 times
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 1 }
      """

  Scenario: A rebuild ends at once if there are no events
    Given the projection:
      """json
      { "name": "Counts", "rebuild": "beside", "handles": { "Deposited": { "changes": [{ "add": "/count", "by": 1 }] } } }
      """
    When the projection "Counts" is rebuilt
    And the projection "Balances" is rebuilt
    Then the projection "Counts" is running
    And the projection "Balances" is running
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    Then the read model "Counts" has "acc-1":
      """json
      { "count": 1 }
      """

  Scenario Outline: A projector that is lost while <what> continues after its checkpoint
    Given "Balances.apply" answers:
      | execution | answer   |
      | 2         | <answer> |
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And the command "deposit" is sent to "acc-1" without waiting for projections, with:
      """json
      { "amount": 2 }
      """
    And 500 ms pass
    And the projector restarts
    And the projections catch up
    Then the checkpoint of "Balances" is 2
    And it takes 0 s
    And the read model "Balances" has "acc-1":
      """json
      { "balance": 3 }
      """
    And "Balances.apply" is executed 3 times

    Examples:
      | what                           | answer       |
      | an event is applied            | after 1 s ok |
      | no answer arrives              | hang         |
      | the answer is lost             | lost         |
      | it waits to apply one again    | error TOOL_ERROR |

  Scenario: A target service receives an event once though the projector is lost before its answer
    Given a service "Search"
    And the projection:
      """json
      { "name": "SearchIndex", "target": "Search.index", "reset": "Search.clear", "handles": { "Deposited": {} } }
      """
    And "Search.index" answers:
      | execution | answer |
      | 1         | lost   |
    When the command "deposit" is sent to "acc-1" without waiting for projections, with:
      """json
      { "amount": 1 }
      """
    And 500 ms pass
    And the projector restarts
    Then the checkpoint of "SearchIndex" is 1
    And "Search.index" is executed 2 times
    And no effect happens twice

  Scenario: A paused projection stays paused when the projector restarts
    Given "Balances.apply" fails 11 times with "TOOL_ERROR"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    And the projections catch up
    And the projector restarts
    Then the projection "Balances" is paused
    And "Balances.apply" is executed 11 times
    When the projection "Balances" is resumed
    Then the checkpoint of "Balances" is 1
