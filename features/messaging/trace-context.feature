@needs-messaging
Feature: Trace context
  Every event has a W3C traceparent. One that is given is continued in a new span; without one, or with
  an invalid one, a new trace starts.

  Background:
    Given a service "Mail"
    And "Mail.send" handles "OrderPlaced"

  @integration-12
  Scenario: A valid traceparent is continued
    When the event is published:
      """json
      { "type": "OrderPlaced", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }
      """
    Then the event is part of the trace "4bf92f3577b34da6a3ce929d0e0e4736"
    And the timeline has none of:
      | event   |
      | warning |
    And "Mail.send" is executed 1 time

  @integration-12
  Scenario Outline: A traceparent <fault> starts a new trace with a warning
    When the event is published:
      """json
      { "type": "OrderPlaced", "traceparent": "<traceparent>" }
      """
    Then the publication succeeds
    And the event is part of a new trace
    And the timeline has, in order:
      | event         | about                  | message                                                       |
      | warning       | event scenario#event-1 | "<traceparent>" is not a valid traceparent: <why>; a new trace begins |
      | event_stored  |                        |                                                               |
      | event_handled |                        |                                                               |

    Examples:
      | fault                    | traceparent                                              | why                                                                              |
      | with a trace of zeros    | 00-00000000000000000000000000000000-00f067aa0ba902b7-01  | the trace id is all zero                                                         |
      | with a parent of zeros   | 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01  | the parent id is all zero                                                        |
      | of version ff            | ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01  | the version ff is forbidden                                                      |
      | that is too short        | 00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01   | expected "00-<32 hex digits>-<16 hex digits>-<2 hex digits>" in lower case       |
      | that is too long         | 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x | expected "00-<32 hex digits>-<16 hex digits>-<2 hex digits>" in lower case       |
      | in capitals              | 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01  | expected "00-<32 hex digits>-<16 hex digits>-<2 hex digits>" in lower case       |
      | that is empty            |                                                          | expected "00-<32 hex digits>-<16 hex digits>-<2 hex digits>" in lower case       |

  @integration-12
  Scenario: An event without a traceparent starts a new trace
    When the event "OrderPlaced" is published
    Then the event is part of a new trace
    And the timeline has none of:
      | event   |
      | warning |
