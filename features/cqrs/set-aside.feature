@integration-10 @needs-cqrs
Feature: Events that a projection cannot apply

  An event that will never be applied can be set aside by hand. The projection then passes over it, and says so.

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
        "name": "Buyers",
        "handles": { "Sold": { "key": "${/event/data/amount}", "changes": [{ "add": "/times", "by": 1 }] } }
      }
      """
    When these commands are sent:
      | command | to  | payload           |
      | sell    | t-1 | { "amount": 1 }   |
      | sell    | t-1 | { "amount": [2] } |
      | refund  | t-1 | { "amount": 1 }   |
      | sell    | t-2 | { "amount": 3 }   |

  Scenario: An event that holds a projection back is set aside
    Then the checkpoint of "Buyers" is 1
    And no event is set aside by "Buyers"
    When 2 s pass
    And the failed event of "Buyers" is set aside
    Then no event holds "Buyers" back
    And the projection "Buyers" is running
    And the checkpoint of "Buyers" is 4
    And the read model "Buyers" has "3":
      """json
      { "times": 1 }
      """
    And "Buyers.apply" received in execution 4:
      | path      | value |
      | /position | 4     |
      | /after    | 2     |
    And the events set aside by "Buyers" are:
      | position | type | subject | code              | retries |
      | 2        | Sold | t-1     | VALIDATION_FAILED | 1       |
    And the timeline has, in order:
      | at  | event               | projection | position | type | code              | checkpoint |
      | 2 s | projection_failed   | Buyers     | 2        | Sold | VALIDATION_FAILED |            |
      | 2 s | event_set_aside     | Buyers     | 2        | Sold | VALIDATION_FAILED |            |
      | 2 s | projection_advanced | Buyers     |          | Sold |                   | 4          |

  Scenario: Setting the event aside resumes a projection that it has paused
    When the projections catch up
    Then the projection "Buyers" is paused
    When the failed event of "Buyers" is set aside
    Then the projection "Buyers" is running
    And the checkpoint of "Buyers" is 4
    And the timeline has, in order:
      | event              | projection |
      | projection_paused  | Buyers     |
      | event_set_aside    | Buyers     |
      | projection_resumed | Buyers     |

  Scenario: A rebuild tries the events again that were set aside
    When the failed event of "Buyers" is set aside
    And the projection "Buyers" is rebuilt
    Then no event is set aside by "Buyers"
    And the projection "Buyers" is rebuilding
    And the failed event of "Buyers" has:
      | path      | value |
      | /position | 2     |
    When the failed event of "Buyers" is set aside
    Then the projection "Buyers" is running
    And the checkpoint of "Buyers" is 4
    And the events set aside by "Buyers" are:
      | position |
      | 2        |

  Scenario: A new definition that can apply the event leaves none aside
    When the failed event of "Buyers" is set aside
    Given the projection:
      """json
      {
        "name": "Buyers",
        "handles": { "Sold": { "key": "all", "changes": [{ "append": "/amounts", "item": "${/event/data/amount}" }] } }
      }
      """
    When the projections catch up
    Then no event is set aside by "Buyers"
    And the read model "Buyers" has "all":
      """json
      { "amounts": [1, [2], 3] }
      """

  Scenario: The last event is set aside in a rebuild
    When the failed event of "Buyers" is set aside
    And the command "sell" is sent to "t-1" with:
      """json
      { "amount": {} }
      """
    And the projection "Buyers" is rebuilt
    And the failed event of "Buyers" is set aside
    And the failed event of "Buyers" is set aside
    Then the projection "Buyers" is running
    And the checkpoint of "Buyers" is 4
    And the events set aside by "Buyers" are:
      | position |
      | 2        |
      | 5        |

  Scenario: A call that takes effect after its event was set aside is ignored
    Given "Buyers.apply" times out after 1 s
    And "Buyers.apply" answers:
      | execution | answer    |
      | 4         | late 60 s |
    When the failed event of "Buyers" is set aside
    And the command "sell" is sent to "t-1" with:
      """json
      { "amount": 9 }
      """
    And 500 ms pass
    Then the checkpoint of "Buyers" is 4
    When 1 s passes
    And the failed event of "Buyers" is set aside
    Then the events set aside by "Buyers" are:
      | position |
      | 2        |
      | 5        |
    When 2 min pass
    Then the checkpoint of "Buyers" is 4
    And the read model "Buyers" has nothing for "9"

  Scenario: An event that was applied though its call failed is not passed over
    Given "Buyers.apply" answers:
      | execution | answer                     |
      | 4         | acts then error TOOL_ERROR |
    When the failed event of "Buyers" is set aside
    And the command "sell" is sent to "t-1" with:
      """json
      { "amount": 9 }
      """
    Then the failed event of "Buyers" has:
      | path      | value |
      | /position | 5     |
    When the failed event of "Buyers" is set aside
    Then no event holds "Buyers" back
    And the checkpoint of "Buyers" is 5
    And the events set aside by "Buyers" are:
      | position |
      | 2        |
    And the timeline has, in order:
      | event               | projection | position | checkpoint |
      | projection_failed   | Buyers     | 5        |            |
      | projection_advanced | Buyers     |          | 5          |
    And the read model "Buyers" has "9":
      """json
      { "times": 1 }
      """

  Scenario: A rebuild counts an event that was applied though its call failed
    When the failed event of "Buyers" is set aside
    Given "Buyers.replay" answers:
      | execution | answer                     |
      | 1         | acts then error TOOL_ERROR |
    When the projection "Buyers" is rebuilt
    Then the failed event of "Buyers" has:
      | path      | value |
      | /position | 1     |
    When the failed event of "Buyers" is set aside
    And the failed event of "Buyers" is set aside
    Then the checkpoint of "Buyers" is 4
    And the events set aside by "Buyers" are:
      | position |
      | 2        |
    And the timeline has, in order:
      | event              | projection | events | checkpoint |
      | projection_rebuilt | Buyers     | 2      | 4          |

  Scenario: A target service does not receive an event again that was set aside
    Given a service "Search"
    And the projection:
      """json
      { "name": "Index", "target": "Search.index", "reset": "Search.clear", "handles": { "Sold": {} } }
      """
    And "Search.index" fails 2 times with "TOOL_ERROR"
    When 2 s pass
    Then the failed event of "Index" has:
      | path      | value |
      | /position | 1     |
      | /retries  | 1     |
    When the failed event of "Index" is set aside
    Then the checkpoint of "Index" is 4
    And "Search.index" is executed 4 times
    And no effect happens twice
