@needs-messaging
Feature: Calls of the messaging services that a breaker refuses
  A breaker's fallback is no proof that an event was handled, published or kept: the call is refused, and tried again.

  @integration-4 @resilience-3
  Scenario: A handler that was never called has not handled the event
    Given a service "Mail"
    And "Mail.send" handles "Ordered"
    And a circuit breaker on "Mail":
      | field            | value        |
      | failureThreshold | 1            |
      | recovery         | 1 h          |
      | fallback         | {"ok": true} |
    And "Mail.ping" fails 1 time with "CONNECTION_RESET"
    When "Mail.ping" is called
    And the event "Ordered" of "o-1" is published
    And every event is handled
    Then the timeline has none of:
      | event         | subscription |
      | event_handled | Mail.send    |
    And "Mail.send" is never executed

  @integration-4 @resilience-3
  Scenario: An event that the bus never got is published when the breaker lets it through
    Given a service "Mail"
    And "Mail.send" handles "Ordered"
    And a circuit breaker on "EventBus":
      | field            | value |
      | failureThreshold | 1     |
      | recovery         | 1 min |
      | fallback         | {}    |
    And "EventBus.publish" fails 1 time with "CONNECTION_RESET"
    When the event "Ordered" of "o-1" is published
    And the event "Ordered" of "o-2" is published
    And every event is handled
    And 1 h passes
    Then "Mail.send" is executed 2 times

  @integration-5 @resilience-3
  Scenario: A dead letter that its queue never got is kept when the breaker lets it through
    Given a service "Mail"
    And "Mail.send" handles "Ordered"
    And "Mail.send" fails 2 times with "PERMANENT_ERROR"
    And a circuit breaker on "DeadLetters":
      | field            | value |
      | failureThreshold | 1     |
      | recovery         | 1 min |
      | fallback         | {}    |
    And "DeadLetters.put" fails 1 time with "CONNECTION_RESET"
    When the event "Ordered" of "o-1" is published
    And the event "Ordered" of "o-2" is published
    And every event is handled
    And 1 h passes
    Then the dead letters are:
      | subject |
      | o-1     |
      | o-2     |

  @integration-4 @resilience-3
  Scenario: A publication that the outbox never stored fails
    Given a circuit breaker on "Outbox":
      | field            | value |
      | failureThreshold | 1     |
      | recovery         | 1 min |
      | fallback         | {}    |
    And "Outbox.store" fails 1 time with "CONNECTION_RESET"
    When the event "Ordered" of "o-1" is published
    And the event "Ordered" of "o-2" is published
    Then the publication fails with "SERVICE_UNAVAILABLE"

  @integration-2 @resilience-3
  Scenario: A callback that its target never got is recorded as failed
    Given a service "Reports"
    And a service "Inbox"
    And "Inbox.notify" receives the callbacks
    And a circuit breaker on "Inbox":
      | field            | value        |
      | failureThreshold | 1            |
      | recovery         | 1 h          |
      | fallback         | {"ok": true} |
    And "Inbox.ping" fails 1 time with "CONNECTION_RESET"
    When "Inbox.ping" is called
    And a request to "Reports.build" is submitted
    And the request ends
    And 1 min passes
    Then the timeline has, in order:
      | event           | status    |
      | callback_failed | completed |
