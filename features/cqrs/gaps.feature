@integration-10 @needs-cqrs
Feature: Gaps between the events of a projection

  Positions have no gaps, but a store under load may show a later event before an earlier one. A projection that passed
  over the missing one would lose it for ever, so it waits for it and warns.

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

  Scenario: The events of a slow writer and of a fast one are both projected
    Given "EventStore.append" answers:
      | execution | answer          |
      | 1         | after 500 ms ok |
      | 2         | after 10 ms ok  |
    When these commands are sent at once:
      | command | to  | payload          |
      | sell    | t-1 | { "amount": 1 }  |
      | sell    | t-2 | { "amount": 10 } |
    Then the read model "Sums" has "all":
      """json
      { "sum": 11 }
      """

  Scenario Outline: A projection waits and warns once if a page <lacks>
    Given "EventStore.read" answers:
      | execution | answer                       |
      | 1-3       | reply {"events": [<events>]} |
    When these commands are sent at once:
      | command | to  | payload           |
      | sell    | t-1 | { "amount": 1 }   |
      | sell    | t-2 | { "amount": 10 }  |
      | sell    | t-3 | { "amount": 100 } |
    And 5 s pass
    Then the checkpoint of "Sums" is <checkpoint>
    And the projection "Sums" is running
    And no event holds "Sums" back
    And the timeline has, in order:
      | at  | event   | about | message                                                            |
      | 0 s | warning | Sums  | the event at position <missing> is missing<found>; it is waited for |
    And the timeline has none of:
      | at  | event   |
      | 2 s | warning |
      | 4 s | warning |
    When the projections catch up
    Then the checkpoint of "Sums" is 3
    And the read model "Sums" has "all":
      """json
      { "sum": 111 }
      """

    Examples:
      | lacks | events | checkpoint | missing | found |
      | lacks the first event | {"position": 2, "event": {"specversion": "1.0", "id": "t-2/1", "source": "/Till", "type": "Sold", "subject": "t-2", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 10}}} | 0 | 1 | , the store gave the one at 2 |
      | lacks an event in the middle | {"position": 1, "event": {"specversion": "1.0", "id": "t-1/1", "source": "/Till", "type": "Sold", "subject": "t-1", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 1}}}, {"position": 3, "event": {"specversion": "1.0", "id": "t-3/1", "source": "/Till", "type": "Sold", "subject": "t-3", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 100}}} | 1 | 2 | , the store gave the one at 3 |
      | has the events in the wrong order | {"position": 1, "event": {"specversion": "1.0", "id": "t-1/1", "source": "/Till", "type": "Sold", "subject": "t-1", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 1}}}, {"position": 3, "event": {"specversion": "1.0", "id": "t-3/1", "source": "/Till", "type": "Sold", "subject": "t-3", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 100}}}, {"position": 2, "event": {"specversion": "1.0", "id": "t-2/1", "source": "/Till", "type": "Sold", "subject": "t-2", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 10}}} | 1 | 2 | , the store gave the one at 3 |
      | repeats an event | {"position": 1, "event": {"specversion": "1.0", "id": "t-1/1", "source": "/Till", "type": "Sold", "subject": "t-1", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 1}}}, {"position": 1, "event": {"specversion": "1.0", "id": "t-1/1", "source": "/Till", "type": "Sold", "subject": "t-1", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 1}}}, {"position": 3, "event": {"specversion": "1.0", "id": "t-3/1", "source": "/Till", "type": "Sold", "subject": "t-3", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 100}}} | 1 | 2 | , the store gave the one at 3 |
      | is empty |  | 0 | 1 | , the store gave none |

  Scenario: A rebuild waits for an event that a page lacks
    When these commands are sent:
      | command | to  | payload           |
      | sell    | t-1 | { "amount": 1 }   |
      | sell    | t-2 | { "amount": 10 }  |
      | sell    | t-3 | { "amount": 100 } |
    Given "EventStore.read" answers:
      | execution | answer                       |
      | 4         | reply {"events": [{"position": 1, "event": {"specversion": "1.0", "id": "t-1/1", "source": "/Till", "type": "Sold", "subject": "t-1", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 1}}}, {"position": 3, "event": {"specversion": "1.0", "id": "t-3/1", "source": "/Till", "type": "Sold", "subject": "t-3", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 100}}}]} |
    When the projection "Sums" is rebuilt
    Then the projection "Sums" is rebuilding
    And the checkpoint of "Sums" is 1
    When the projections catch up
    Then the projection "Sums" is running
    And the checkpoint of "Sums" is 3
    And the read model "Sums" has "all":
      """json
      { "sum": 111 }
      """

  Scenario: A late call during a rebuild does not make it skip events
    Given "Sums.apply" times out after 1 s
    And "Sums.apply" answers:
      | execution | answer   |
      | 1         | late 3 s |
    And "EventStore.read" answers:
      | execution | answer                                |
      | 3         | after 2 s reply {"events": [{"position": 1, "event": {"specversion": "1.0", "id": "t-1/1", "source": "/Till", "type": "Refunded", "subject": "t-1", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 1}}}]} |
    When these commands are sent:
      | command | to  | payload          |
      | refund  | t-1 | { "amount": 1 }  |
      | sell    | t-2 | { "amount": 10 } |
    And 2500 ms pass
    And the projection "Sums" is rebuilt
    And the projections catch up
    Then the checkpoint of "Sums" is 2
    And the read model "Sums" has "all":
      """json
      { "sum": 10 }
      """
    And the timeline has, in order:
      | at      | event              | projection | events | checkpoint |
      | 5500 ms | projection_rebuilt | Sums       | 1      | 2          |

  Scenario: A gap that comes again is warned of again
    Given "EventStore.read" answers:
      | execution | answer                                |
      | 1         | reply {"events": [{"position": 2, "event": {"specversion": "1.0", "id": "t-2/1", "source": "/Till", "type": "Sold", "subject": "t-2", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 10}}}]} |
      | 3         | reply {"events": [{"position": 3, "event": {"specversion": "1.0", "id": "t-3/1", "source": "/Till", "type": "Sold", "subject": "t-3", "time": "2025-01-01T00:00:00Z", "sequence": "1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "data": {"amount": 100}}}]} |
    When the command "sell" is sent to "t-1" with:
      """json
      { "amount": 1 }
      """
    And 2 s pass
    Then the checkpoint of "Sums" is 1
    When the command "sell" is sent to "t-2" with:
      """json
      { "amount": 10 }
      """
    And the projections catch up
    Then the checkpoint of "Sums" is 2
    And the timeline has, in order:
      | at  | event   | message                                                                               |
      | 0 s | warning | the event at position 1 is missing, the store gave the one at 2; it is waited for |
      | 2 s | warning | the event at position 2 is missing, the store gave the one at 3; it is waited for |
