Feature: Precedence of policies
  Timeouts and retries can be set for all calls, for a step and for one operation.
  The most specific policy applies.

  Background:
    Given a service "Search"
    And the workflow:
      """json
      {
        "id": "report",
        "steps": [
          { "id": "find", "service": "Search", "operation": "find", "retry": "subscriber", "timeout": "4s" }
        ]
      }
      """
    And "Search.find" fails with "TRANSIENT_ERROR"

  Scenario: A step's retries take precedence over those of all calls
    Given every call is retried up to 5 times
    When the workflow runs
    Then the workflow is rolled back
    And "Search.find" waits "1 s, 2 s" between executions

  Scenario: An operation's retries take precedence over the step's
    Given "Search.find" is retried up to 3 times
    When the workflow runs
    Then "Search.find" waits "1 s, 2 s, 4 s" between executions

  Scenario: A direct call has the retries of all calls
    Given every call is retried up to 1 time
    When "Search.find" is called
    Then "Search.find" waits "100 ms" between executions

  Scenario: The number and the delays of retries are set separately
    Given the retry policy "constant"
    And every call is retried up to 2 times
    When "Search.find" is called
    Then "Search.find" waits "2 s, 2 s" between executions
