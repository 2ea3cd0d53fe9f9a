@needs-cqrs
Feature: Invalid aggregates and projections

  Definitions are read strictly: errors are reported when they are loaded, with the place and the nearest valid name.

  @integration-9
  Scenario: A valid aggregate is accepted
    When the aggregate is loaded:
      """json
      {
        "name": "Account",
        "description": "A bank account.",
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
      | fault                    | name    | command    | change | more                 | pointer                | message                                   |
      | no name                  |         |            |        |                      | /name                  | is not a valid name of an aggregate       |
      | a slash in its name      | a/b     |            |        |                      | /name                  | "a/b" is not a valid name of an aggregate |
      | an unknown field         | Account |            |        | , "invariant": []    | /invariant             | did you mean "invariants"?                |
      | an unknown field         | Account | "emit": [] |        |                      | /commands/deposit/emit | did you mean "emits"?                     |
      | a snapshot interval of 0 | Account |            |        | , "snapshotEvery": 0 | /snapshotEvery         | expected a nonzero                        |

    Examples: Decisions after a conflict
      | fault                       | name    | command | change | more                                                  | pointer       | message                                                               |
      | an unknown preset           | Account |         |        | , "decidedAnew": "constent"                           | /decidedAnew  | no preset is called "constent", did you mean "constant"?              |
      | a count alone               | Account |         |        | , "decidedAnew": 3                                    | /decidedAnew  | expected a retry policy: a preset's name, or an object of fields      |
      | a misspelt field            | Account |         |        | , "decidedAnew": { "maxRetires": 3 }                  | /decidedAnew  | unknown field `maxRetires`                                            |
      | a delay without a unit      | Account |         |        | , "decidedAnew": { "maxRetries": 3, "base": 20 }      | /decidedAnew  | expected a duration such as "150 ms"                                  |

    Examples: Events
      | fault                            | name    | command                                                           | change                                         | more | pointer                         | message                                                                         |
      | an unknown event                 | Account | "emits": [{ "event": "Deposted" }]                                |                                                |      | /commands/deposit/emits/0/event | Account has no event "Deposted": did you mean "Deposited"?                      |
      | an unknown reference in an event | Account | "emits": [{ "event": "Deposited", "data": "${/comand/payload}" }] |                                                |      | /commands/deposit/emits/0/data  | "${/comand/payload}" leads nowhere: did you mean "command"? |
      | an invalid pointer               | Account |                                                                   | { "set": "balance", "to": 1 }                  |      | /events/Deposited/0             | "balance" is not a valid JSON pointer, expected for example "/balance"          |
      | a change without a value         | Account |                                                                   | { "set": "/balance" }                          |      | /events/Deposited/0             | "set" takes "to"                                                                |
      | an unknown change                | Account |                                                                   | { "adds": "/balance", "by": 1 }                |      | /events/Deposited/0/adds        | did you mean "add"?                                                             |
      | a change by a boolean            | Account |                                                                   | { "add": "/balance", "by": true }              |      | /events/Deposited/0             | true is not a number                                                            |
      | an unknown reference in a change | Account |                                                                   | { "add": "/balance", "by": "${/events/data}" } |      | /events/Deposited/0             | did you mean "event"?                                                           |
      | a change that removes the state  | Account |                                                                   | { "remove": "" }                               |      | /events/Deposited/0             | an aggregate's state cannot be removed                                          |

    Examples: Upcasts
      | fault                         | name    | command | change | more                                                                        | pointer                   | message                                                                            |
      | an upcast of an unknown event | Account |         |        | , "upcasts": { "Deposted": { "1": [] } }                                    | /upcasts/Deposted         | there is no event "Deposted" to lift: did you mean "Deposited"?                    |
      | an upcast from no version     | Account |         |        | , "upcasts": { "Deposited": { "v1": [] } }                                  | /upcasts/Deposited/v1     | "v1" is not a version here: expected "1" without gaps                              |
      | an upcast that is left out    | Account |         |        | , "upcasts": { "Deposited": { "1": [], "3": [] } }                          | /upcasts/Deposited/3      | "3" is not a version here: expected "1, 2" without gaps                            |
      | an unknown change in one      | Account |         |        | , "upcasts": { "Deposited": { "1": [{ "sett": "/a", "to": 1 }] } }          | /upcasts/Deposited/1/0/sett | did you mean "set"?                                                              |
      | an unknown reference in one   | Account |         |        | , "upcasts": { "Deposited": { "1": [{ "set": "/a", "to": "${/evnt}" }] } }  | /upcasts/Deposited/1/0    | did you mean "event"?                                                              |
      | an upcast that removes it all | Account |         |        | , "upcasts": { "Deposited": { "1": [{ "remove": "" }] } }                   | /upcasts/Deposited/1/0    | an event's data cannot be removed                                                  |

    Examples: Rules
      | fault                       | name    | command                                                                   | change | more                                                          | pointer                                   | message                                                  |
      | an invalid payload schema   | Account | "payload": { "type": "objekt" }                                           |        |                                                               | /commands/deposit/payload/type            | there is no type "objekt"                                |
      | an invalid rule schema      | Account | "refuse": [{ "unless": { "minimum": "x" }, "code": "NO", "message": "" }] |        |                                                               | /commands/deposit/refuse/0/unless/minimum | "x" is not of type "number"                              |
      | an invalid code             | Account | "refuse": [{ "unless": {}, "code": "not now", "message": "" }]            |        |                                                               | /commands/deposit/refuse/0/code           | "not now" is not a valid code, expected UPPER_SNAKE case |
      | an invariant without a code | Account |                                                                           |        | , "invariants": [{ "unless": {}, "code": "", "message": "" }] | /invariants/0/code                        | "" is not a valid code                                   |

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
      | fault                            | name       | handles                                                         | more                       | pointer                      | message                                                         |
      | a negative window                | Balances   | "Deposited": {}                                                 | , "errorWindow": "-5s"     | /errorWindow                 | the duration "-5s" is negative                                  |
      | a numeric window                 | Balances   | "Deposited": {}                                                 | , "errorWindow": 5         | /errorWindow                 | expected a duration such as "150 ms"                            |
      | a negative delay                 | Balances   | "Deposited": {}                                                 | , "retryDelay": "-1s"      | /retryDelay                  | the duration "-1s" is negative                                  |
      | an unknown way to rebuild        | Balances   | "Deposited": {}                                                 | , "rebuild": "besides"     | /rebuild                     | did you mean "beside"?                                          |
      | a target rebuilt beside          | Balances   | "Deposited": {}                                                 | , "target": "Search.index", "rebuild": "beside" | /rebuild | there is no read model to be rebuilt beside                     |
      | an upcast of an unhandled event  | Balances   | "Deposited": {}                                                 | , "upcasts": { "Opened": { "1": [] } } | /upcasts/Opened  | there is no event "Opened" to lift                              |
      | an unknown event                 | Balances   | "Deposted": {}                                                  |                            | /handles/Deposted            | no aggregate has an event "Deposted": did you mean "Deposited"? |
      | no events to handle              | Balances   |                                                                 |                            | /handles                     | it handles no event                                             |
      | a dot in its name                | a.b        | "Deposited": {}                                                 |                            | /name                        | "a.b" is not a valid name of a projection                       |
      | the name of a service            | Search     | "Deposited": {}                                                 |                            | /name                        | a service "Search" exists already                               |
      | the name of the event store      | EventStore | "Deposited": {}                                                 |                            | /name                        | a service "EventStore" exists already                           |
      | an unknown field                 | Balances   | "Deposited": { "chnges": [] }                                   |                            | /handles/Deposited/chnges    | did you mean "changes"?                                         |
      | an unknown reference in a key    | Balances   | "Deposited": { "key": "${/state/id}" }                          |                            | /handles/Deposited/key       | "${/state/id}" leads nowhere                 |
      | an unknown reference in a change | Balances   | "Deposited": { "changes": [{ "set": "/a", "to": "${/evnt}" }] } |                            | /handles/Deposited/changes/0 | did you mean "event"?                                           |
      | an unknown target                | Balances   | "Deposited": {}                                                 | , "target": "Search.indx"  | /target                      | operation "Search.indx" does not exist: did you mean "index"?   |
      | changes beside a target          | Balances   | "Deposited": { "changes": [{ "remove": "" }] }                  | , "target": "Search.index" | /handles/Deposited/changes   | there is no read model to change: the events go to the "target" |
      | a reset without a target         | Balances   | "Deposited": {}                                                 | , "reset": "Search.index"  | /reset                       | it has no "target" to reset                                     |
