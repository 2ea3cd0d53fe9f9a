@needs-cqrs
Feature: Calls of the event store and of projections that a breaker refuses
  A breaker's fallback is no proof that an event was appended or applied.

  Background:
    Given the aggregate:
      """json
      {
        "name": "Shelf", "initial": { "n": 0 },
        "commands": { "put": { "emits": [{ "event": "Put" }] } },
        "events": { "Put": [{ "add": "/n", "by": 1 }] }
      }
      """

  @integration-10 @resilience-3
  Scenario: An event that a projection never got is applied when the breaker lets it through
    Given the projection:
      """json
      { "name": "Counts", "handles": { "Put": { "key": "all", "changes": [{ "add": "/n", "by": 1 }] } } }
      """
    And a circuit breaker on "Counts":
      | field            | value |
      | failureThreshold | 1     |
      | recovery         | 1 min |
      | fallback         | {}    |
    And "Counts.apply" fails 1 time with "TOOL_ERROR"
    When the command "put" is sent to "s-1"
    And the command "put" is sent to "s-1"
    And 1 h passes
    And the projections catch up
    Then the read model "Counts" has "all":
      """json
      { "n": 2 }
      """

  @integration-9 @resilience-3
  Scenario: A command whose events the store never appended fails
    Given a circuit breaker on "EventStore":
      | field            | value                        |
      | failureThreshold | 1                            |
      | recovery         | 1 min                        |
      | fallback         | {"version": 0, "events": []} |
    And "EventStore.append" fails 1 time with "CONNECTION_RESET"
    When the command "put" is sent to "s-1"
    And the command "put" is sent to "s-1"
    Then the command fails with "SERVICE_UNAVAILABLE"
