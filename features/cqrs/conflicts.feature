@integration-9 @needs-cqrs
Feature: Conflicts between commands

  An append whose aggregate has changed meanwhile can never succeed at the version it expects, so it is not repeated:
  the command is decided anew on the new state. How often, and how fast, is up to the aggregate.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Lot",
        "initial": { "bids": 0 },
        "commands": { "bid": { "emits": [{ "event": "Bid" }] } },
        "events": { "Bid": [{ "add": "/bids", "by": 1 }] }
      }
      """
    And "EventStore.append" takes 10 ms

  Scenario: Of ten bids at once, four are placed and six are told of the conflict
    When these commands are sent at once:
      | command | to  |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
    Then 4 calls succeed
    And 6 calls fail with "CONCURRENT_MODIFICATION"
    And the version of "l-1" is 4

  Scenario: All ten are placed if commands are decided anew often enough
    Given commands are decided anew up to 9 times
    When these commands are sent at once:
      | command | to  |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
    Then 10 calls succeed
    And the version of "l-1" is 10

  Scenario: A command waits before it is decided anew
    Given commands are decided anew up to 20 times, waiting 30 ms between
    When these commands are sent at once:
      | command | to  |
      | bid     | l-1 |
      | bid     | l-1 |
      | bid     | l-1 |
    Then 3 calls succeed
    And the timeline has, in order:
      | at     | event           | command   | version |
      | 10 ms  | command_handled | command-1 | 1       |
      | 50 ms  | command_handled | command-2 | 2       |
      | 90 ms  | command_handled | command-3 | 3       |
    And it takes 90 ms

  Scenario: Commands that are never decided anew fail at the first conflict
    Given commands are decided anew up to 0 times
    When these commands are sent at once:
      | command | to  |
      | bid     | l-1 |
      | bid     | l-1 |
    Then 1 call succeeds
    And 1 call fails with "CONCURRENT_MODIFICATION"
    And "EventStore.append" is executed 2 times

  Scenario: An aggregate says itself how its commands are decided anew
    Given commands are decided anew up to 0 times
    And the aggregate:
      """json
      {
        "name": "Lot",
        "decidedAnew": { "maxRetries": 2, "base": "40 ms" },
        "initial": { "bids": 0 },
        "commands": { "bid": { "emits": [{ "event": "Bid" }] } },
        "events": { "Bid": [{ "add": "/bids", "by": 1 }] }
      }
      """
    And "EventStore.append" fails 3 times with "CONCURRENT_MODIFICATION"
    When the command "bid" is sent to "l-1"
    Then the command fails with "CONCURRENT_MODIFICATION"
    And "EventStore.append" is executed 3 times
    # Three appends of 10 ms; 40 ms and 80 ms between them.
    And it takes 150 ms

  Scenario: A retry policy for every call does not repeat an append after a conflict
    Given commands are decided anew up to 1 time
    And every call is retried by code:
      | codes                            | maxRetries | base |
      | TIMEOUT, CONCURRENT_MODIFICATION | 50         | 1 h  |
    And "EventStore.append" fails 2 times with "CONCURRENT_MODIFICATION"
    When the command "bid" is sent to "l-1"
    Then the command fails with "CONCURRENT_MODIFICATION"
    And "EventStore.load" is executed 2 times
    And "EventStore.append" is executed 2 times
    And it takes 20 ms

  Scenario: A retry policy still repeats an append after other failures
    Given "EventStore.append" is retried up to 1 time
    And "EventStore.append" fails 1 time with "CONNECTION_RESET"
    When the command "bid" is sent to "l-1"
    Then the command succeeds
    And "EventStore.load" is executed 1 time
    And "EventStore.append" is executed 2 times

  Scenario: A second creation under one id is refused when it is decided anew
    Given the aggregate:
      """json
      {
        "name": "Desk",
        "initial": { "open": false },
        "commands": {
          "open": {
            "refuse": [
              {
                "unless": { "properties": { "state": { "properties": { "open": { "const": false } } } } },
                "code": "ALREADY_OPEN",
                "message": "the desk is open already"
              }
            ],
            "emits": [{ "event": "Opened" }]
          }
        },
        "events": { "Opened": [{ "set": "/open", "to": true }] }
      }
      """
    When these commands are sent at once:
      | command | to  |
      | open    | d-1 |
      | open    | d-1 |
    Then 1 call succeeds
    And 1 call fails with "ALREADY_OPEN"
    And "EventStore.append" is executed 2 times
