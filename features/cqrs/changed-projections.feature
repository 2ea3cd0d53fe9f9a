@integration-10 @needs-cqrs
Feature: Projections whose definition changes

  A read model holds what one definition made of the events. Under a definition that makes something else of them it is
  rebuilt, in place or beside the old one, which is read until the new one has caught up.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Till",
        "initial": { "sum": 0 },
        "commands": {
          "sell": { "emits": [{ "event": "Sold", "data": { "amount": "${/command/payload/amount}" } }] },
          "refund": { "emits": [{ "event": "Refunded", "data": { "amount": "${/command/payload/amount}" } }] }
        },
        "events": {
          "Sold": [{ "set": "/last", "to": "${/event/data/amount}" }],
          "Refunded": [{ "set": "/last", "to": "${/event/data/amount}" }]
        }
      }
      """
    And the projection:
      """json
      {
        "name": "Sums",
        "handles": { "Sold": { "key": "all", "changes": [{ "add": "/sum", "by": "${/event/data/amount}" }] } }
      }
      """
    When these commands are sent:
      | command | to  | payload         |
      | sell    | t-1 | { "amount": 5 } |
      | refund  | t-1 | { "amount": 2 } |
      | sell    | t-1 | { "amount": 1 } |

  Scenario: A projection that handles events in another way is rebuilt
    Given "Sums.replay" fails 1 time with "TOOL_ERROR"
    And the projection:
      """json
      {
        "name": "Sums",
        "handles": {
          "Sold": { "key": "all", "changes": [{ "add": "/sum", "by": "${/event/data/amount}" }] },
          "Refunded": { "key": "all", "changes": [{ "subtract": "/sum", "by": "${/event/data/amount}" }] }
        }
      }
      """
    When the projections catch up
    Then the read model "Sums" has "all":
      """json
      { "sum": 4 }
      """
    And the timeline has, in order:
      | event              | projection | events | checkpoint |
      | projection_rebuilt | Sums       | 3      | 3          |

  Scenario: A projection that handles events as before continues after its checkpoint
    Given the projection:
      """json
      {
        "name": "Sums",
        "description": "What is in the tills.",
        "retryDelay": "10 s",
        "handles": { "Sold": { "key": "all", "changes": [{ "by": "${/event/data/amount}", "add": "/sum" }] } }
      }
      """
    And "Sums.apply" fails 1 time with "TOOL_ERROR"
    When the command "sell" is sent to "t-1" with:
      """json
      { "amount": 7 }
      """
    And 9 s pass
    Then the checkpoint of "Sums" is 3
    When 1 s passes
    Then the checkpoint of "Sums" is 4
    And the read model "Sums" has "all":
      """json
      { "sum": 13 }
      """
    And the timeline has none of:
      | event              |
      | projection_rebuilt |

  Scenario Outline: After <what> changed, the read model is as if it had always been so
    Given the projection:
      """json
      {
        "name": "Sums",
        "handles": { "Sold": { "key": "<key>", "changes": [{ "<change>": "/sum", "by": "${/event/data/amount}" }] } },
        "upcasts": { <upcasts> }
      }
      """
    When the projections catch up
    Then the read model "Sums" has "<key>":
      """json
      { "sum": <sum> }
      """

    Examples:
      | what      | key | change   | upcasts                                           | sum |
      | a key     | one | add      |                                                   | 6   |
      | a change  | all | subtract |                                                   | -6  |
      | an upcast | all | add      | "Sold": { "1": [{ "set": "/amount", "to": 50 }] } | 100 |

  Scenario: A read model that is rebuilt in place is read as it fills
    Given "Sums.replay" fails 1 time with "TOOL_ERROR"
    When the projection "Sums" is rebuilt
    And "Sums" is queried for "all"
    Then the reply has:
      | path                 | value |
      | /data                | null  |
      | /metadata/checkpoint | 0     |

  Rule: A read model may be rebuilt beside the old one

    Background:
      Given the projection:
        """json
        {
          "name": "Sums",
          "rebuild": "beside",
          "handles": { "Sold": { "key": "all", "changes": [{ "add": "/sum", "by": "${/event/data/amount}" }] } }
        }
        """

    Scenario: The old read model is read and goes on until the new one has caught up
      Given "Sums.replay" fails 2 times with "TOOL_ERROR"
      When the projection "Sums" is rebuilt
      Then the projection "Sums" is rebuilding
      And the checkpoint of "Sums" is 3
      When the command "sell" is sent to "t-1" with:
        """json
        { "amount": 7 }
        """
      And "Sums" is queried for "all"
      Then the reply has:
        | path                 | value |
        | /data/sum            | 13    |
        | /metadata/checkpoint | 4     |
      And the projection "Sums" is rebuilding
      And the failed event of "Sums" has:
        | path        | value      |
        | /position   | 1          |
        | /error/code | TOOL_ERROR |
      When the projections catch up
      Then the projection "Sums" is running
      And no event holds "Sums" back
      And the checkpoint of "Sums" is 4
      And the read model "Sums" has "all":
        """json
        { "sum": 13 }
        """
      And the timeline has, in order:
        | at  | event               | checkpoint | events |
        | 0 s | projection_advanced | 4          |        |
        | 4 s | projection_rebuilt  | 4          | 3      |

    Scenario: A new definition is read when it has caught up with the old one
      Given "Sums.replay" fails 2 times with "TOOL_ERROR"
      And the projection:
        """json
        {
          "name": "Sums",
          "rebuild": "beside",
          "handles": {
            "Sold": { "key": "all", "changes": [{ "add": "/sum", "by": "${/event/data/amount}" }] },
            "Refunded": { "key": "all", "changes": [{ "subtract": "/sum", "by": "${/event/data/amount}" }] }
          }
        }
        """
      When the command "sell" is sent to "t-1" with:
        """json
        { "amount": 7 }
        """
      Then the read model "Sums" has "all":
        """json
        { "sum": 13 }
        """
      When the projections catch up
      Then the read model "Sums" has "all":
        """json
        { "sum": 11 }
        """
      When the command "refund" is sent to "t-1" with:
        """json
        { "amount": 1 }
        """
      Then the read model "Sums" has "all":
        """json
        { "sum": 10 }
        """

    Scenario: An event that arrives during the last replay is replayed too before the new one is read
      Given "Sums.replay" takes 1 s
      And "Sums.replay" fails 1 time with "TOOL_ERROR"
      When the projection "Sums" is rebuilt
      And 2500 ms pass
      And the command "sell" is sent to "t-1" without waiting for projections, with:
        """json
        { "amount": 7 }
        """
      And 400 ms pass
      Then the read model "Sums" has "all":
        """json
        { "sum": 13 }
        """
      When 200 ms pass
      Then the projection "Sums" is rebuilding
      And the read model "Sums" has "all":
        """json
        { "sum": 13 }
        """
      When the projections catch up
      Then the projection "Sums" is running
      And "Sums.replay" is executed 3 times
      And the read model "Sums" has "all":
        """json
        { "sum": 13 }
        """

    Scenario: A poison event pauses the new one, and the old one is still read
      Given the projection:
        """json
        {
          "name": "Sums",
          "rebuild": "beside",
          "handles": { "Sold": { "key": "all", "changes": [{ "set": "/sum", "to": "${/event/data/missing}" }] } }
        }
        """
      When the projections catch up
      Then the projection "Sums" is paused
      When the command "sell" is sent to "t-1" with:
        """json
        { "amount": 7 }
        """
      Then the read model "Sums" has "all":
        """json
        { "sum": 13 }
        """
      Given the projection:
        """json
        {
          "name": "Sums",
          "handles": { "Sold": { "key": "all", "changes": [{ "add": "/sum", "by": "${/event/data/amount}" }] } }
        }
        """
      When the projections catch up
      Then the projection "Sums" is running
      And the read model "Sums" has "all":
        """json
        { "sum": 13 }
        """

  Rule: Another service that receives the events is reset

    Background:
      Given a service "Search"
      And the projection:
        """json
        { "name": "Index", "target": "Search.index", "reset": "Search.clear", "handles": { "Sold": {} } }
        """
      When the projections catch up

    Scenario: A target receives all events again under a new definition
      Given the projection:
        """json
        {
          "name": "Index", "target": "Search.index", "reset": "Search.clear",
          "handles": { "Sold": {}, "Refunded": {} },
          "upcasts": { "Sold": { "1": [{ "set": "/price", "to": "${/event/data/amount}" }, { "remove": "/amount" }] } }
        }
        """
      When the projections catch up
      Then "Search.clear" is executed 1 time
      And "Search.index" is executed 5 times
      And "Search.index" received in execution 3:
        | path        | value          |
        | /event/type | Sold           |
        | /event/data | { "price": 5 } |
      And "Search.index" received in execution 4:
        | path        | value           |
        | /event/type | Refunded        |
        | /event/data | { "amount": 2 } |
      And no effect happens twice

    Scenario: A new definition whose target cannot be reset is refused
      When the projection is loaded:
        """json
        { "name": "Index", "target": "Search.index", "handles": { "Sold": {}, "Refunded": {} } }
        """
      Then the fixture has these faults:
        | pointer | message                                                                     |
        | /reset  | it handles events in another way than before, so its target has to be reset |
