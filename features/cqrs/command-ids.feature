@integration-9 @needs-cqrs
Feature: Ids of commands

  A command id stands for one command to one aggregate. If it comes again with another type or payload, the sender has
  made a mistake, and an answer with the first result would hide it.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Wallet",
        "initial": { "sum": 0 },
        "commands": {
          "load": { "emits": [{ "event": "Loaded", "data": { "amount": "${/command/payload/amount}" } }] },
          "spend": { "emits": [{ "event": "Spent", "data": { "amount": "${/command/payload/amount}" } }] },
          "look": {}
        },
        "events": {
          "Loaded": [{ "add": "/sum", "by": "${/event/data/amount}" }],
          "Spent": [{ "subtract": "/sum", "by": "${/event/data/amount}" }]
        }
      }
      """

  Scenario Outline: A command id that comes again with another <difference> is refused
    When these commands are sent:
      | command   | to  | payload         | id  |
      | load      | w-1 | { "amount": 5 } | k-1 |
      | <command> | w-1 | <payload>       | k-1 |
    Then 1 call succeeds
    And the command fails with "IDEMPOTENCY_KEY_REUSED"
    And the failure has:
      | path     | value                                                                        |
      | /message | the command id "k-1" came before to Wallet/w-1 with another type or payload |
    And the version of "w-1" is 1
    And "EventStore.append" is executed 1 time
    And the timeline has, in order:
      | event           | command | code                   |
      | command_handled | k-1     |                        |
      | command_refused | k-1     | IDEMPOTENCY_KEY_REUSED |

    Examples:
      | difference | command | payload                       |
      | amount     | load    | { "amount": 50 }              |
      | type       | spend   | { "amount": 5 }               |
      | field      | load    | { "amount": 5, "note": null } |

  Scenario: The order of the payload's fields makes no difference
    When these commands are sent:
      | command | to  | payload                      | id  |
      | load    | w-1 | { "amount": 5, "note": "a" } | k-1 |
      | load    | w-1 | { "note": "a", "amount": 5 } | k-1 |
    Then 2 calls succeed
    And the version of "w-1" is 1

  Scenario: Of two commands with one id, sent at once, one is refused
    Given "EventStore.append" takes 10 ms
    When these commands are sent at once:
      | command | to  | payload          | id  |
      | load    | w-1 | { "amount": 5 }  | k-1 |
      | load    | w-1 | { "amount": 50 } | k-1 |
    Then 1 call succeeds
    And 1 call fails with "IDEMPOTENCY_KEY_REUSED"
    And the version of "w-1" is 1
    And the timeline has, in order:
      | event           | command | code                   |
      | command_handled | k-1     |                        |
      | command_refused | k-1     | IDEMPOTENCY_KEY_REUSED |

  Scenario: The same id for another aggregate is another command
    When these commands are sent:
      | command | to  | payload          | id  |
      | load    | w-1 | { "amount": 5 }  | k-1 |
      | load    | w-2 | { "amount": 50 } | k-1 |
    Then 2 calls succeed
    And the version of "w-2" is 1

  Scenario: An id and an aggregate do not meet those that read the same when joined
    When these commands are sent:
      | command | to    | payload          | id   |
      | load    | a     | { "amount": 5 }  | b/c  |
      | load    | a/b   | { "amount": 50 } | c    |
      | load    | a~1b  | { "amount": 7 }  | c    |
    Then 3 calls succeed
    And the version of "a" is 1
    And the version of "a/b" is 1
    And the version of "a~1b" is 1

  Scenario: The id of a refused command may come again with another payload
    When these commands are sent:
      | command | to  | payload         | id  |
      | load    | w-1 | {}              | k-1 |
      | load    | w-1 | { "amount": 5 } | k-1 |
    Then 1 call fails with "INVALID_REFERENCE"
    And 1 call succeeds
    And the version of "w-1" is 1

  @needs-sqlite
  Scenario: A command id that comes again with another amount is refused after reopening the file
    Given the event store is kept in a file
    When these commands are sent:
      | command | to  | payload         | id  |
      | load    | w-1 | { "amount": 5 } | k-1 |
    And the event store is reopened
    And these commands are sent:
      | command | to  | payload          | id  |
      | load    | w-1 | { "amount": 5 }  | k-1 |
      | load    | w-1 | { "amount": 50 } | k-1 |
    Then 1 call succeeds
    And 1 call fails with "IDEMPOTENCY_KEY_REUSED"
    And the version of "w-1" is 1

  Scenario: A repeated command whose first append takes effect meanwhile is the same command
    Given "EventStore.append" times out after 5 s
    And "EventStore.append" answers:
      | execution | answer       |
      | 1         | late 1 s     |
      | 2         | after 2 s ok |
    When these commands are sent:
      | command | to  | payload         | id  |
      | load    | w-1 | { "amount": 5 } | k-1 |
      | load    | w-1 | { "amount": 5 } | k-1 |
    Then 1 call fails with "TIMEOUT"
    And 1 call succeeds
    And the version of "w-1" is 1
    And no effect happens twice
