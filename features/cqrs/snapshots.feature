@integration-10 @needs-cqrs
Feature: Snapshots of aggregates

  The state of an aggregate is stored at an interval, so that loading it reads only the later events. Decisions do not
  depend on it.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Counter",
        "snapshotEvery": 3,
        "initial": { "count": 0 },
        "commands": {
          "count": { "emits": [{ "event": "Counted", "data": { "before": "${/state/count}" } }] },
          "countTwice": {
            "emits": [
              { "event": "Counted", "data": { "before": "${/state/count}" } },
              { "event": "Counted", "data": { "before": "${/state/count}" } }
            ]
          }
        },
        "events": { "Counted": [{ "add": "/count", "by": 1 }] }
      }
      """

  Scenario: A snapshot is taken at the interval
    When these commands are sent:
      | command | to  |
      | count   | c-1 |
      | count   | c-1 |
    Then the timeline has none of:
      | event          |
      | snapshot_taken |
    When the command "count" is sent to "c-1"
    Then the timeline has, in order:
      | event           | aggregateId | version |
      | command_handled | c-1         | 3       |
      | snapshot_taken  | c-1         | 3       |

  Scenario: Only events after the snapshot are loaded, and the decision is the same
    When these commands are sent:
      | command | to  |
      | count   | c-1 |
      | count   | c-1 |
      | count   | c-1 |
      | count   | c-1 |
    And the command "count" is sent to "c-1"
    And "EventStore.load" is called with:
      """json
      { "aggregate": "Counter", "aggregateId": "c-1" }
      """
    Then the reply has:
      | path                  | value          |
      | /version              | 5              |
      | /snapshot/version     | 3              |
      | /snapshot/state       | { "count": 3 } |
      | /events/0/sequence    | "4"            |
      | /events/1/data/before | 4              |

  Scenario: A snapshot is taken if several events of a command cross the interval
    When these commands are sent:
      | command    | to  |
      | countTwice | c-1 |
      | countTwice | c-1 |
    Then the timeline has, in order:
      | event          | aggregateId | version |
      | snapshot_taken | c-1         | 4       |

  @needs-sqlite
  Scenario: Snapshots survive reopening the file
    Given the event store is kept in a file
    When these commands are sent:
      | command | to  |
      | count   | c-1 |
      | count   | c-1 |
      | count   | c-1 |
    And the event store is reopened
    And "EventStore.load" is called with:
      """json
      { "aggregate": "Counter", "aggregateId": "c-1" }
      """
    Then the reply has:
      | path              | value          |
      | /version          | 3              |
      | /snapshot/version | 3              |
      | /snapshot/state   | { "count": 3 } |
      | /events           | []             |

  Scenario: A failed snapshot does not fail the command
    Given "EventStore.saveSnapshot" fails 1 time with "ENOSPC"
    When these commands are sent:
      | command | to  |
      | count   | c-1 |
      | count   | c-1 |
      | count   | c-1 |
    Then the command succeeds
    And the timeline has, in order:
      | event   | about       |
      | warning | Counter/c-1 |
    When the command "count" is sent to "c-1"
    Then the reply has:
      | path     | value |
      | /version | 4     |
