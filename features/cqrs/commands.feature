@integration-9 @needs-cqrs
Feature: Commands

  A command loads its aggregate, which decides it; the events are appended after the loaded version. If that
  conflicts with another command, the slower one is decided anew, from the load.

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

  Scenario: A command raises the version by the number of its events
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 100 }
      """
    Then the command succeeds
    And the version of "acc-1" is 1
    When the command "withdraw" is sent to "acc-1" with:
      """json
      { "amount": 30 }
      """
    Then the command succeeds
    And the reply is:
      """json
      { "success": true, "aggregateId": "acc-1", "version": 3, "events": ["Withdrawn", "FeeCharged"] }
      """
    And the version of "acc-1" is 3
    And the version of "acc-2" is 0

  Scenario: A command is handled in the order load, append, result
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 100 }
      """
    Then the timeline has, in order:
      | event           | call              | type    | aggregateId | version | events        |
      | call_ended      | EventStore.load   |         |             |         |               |
      | call_started    | EventStore.append |         |             |         |               |
      | events_appended |                   |         | acc-1       | 1       | ["Deposited"] |
      | command_handled |                   | deposit | acc-1       | 1       | ["Deposited"] |

  Scenario: Events carry the command's sender, trace and id
    When this command is sent:
      """json
      {
        "id": "c-7",
        "type": "deposit",
        "aggregateId": "acc-1",
        "payload": { "amount": 5 },
        "metadata": { "userId": "u-1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }
      }
      """
    Then the events of "acc-1" are part of the trace "4bf92f3577b34da6a3ce929d0e0e4736"
    And the timeline has none of:
      | event   |
      | warning |
    When "EventStore.read" is called with:
      """json
      { "limit": 1 }
      """
    Then the reply has:
      | path                          | value                |
      | /events/0/position            | 1                    |
      | /events/0/event/id            | acc-1/1              |
      | /events/0/event/source        | /Account             |
      | /events/0/event/type          | Deposited            |
      | /events/0/event/subject       | acc-1                |
      | /events/0/event/sequence      | "1"                  |
      | /events/0/event/time          | 2025-01-01T00:00:00Z |
      | /events/0/event/correlationid | acc-1                |
      | /events/0/event/causationid   | c-7                  |
      | /events/0/event/userid        | u-1                  |
      | /events/0/event/data          | { "amount": 5 }      |

  @integration-12
  Scenario Outline: A command with a traceparent <fault> starts a new trace with a warning
    When this command is sent:
      """json
      {
        "id": "c-7",
        "type": "deposit",
        "aggregateId": "acc-1",
        "payload": { "amount": 5 },
        "metadata": { "traceparent": "<traceparent>" }
      }
      """
    Then the command succeeds
    And the events of "acc-1" are part of a new trace
    And the timeline has, in order:
      | event           | about                        | message                                                      |
      | warning         | command c-7 to Account/acc-1 | "<traceparent>" is not a valid traceparent: <why>; a new trace begins |
      | command_handled |                              |                                                              |

    Examples:
      | fault                 | traceparent                                             | why                                                                        |
      | with a trace of zeros | 00-00000000000000000000000000000000-00f067aa0ba902b7-01 | the trace id is all zero                                                   |
      | of version ff         | ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 | the version ff is forbidden                                                |
      | that is too short     | 00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01  | expected "00-<32 hex digits>-<16 hex digits>-<2 hex digits>" in lower case |

  @integration-12
  Scenario: An invalid traceparent is warned about once, even if the command is decided anew
    Given "EventStore.append" takes 10 ms
    And "EventStore.append" fails 1 time with "CONCURRENT_MODIFICATION"
    When this command is sent:
      """json
      {
        "id": "c-7",
        "type": "withdraw",
        "aggregateId": "acc-1",
        "payload": { "amount": -5 },
        "metadata": { "traceparent": "" }
      }
      """
    Then the command succeeds
    And "EventStore.append" is executed 2 times
    And the events of "acc-1" are part of a new trace
    And the timeline has, in order:
      | at  | event   | about                        |
      | 0 ms | warning | command c-7 to Account/acc-1 |
    And the timeline has none of:
      | at   | event   |
      | 10 ms | warning |
      | 20 ms | warning |

  Scenario: A refused command changes nothing
    When these commands are sent:
      | command | to    | payload              |
      | open    | acc-1 | { "owner": "Ada" }   |
      | open    | acc-1 | { "owner": "Grace" } |
    Then the command fails with "ALREADY_OPEN"
    And 1 call succeeds
    And the version of "acc-1" is 1
    And the timeline has, in order:
      | event           | command   | type | aggregateId | code         |
      | command_handled | command-1 | open | acc-1       |              |
      | command_refused | command-2 | open | acc-1       | ALREADY_OPEN |

  Scenario: A command that would violate an invariant is refused
    When these commands are sent:
      | command  | to    | payload           |
      | deposit  | acc-1 | { "amount": 100 } |
      | withdraw | acc-1 | { "amount": 100 } |
      | withdraw | acc-1 | { "amount": 99 }  |
    Then 2 calls succeed
    And 1 call fails with "INSUFFICIENT_FUNDS"
    And the version of "acc-1" is 3

  Scenario: A command with an invalid payload is refused
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": -5 }
      """
    Then the command fails with "VALIDATION_FAILED"
    And the failure has:
      | path   | value   |
      | /field | /amount |

  Scenario: An unknown command fails with the nearest name
    When the command "depositt" is sent to "acc-1"
    Then the command fails with "UNKNOWN_COMMAND_TYPE"
    And the failure has:
      | path     | value                                                                  |
      | /message | no aggregate has a command "depositt": did you mean "deposit"? |

  Scenario: A stored event that the aggregate no longer has fails the command with the nearest name
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    Given the aggregate:
      """json
      {
        "name": "Account",
        "commands": { "deposit": { "emits": [{ "event": "Deposit" }] } },
        "events": { "Deposit": [] }
      }
      """
    When the command "deposit" is sent to "acc-1"
    Then the command fails with "UNKNOWN_EVENT_TYPE"
    And the failure has:
      | path     | value                                                     |
      | /message | Account has no event "Deposited": did you mean "Deposit"? |

  Scenario: A command without events leaves the version as it is
    When the command "look" is sent to "acc-1"
    Then the command succeeds
    And the reply has:
      | path     | value |
      | /version | 0     |
      | /events  | []    |
    And "EventStore.append" is never executed

  Scenario: The slower of two concurrent commands is decided anew, from the load
    Given "EventStore.append" takes 10 ms
    When these commands are sent at once:
      | command  | to    | payload           |
      | deposit  | acc-1 | { "amount": 100 } |
      | deposit  | acc-1 | { "amount": 10 }  |
    Then 2 calls succeed
    And the version of "acc-1" is 2
    And the timeline has, in order:
      | at   | event           | command   | call              | execution | result                  |
      | 10 ms | call_ended      |           | EventStore.append | 1         | ok                      |
      | 10 ms | command_handled | command-1 |                   |           |                         |
      | 10 ms | call_ended      |           | EventStore.append | 2         | CONCURRENT_MODIFICATION |
      | 10 ms | call_started    |           | EventStore.load   | 3         |                         |
      | 20 ms | call_ended      |           | EventStore.append | 3         | ok                      |
      | 20 ms | command_handled | command-2 |                   |           |                         |
    And it takes 20 ms

  Scenario: The slower command is decided on the state that the faster one left
    Given "EventStore.append" takes 10 ms
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 50 }
      """
    And these commands are sent at once:
      | command  | to    | payload          |
      | withdraw | acc-1 | { "amount": 40 } |
      | withdraw | acc-1 | { "amount": 40 } |
    Then 1 call succeeds
    And 1 call fails with "INSUFFICIENT_FUNDS"
    And the version of "acc-1" is 3

  Scenario: Concurrent commands to different aggregates do not conflict
    Given "EventStore.append" takes 10 ms
    When these commands are sent at once:
      | command | to    | payload        |
      | deposit | acc-1 | { "amount": 1 } |
      | deposit | acc-2 | { "amount": 1 } |
    Then 2 calls succeed
    And it takes 10 ms

  Scenario: A command succeeds when it is decided for the fourth time, after three conflicts
    Given "EventStore.append" fails 3 times with "CONCURRENT_MODIFICATION"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 100 }
      """
    Then the command succeeds
    And "EventStore.load" is executed 4 times
    And "EventStore.append" is executed 4 times
    And the version of "acc-1" is 1

  Scenario: A command fails after a conflict when it is decided for the fourth time
    Given "EventStore.append" fails 4 times with "CONCURRENT_MODIFICATION"
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 100 }
      """
    Then the command fails with "CONCURRENT_MODIFICATION"
    And "EventStore.append" is executed 4 times
    And the failure has:
      | path        | value |
      | /executions | 4     |
    And the version of "acc-1" is 0
    And the timeline has, in order:
      | event          | type    | aggregateId | code                    |
      | command_failed | deposit | acc-1       | CONCURRENT_MODIFICATION |

  Scenario: A failure of the store other than a conflict is not retried
    Given "EventStore" is down
    When the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 100 }
      """
    Then the command fails with "SERVICE_UNAVAILABLE"
    And "EventStore.load" is executed 1 time
    And "EventStore.append" is never executed
    And the version of "acc-1" is 0

  Scenario: A repeated command is handled once
    When these commands are sent:
      | command | to    | payload         | id  |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
      | deposit | acc-1 | { "amount": 1 } | c-2 |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
    Then the command succeeds
    And the reply has:
      | path     | value         |
      | /version | 1             |
      | /events  | ["Deposited"] |
    And the version of "acc-1" is 2
    And "EventStore.append" is executed 2 times
    And the timeline has, in order:
      | event            | command | version |
      | command_handled  | c-1     | 1       |
      | command_handled  | c-2     | 2       |
      | command_repeated | c-1     | 1       |

  Scenario: A repeated command is appended once if the first append takes effect after its timeout
    Given "EventStore.append" answers:
      | execution | answer   |
      | 1         | late 5 s |
    And "EventStore.append" times out after 1 s
    When these commands are sent:
      | command | to    | payload         | id  |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
    Then 1 call fails with "TIMEOUT"
    And 1 call succeeds
    When 10 s pass
    And the command "deposit" is sent to "acc-1" with:
      """json
      { "amount": 1 }
      """
    Then the version of "acc-1" is 2
    And no effect happens twice

  Scenario: A repeated command finds the append that took effect after its timeout
    Given "EventStore.append" answers:
      | execution | answer   |
      | 1         | late 5 s |
    And "EventStore.append" times out after 1 s
    When these commands are sent:
      | command | to    | payload         | id  |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
    Then the command fails with "TIMEOUT"
    And the version of "acc-1" is 0
    When 10 s pass
    And these commands are sent:
      | command | to    | payload         | id  |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
    Then the command succeeds
    And the version of "acc-1" is 1
    And "EventStore.append" is executed 1 time

  Scenario: A repeated command is appended once if the first reply was lost
    Given "EventStore.append" answers:
      | execution | answer  |
      | 1         | corrupt |
    When these commands are sent:
      | command | to    | payload         | id  |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
      | deposit | acc-1 | { "amount": 1 } | c-1 |
    Then 1 call fails with "CORRUPTION_DETECTED"
    And 1 call succeeds
    And the version of "acc-1" is 1
    And "EventStore.append" is executed 1 time
