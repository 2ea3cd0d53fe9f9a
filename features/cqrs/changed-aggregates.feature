@needs-cqrs
Feature: Aggregates whose definition changes

  A snapshot holds what an earlier definition made of the events. If another one is in force by then, the snapshot is not
  used, and the state is made of the events anew. Events stay as they were stored, so older ones are lifted when read.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Cart",
        "snapshotEvery": 2,
        "initial": { "items": 0 },
        "commands": { "put": { "emits": [{ "event": "Put", "data": { "weight": 3 } }] } },
        "events": { "Put": [{ "add": "/items", "by": 1 }] }
      }
      """

  @integration-10 @needs-sqlite
  Scenario: A snapshot that was taken before the definition changed is not used
    Given the event store is kept in a file
    When these commands are sent:
      | command | to  |
      | put     | c-1 |
      | put     | c-1 |
    And the event store is reopened
    Given the aggregate:
      """json
      {
        "name": "Cart",
        "snapshotEvery": 2,
        "initial": { "items": 0, "weight": 0 },
        "commands": { "put": { "emits": [{ "event": "Put", "data": { "weight": 3 } }] } },
        "events": { "Put": [{ "add": "/items", "by": 1 }, { "add": "/weight", "by": "${/event/data/weight}" }] },
        "invariants": [
          {
            "unless": { "properties": { "state": { "properties": { "weight": { "maximum": 8 } } } } },
            "code": "TOO_HEAVY",
            "message": "the cart breaks"
          }
        ]
      }
      """
    When the command "put" is sent to "c-1"
    Then the command fails with "TOO_HEAVY"
    And the version of "c-1" is 2

  @integration-10
  Scenario Outline: After <what> changed, the state is as if it had always been so
    Given the aggregate:
      """json
      {
        "name": "Pile",
        "snapshotEvery": 2,
        "initial": { "height": 0 },
        "commands": { "lay": { "emits": [{ "event": "Laid", "data": { "by": 1, "on": "${/state/height}" } }] } },
        "events": { "Laid": [{ "add": "/height", "by": "${/event/data/by}" }] }
      }
      """
    When these commands are sent:
      | command | to  |
      | lay     | p-1 |
      | lay     | p-1 |
    Given the aggregate:
      """json
      {
        "name": "Pile",
        "snapshotEvery": 2,
        "initial": { "height": <initial> },
        "commands": { "lay": { "emits": [{ "event": "Laid", "data": { "by": 1, "on": "${/state/height}" } }] } },
        "events": { "Laid": [{ "<change>": "/height", "by": "${/event/data/by}" }] },
        "upcasts": { <upcasts> }
      }
      """
    When the command "lay" is sent to "p-1"
    And "EventStore.load" is called with:
      """json
      { "aggregate": "Pile", "aggregateId": "p-1", "revision": "none" }
      """
    Then the reply has:
      | path              | value |
      | /events/2/data/on | <on>  |

    Examples:
      | what              | initial | change   | upcasts                                         | on |
      | nothing           | 0       | add      |                                                 | 2  |
      | the initial state | 10      | add      |                                                 | 12 |
      | an event's effect | 0       | subtract |                                                 | -2 |
      | an upcast         | 0       | add      | "Laid": { "1": [{ "set": "/by", "to": 5 }] }    | 10 |

  @integration-10
  Scenario: Snapshots are taken again by the new definition
    When these commands are sent:
      | command | to  |
      | put     | c-1 |
      | put     | c-1 |
    Given the aggregate:
      """json
      {
        "name": "Cart",
        "snapshotEvery": 2,
        "initial": { "items": 10 },
        "commands": { "put": { "emits": [{ "event": "Put" }] } },
        "events": { "Put": [{ "add": "/items", "by": 1 }] }
      }
      """
    When these commands are sent:
      | command | to  |
      | put     | c-1 |
      | put     | c-1 |
    And "EventStore.load" is called with:
      """json
      { "aggregate": "Cart", "aggregateId": "c-1" }
      """
    Then the reply has:
      | path              | value           |
      | /snapshot/version | 4               |
      | /snapshot/state   | { "items": 14 } |
      | /events           | []              |

  @integration-9
  Scenario: Events of an older shape are lifted version by version
    When the command "put" is sent to "c-1"
    Given the aggregate:
      """json
      {
        "name": "Cart",
        "initial": { "total": 0 },
        "commands": { "put": { "emits": [{ "event": "Put", "data": { "mass": 3 } }] } },
        "events": { "Put": [{ "add": "/total", "by": "${/event/data/mass}" }] },
        "upcasts": { "Put": { "1": [{ "set": "/mass", "to": "${/event/data/weight}" }, { "remove": "/weight" }] } }
      }
      """
    When the command "put" is sent to "c-1"
    Given the aggregate:
      """json
      {
        "name": "Cart",
        "initial": { "total": 0 },
        "commands": {
          "put": {
            "emits": [{ "event": "Put", "data": { "load": { "mass": 3 }, "on": "${/state/total}" } }]
          }
        },
        "events": { "Put": [{ "add": "/total", "by": "${/event/data/load/mass}" }] },
        "upcasts": {
          "Put": {
            "1": [{ "set": "/mass", "to": "${/event/data/weight}" }, { "remove": "/weight" }],
            "2": [{ "set": "/load/mass", "to": "${/state/mass}" }, { "remove": "/mass" }]
          }
        }
      }
      """
    When the command "put" is sent to "c-1"
    And "EventStore.load" is called with:
      """json
      { "aggregate": "Cart", "aggregateId": "c-1" }
      """
    Then the reply has:
      | path                  | value                               |
      | /events/0/data        | { "weight": 3 }                   |
      | /events/1/data        | { "mass": 3 }                      |
      | /events/1/dataversion | 2                                   |
      | /events/2/data        | { "load": { "mass": 3 }, "on": 6 } |
      | /events/2/dataversion | 3                                   |

  @integration-9
  Scenario: An event of a shape that is newer than the definition fails the command
    Given the aggregate:
      """json
      {
        "name": "Cart",
        "commands": { "put": { "emits": [{ "event": "Put" }] } },
        "events": { "Put": [] },
        "upcasts": { "Put": { "1": [] } }
      }
      """
    When the command "put" is sent to "c-1"
    Given the aggregate:
      """json
      {
        "name": "Cart",
        "commands": { "put": { "emits": [{ "event": "Put" }] } },
        "events": { "Put": [] }
      }
      """
    When the command "put" is sent to "c-1"
    Then the command fails with "UNKNOWN_EVENT_TYPE"
    And the failure has:
      | path     | value                                          |
      | /message | Cart knows Put up to version 1, found dataversion 2 |
