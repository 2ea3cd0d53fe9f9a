@needs-cqrs
Feature: Faulty aggregates and projections

  A definition is read strictly: what is wrong with it is told when it is loaded, with its place and the nearest valid
  name.

  @integration-9
  Scenario: A sound aggregate
    When the aggregate is loaded:
      """json
      {
        "name": "Account",
        "description": "Money of someone's.",
        "snapshotEvery": 100,
        "initial": { "balance": 0 },
        "commands": {
          "deposit": { "description": "More.", "emits": [{ "event": "Deposited", "data": "${/command/payload}" }] }
        },
        "events": { "Deposited": [{ "add": "/balance", "by": "${/event/data/amount}" }] }
      }
      """
    Then the fixture is sound

  @integration-9
  Scenario Outline: An aggregate with <fault> is refused
    When the aggregate is loaded:
      """json
      {
        "name": "<name>",
        "commands": { "deposit": { <command> } },
        "events": { "Deposited": [<change>] }<more>
      }
      """
    Then the fixture has these faults:
      | pointer   | message   |
      | <pointer> | <message> |

    Examples: Names and fields
      | fault               | name    | command         | change                  | more                              | pointer                  | message                                           |
      | no name             |         |                 |                         |                                   | /name                    | names no aggregate                                |
      | a slash in its name | a/b     |                 |                         |                                   | /name                    | "a/b" names no aggregate                          |
      | an unknown field    | Account |                 |                         | , "invariant": []                 | /invariant               | did you mean "invariants"?                        |
      | an unknown field    | Account | "emit": []      |                         |                                   | /commands/deposit/emit   | did you mean "emits"?                             |
      | snapshots of none   | Account |                 |                         | , "snapshotEvery": 0              | /snapshotEvery           | expected a nonzero                                |

    Examples: Events
      | fault                           | name    | command                                                          | change                                         | more | pointer                          | message                                                             |
      | an event that it does not apply | Account | "emits": [{ "event": "Deposted" }]                               |                                                |      | /commands/deposit/emits/0/event  | Account has no event "Deposted": did you mean "Deposited"?          |
      | a reference to nothing          | Account | "emits": [{ "event": "Deposited", "data": "${/comand/payload}" }] |                                                |      | /commands/deposit/emits/0/data   | "/comand/payload" refers to "comand", which is not there: did you mean "command"? |
      | a change of nothing             | Account |                                                                  | { "set": "balance", "to": 1 }                  |      | /events/Deposited/0              | "balance" is no JSON pointer, expected such as "/balance"           |
      | a change to nothing             | Account |                                                                  | { "set": "/balance" }                          |      | /events/Deposited/0              | "set" goes with "to"                                                |
      | an unknown change               | Account |                                                                  | { "adds": "/balance", "by": 1 }                |      | /events/Deposited/0/adds         | did you mean "add"?                                                 |
      | a change by no number           | Account |                                                                  | { "add": "/balance", "by": true }              |      | /events/Deposited/0              | true is no number                                                   |
      | a change that refers to nothing | Account |                                                                  | { "add": "/balance", "by": "${/events/data}" } |      | /events/Deposited/0              | did you mean "event"?                                               |
      | a change that removes all       | Account |                                                                  | { "remove": "" }                               |      | /events/Deposited/0              | an aggregate's state cannot be removed                              |

    Examples: Rules
      | fault                     | name    | command                                                                  | change | more                                                          | pointer                                  | message                                       |
      | a payload that is no such | Account | "payload": { "type": "objekt" }                                          |        |                                                               | /commands/deposit/payload/type           | there is no type "objekt"                     |
      | a rule that is no schema  | Account | "refuse": [{ "unless": { "minimum": "x" }, "code": "NO", "message": "" }] |        |                                                               | /commands/deposit/refuse/0/unless/minimum | "x" is not of type "number"                   |
      | a code that is none       | Account | "refuse": [{ "unless": {}, "code": "not now", "message": "" }]           |        |                                                               | /commands/deposit/refuse/0/code          | "not now" is no code, expected UPPER_SNAKE case |
      | an invariant without code | Account |                                                                          |        | , "invariants": [{ "unless": {}, "code": "", "message": "" }] | /invariants/0/code                       | "" is no code                                 |

  @integration-10
  Scenario Outline: A projection with <fault> is refused
    Given the aggregate:
      """json
      {
        "name": "Account",
        "commands": { "deposit": { "emits": [{ "event": "Deposited" }] } },
        "events": { "Deposited": [] }
      }
      """
    And a service "Search"
      """json
      { "operations": { "index": { "kind": "create" } } }
      """
    When the projection is loaded:
      """json
      { "name": "<name>", "handles": { <handles> }<more> }
      """
    Then the fixture has these faults:
      | pointer   | message   |
      | <pointer> | <message> |

    Examples:
      | fault                            | name       | handles                                                  | more                                   | pointer                     | message                                                                     |
      | a negative window                | Balances   | "Deposited": {}                                          | , "errorWindow": "-5s"                 | /errorWindow                | the duration "-5s" is negative                                              |
      | a window that is no duration     | Balances   | "Deposited": {}                                          | , "errorWindow": 5                     | /errorWindow                | expected a duration such as "150 ms"                                        |
      | a negative delay                 | Balances   | "Deposited": {}                                          | , "retryDelay": "-1s"                  | /retryDelay                 | the duration "-1s" is negative                                              |
      | an event that no aggregate has   | Balances   | "Deposted": {}                                           |                                        | /handles/Deposted           | no aggregate has an event "Deposted": did you mean "Deposited"?             |
      | nothing to handle                | Balances   |                                                          |                                        | /handles                    | it handles no event                                                         |
      | a dot in its name                | a.b        | "Deposited": {}                                          |                                        | /name                       | "a.b" names no projection                                                   |
      | the name of a service            | Search     | "Deposited": {}                                          |                                        | /name                       | a service "Search" is there already                                         |
      | the name of the event store      | EventStore | "Deposited": {}                                          |                                        | /name                       | a service "EventStore" is there already                                     |
      | an unknown field                 | Balances   | "Deposited": { "chnges": [] }                            |                                        | /handles/Deposited/chnges   | did you mean "changes"?                                                     |
      | a key that refers to nothing     | Balances   | "Deposited": { "key": "${/state/id}" }                   |                                        | /handles/Deposited/key      | "/state/id" refers to "state", which is not there                           |
      | a change that refers to nothing  | Balances   | "Deposited": { "changes": [{ "set": "/a", "to": "${/evnt}" }] } |                                 | /handles/Deposited/changes/0 | did you mean "event"?                                                      |
      | a target that is no operation    | Balances   | "Deposited": {}                                          | , "target": "Search.indx"              | /target                     | operation "Search.indx" does not exist: did you mean "index"?               |
      | changes beside a target          | Balances   | "Deposited": { "changes": [{ "remove": "" }] }           | , "target": "Search.index"             | /handles/Deposited/changes  | the "target" keeps what it makes of events itself                           |
      | a reset of nothing               | Balances   | "Deposited": {}                                          | , "reset": "Search.index"              | /reset                      | it has no "target" to reset                                                 |

  @integration-10
  Scenario: A projection that is there already is refused
    Given the projection:
      """json
      { "name": "Balances", "handles": { "Deposited": {} } }
      """
    When the projection is loaded:
      """json
      { "name": "Balances", "handles": { "Deposited": {} } }
      """
    Then the fixture has these faults:
      | pointer | message                                   |
      | /name   | a projection "Balances" is there already |
